"""A country's agency registry for the benchmarks: many agencies, all event types, many agreements, invented.

The benchmarks' own agencies stand among the others with their own agreements, so that the same events have
the same two deliveries in either registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from hub.contracts.names import AgencyCode, EventType
from hub.contracts.schemas import Contracts
from hub.launch.bench import world
from hub.registry.agencies import event_types
from hub.registry.model import HUB_DOMAIN

AGENCIES = 186
AGREEMENTS = 1000
_OWN_AGREEMENTS = 2
_OWN_AGENCIES = (world.SOURCE, world.RECIPIENT, world.MASKED_RECIPIENT)
_MASKED_EVERY = 2
_STEPS = (1, 7, 31, 61, 89, 113)
"""How far on, in the row of agencies, those stand who receive: an agency agrees with that many others."""


def types() -> list[EventType]:
    """Return every event type that an agency can be granted."""
    return [each for each in event_types(Contracts.load()) if not each.startswith(HUB_DOMAIN)]


def write_registry(folder: Path, agencies: int = AGENCIES, agreements: int = AGREEMENTS) -> None:
    """Write the files of a registry: the benchmarks' own and as many generated ones as make up the numbers.

    Each generated agency is granted every event type; each generated agreement covers all of them, and every
    second one withholds every personal field.
    """
    world.write_registry(folder)
    codes = [AgencyCode(f"agency-{number:03}") for number in range(agencies - len(_OWN_AGENCIES))]
    granted = [str(each) for each in types()]
    withheld = _personal()
    texts = {
        "agencies": [
            # One partition each keeps the broker small: 5 files a partition, three topics an agency.
            {"code": code, "title": {"fa": code, "en": code}, "publishes": granted, "partitions": 1}
            for code in codes
        ],
        "agreements": [
            _agreement(source, recipient, withheld if number % _MASKED_EVERY else {})
            for number, (source, recipient) in zip(
                range(agreements - _OWN_AGREEMENTS), _pairs(codes), strict=False
            )
        ],
    }
    for kind, documents in texts.items():
        text = yaml.dump_all(documents, Dumper=_Plain, allow_unicode=True, sort_keys=False)
        (folder / kind / "country.yaml").write_text(text, encoding="utf-8")


class _Plain(yaml.SafeDumper):
    """Writes everything out: our files have no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Say that nothing is written as a reference."""
        return True


def _pairs(codes: list[AgencyCode]) -> Iterator[tuple[AgencyCode, AgencyCode]]:
    for step in _STEPS:
        for place, code in enumerate(codes):
            yield code, codes[(place + step) % len(codes)]


def _personal() -> dict[EventType, list[str]]:
    contracts = Contracts.load()
    return {
        type_: [note.name for note in contracts.newest(type_).fields if note.personal] for type_ in types()
    }


def _agreement(
    source: AgencyCode, recipient: AgencyCode, withheld: dict[EventType, list[str]]
) -> dict[str, object]:
    return {
        "id": f"{source}-to-{recipient}",
        "from": source,
        "to": recipient,
        "purpose": {"code": "benchmark", "fa": "سنجش", "en": "Measuring"},
        "legal_basis": "none: invented agencies",
        "events": {
            str(type_): {"withhold": withheld[type_]} if withheld.get(type_) else "all" for type_ in types()
        },
        "subject": "pass",
        "case_id": "pass",
        "valid": {"from": "2020-03-20T00:00:00+03:30"},
    }
