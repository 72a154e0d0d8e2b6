"""The agency registry's files, a folder for each kind of object, read into a `Registry`.

Everything that is wrong is found in one pass and reported together, each with file, line and field. The
format is described in docs/reference/agency-registry.md and docs/reference/journeys.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from hub.contracts.schemas import Contracts
from hub.contracts.topics import SUPERVISION
from hub.errors import ConfigError
from hub.registry.agencies import Agencies
from hub.registry.agreements import Agreements
from hub.registry.calendar_files import Calendars
from hub.registry.forms import AgencyForm, AgreementForm, read_form
from hub.registry.journey_files import Journeys
from hub.registry.journey_forms import CalendarForm, JourneyForm
from hub.registry.journey_sight import Sight
from hub.registry.journeys import Journey
from hub.registry.model import Registry
from hub.registry.yamldocs import Document, Fault, did_you_mean, read_documents

FORMS: dict[str, type[BaseModel]] = {
    "agencies": AgencyForm,
    "agreements": AgreementForm,
    "calendars": CalendarForm,
    "journeys": JourneyForm,
}
"""The folders and the form of a document in each."""

_OTHER = frozenset({"README.md"})
_Read = TypeVar("_Read", bound=BaseModel)


def load(
    folder: Path, contracts: Contracts, earlier: Mapping[str, Mapping[int, Journey]] | None = None
) -> Registry:
    """Return the registry that a folder's files describe, with version 0 everywhere.

    `earlier` are the versions of journeys that were applied before, by id: what migrations begin with.
    Without it, that is not checked here (hub.registry.journey_migrations.refusals does before an apply).

    Raises one ConfigError whose text names every fault as `file:line: field: what is wrong`.
    """
    if not any((folder / kind).is_dir() for kind in FORMS):
        raise ConfigError(
            "this is no folder of the agency registry.",
            where=str(folder),
            do="Name the folder that holds agencies/ and agreements/.",
        )
    faults = _strangers(folder)
    registry = _Reading(folder, contracts, faults, earlier).registry()
    if faults:
        lines = "\n  ".join(str(fault) for fault in sorted(set(faults)))
        count = "1 fault" if len(set(faults)) == 1 else f"{len(set(faults))} faults"
        raise ConfigError(f"the agency registry has {count}:\n  {lines}", where=str(folder))
    return registry


class _Reading:
    """One pass over a folder; what is wrong goes to `faults`."""

    def __init__(
        self,
        folder: Path,
        contracts: Contracts,
        faults: list[Fault],
        earlier: Mapping[str, Mapping[int, Journey]] | None,
    ) -> None:
        self._earlier = earlier
        self._folder = folder
        self._contracts = contracts
        self._faults = faults

    def registry(self) -> Registry:
        """Return what the files hold, whatever is faulty left out."""
        agencies, agreements = Agencies(self._contracts), Agreements(self._contracts)
        for agency, document in self._forms(AgencyForm, "agencies"):
            agencies.add(agency, document)
        registered = agencies.finish()
        unread = len(self._faults)
        for agreement, document in self._forms(AgreementForm, "agreements"):
            agreements.add(agreement, document, registered, agencies.mentioned)
        doubtful = set(agencies.mentioned) - registered.keys()
        doubtful |= {source for source, recipient in agreements.unsound if recipient == SUPERVISION}
        if len(self._faults) > unread:
            doubtful |= registered.keys()
        self._faults += [*agencies.faults, *agreements.faults]
        known = Registry(0, registered, agreements.finish())
        return self._with_journeys(known, Sight(known, frozenset(doubtful)), agencies.mentioned)

    def _with_journeys(self, known: Registry, sight: Sight, agencies: frozenset[str]) -> Registry:
        calendars = Calendars()
        unread = len(self._faults)
        for calendar, document in self._forms(CalendarForm, "calendars"):
            calendars.add(calendar, document)
        whole = len(self._faults) == unread
        journeys = Journeys(
            self._contracts,
            sight,
            calendars.mentioned if whole else None,
            agencies | known.agencies.keys(),
            self._earlier,
        )
        for journey, document in self._forms(JourneyForm, "journeys"):
            journeys.add(journey, document)
        found = journeys.finish()
        self._faults += [*calendars.faults, *journeys.faults]
        return Registry(0, known.agencies, known.agreements, found, calendars.finish())

    def _forms(self, form: type[_Read], kind: str) -> Iterator[tuple[_Read, Document]]:
        for path in sorted((self._folder / kind).glob("*.yaml")):
            documents, wrong = read_documents(path, str(path.relative_to(self._folder)))
            self._faults += wrong
            for document in documents:
                read, wrong = read_form(form, document)
                self._faults += wrong
                if read is not None:
                    yield read, document


def _strangers(folder: Path) -> list[Fault]:
    """Return a fault for whatever would be silently left out: other folders, other endings."""
    faults = []
    for path in sorted(folder.iterdir()):
        if path.name in FORMS and path.is_dir():
            faults += [
                Fault(str(each.relative_to(folder)), 1, "", "is no *.yaml file; it would be left out.")
                for each in sorted(path.iterdir())
                if not (each.is_file() and each.suffix == ".yaml") and not each.name.startswith(".")
            ]
        elif path.name not in _OTHER and not path.name.startswith("."):
            advice = did_you_mean(path.name, FORMS) or f" Here belong {_listed()}."
            faults.append(Fault(path.name, 1, "", f"is no part of the agency registry.{advice}"))
    return faults


def _listed() -> str:
    *names, last = (f"{name}/" for name in FORMS)
    return f"{', '.join(names)} and {last}"
