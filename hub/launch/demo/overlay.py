"""The agency registry for a log of anybody's: the example's files, and beside them what the mapping brings.

An agency that the registry lacks is added with grants of the mapping's event types and with agreements to the
window and to supervision. A journey comes from the mapping, or is made where the mapping says deadlines.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from hub.contracts.names import AgencyCode, EventType
from hub.contracts.schemas import Contracts
from hub.contracts.topics import SUPERVISION, WINDOW
from hub.errors import ConfigError
from hub.launch.demo.mapping import Mapping
from hub.registry.files import load
from hub.registry.model import Registry

_PEOPLE = frozenset({"handled_by", "supervised_by", "responsible", "decided_by"})
"""Who in an office did something: supervision counts hand-overs by it, the window has no business with it."""
_ENDS = {"service.request.completed.v1": "completed", "service.request.withdrawn.v1": "withdrawn"}
_MOMENTS = {
    "service.request.completed.v1": "completed_at",
    "service.request.withdrawn.v1": "withdrawn_at",
}
_CALENDAR = "iran"


def write(base: Path, folder: Path, rules: Mapping, agency: AgencyCode, beside: Path) -> Registry:
    """Write the registry's files for a log into a folder, and return what they say.

    `base` is the registry's own folder, `beside` the folder in which the mapping's journeys lie. What earlier
    logs have brought stays. Raises ConfigError naming each fault.
    """
    contracts = Contracts.load()
    shutil.copytree(base, folder, dirs_exist_ok=True)
    known = load(base, contracts)
    types = sorted({rule.type for rule in rules.events})
    own = f"log-{agency}"
    if agency not in known.agencies:
        _dump(folder / "agencies" / f"{own}.yaml", [_agency(rules, agency, types)])
        _dump(folder / "agreements" / f"{own}.yaml", _agreements(agency, types, contracts))
    for kind, given in (("calendars", rules.calendars), ("journeys", rules.journeys)):
        if given:
            _dump(folder / kind / f"{own}.yaml", [_document(each, beside) for each in given])
    made = None if rules.journeys or agency in known.agencies else _journey(rules, agency)
    if made is not None:
        _dump(folder / "journeys" / f"{own}.yaml", [made])
    registry = load(folder, contracts)
    _check(registry, agency, types)
    return registry


def _check(registry: Registry, agency: AgencyCode, types: list[str]) -> None:
    for name in types:
        type_ = EventType(name)
        received = {each.recipient for each in registry.agreements_for(agency, type_)}
        if not registry.may_publish(agency, type_) or SUPERVISION not in received:
            raise ConfigError(
                f"agency {agency} may not publish {name}, or supervision does not receive it from there.",
                do="Map to a type that it has, or name an agency of your own in the mapping.",
            )


def _agency(rules: Mapping, agency: AgencyCode, types: list[str]) -> dict[str, Any]:
    title = {language: rules.title.get(language, agency) for language in ("fa", "en")}
    return {"code": agency, "title": title, "publishes": types}


def _agreements(agency: AgencyCode, types: list[str], contracts: Contracts) -> list[dict[str, Any]]:
    found = []
    for recipient, kept in ((WINDOW, frozenset[str]()), (SUPERVISION, _PEOPLE)):
        events: dict[str, Any] = {}
        for name in types:
            notes = contracts.versions(EventType(name))[-1].fields
            withheld = [note.name for note in notes if note.personal and note.name not in kept]
            events[name] = {"withhold": withheld} if withheld else "all"
        found.append(
            {
                "id": f"{agency}-{recipient}",
                "from": str(agency),
                "to": str(recipient),
                "purpose": {"code": "replayed-log", "fa": "بازپخش یک نگاشت رویداد", "en": "Replaying a log"},
                "legal_basis": "Example: a log replayed for trying the hub out",
                "events": events,
                "subject": "pseudonym",
                "case_id": "pass",
                "valid": {"from": "2020-03-20T00:00:00+03:30"},
            }
        )
    return found


def _document(given: str | dict[str, Any], beside: Path) -> Any:
    """Return a journey or calendar, inline or from its file beside the mapping."""
    if isinstance(given, dict):
        return given
    path = beside / given
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"the file cannot be read: {error}.", where=str(path)) from None


def _journey(rules: Mapping, agency: AgencyCode) -> dict[str, Any] | None:
    """Return the journey that the mapping's deadlines make, None where it maps none.

    Started by the first row's events, ended by a request's completion or withdrawal, due by `deadline_at`.
    """
    mapped = {name for part in (rules.fields, rules.first, rules.last) for name in part}
    mapped.update(name for rule in rules.events for name in rule.fields)
    starts = [rule for rule in rules.events if rule.when.get("row") in ("first", "only")]
    ends = [_end(rules, name) for name in _ENDS if any(rule.type == name for rule in rules.events)]
    if "deadline_at" not in mapped or not starts or not ends:
        return None
    return {
        "id": f"log-{agency}",
        "title": {"fa": f"پرونده‌های {agency}", "en": f"Cases of {agency}"},
        "calendar": _CALENDAR,
        "services": rules.service_id,
        "openers": str(agency),
        "starts": [{"event": name} for name in dict.fromkeys(rule.type for rule in starts)],
        "ends": ends,
        "deadline": {"field": "deadline_at", "rule": "As the log says"},
    }


def _end(rules: Mapping, type_: str) -> dict[str, Any]:
    moment = _MOMENTS[type_]
    told = {name for rule in rules.events if rule.type == type_ for name in rule.fields}
    end = {"event": type_, "state": _ENDS[type_]}
    return end | {"at": moment} if moment in told else end


def _dump(path: Path, documents: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")
