"""The agencies of the benchmarks, and their events: one source, two recipients; a topic for peers.

Two event types by turns. Of the one both recipients get everything; of the other one recipient's agreement
withholds personal fields. So every event has two deliveries, and half of the events need a mask.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from connectors.sdk import Event
from connectors.sdk.events import Record, to_record
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode

SOURCE = AgencyCode("bench-source")
RECIPIENT = AgencyCode("bench-register")
MASKED_RECIPIENT = AgencyCode("bench-statistics")
SINK = "bench.sink"
"""The topic that peers write to, of no agency: on an inbox, what is not the gate's is a fault."""
STEP = "service.step.completed.v1"
DECIDED = "service.request.decided.v1"
TYPES = (STEP, DECIDED)
WITHHELD = ("handled_by", "supervised_by", "responsible")

_NAMESPACE = uuid.UUID("5f1c9d5e-3f0e-4a68-9a05-1f6f3a8c2b10")
_EVENTS_OF_A_CASE = 12
_DATA = {
    STEP: {
        "service_id": "building-permit",
        "activity_code": "01_HOOFD_110",
        "activity_name": "activity of the main procedure",
        "handled_by": "pseudonym-560872",
        "role": "case handler",
        "department": "general",
        "group": "permits",
        "phase": "intake",
        "case_type": "building",
        "planned_at": 1_300_000_000_000,
        "finished_at": 1_300_000_050_000,
        "complete": True,
        "parts": ["building"],
        "province": "IR-23",
    },
    DECIDED: {
        "service_id": "building-permit",
        "decision": "granted",
        "decision_reason": "the plans keep to the zoning plan of the district",
        "handled_by": "pseudonym-560872",
        "responsible": "pseudonym-560890",
        "decided_at": 1_300_000_000_000,
        "activity_name": "decision on the request",
        "group": "permits",
        "phase": "decision",
        "parts": ["building"],
        "province": "IR-23",
    },
}


def write_registry(folder: Path) -> None:
    """Write the agency registry's files of the benchmarks."""
    publishes = list(TYPES)
    agencies = [
        _agency(SOURCE, publishes),
        *(_agency(code, []) for code in (RECIPIENT, MASKED_RECIPIENT)),
    ]
    agreements = [
        _agreement(RECIPIENT, dict.fromkeys(TYPES, "all")),
        _agreement(MASKED_RECIPIENT, {STEP: "all", DECIDED: {"withhold": list(WITHHELD)}}),
    ]
    for kind, documents in (("agencies", agencies), ("agreements", agreements)):
        target = folder / kind
        target.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False)
        (target / "bench.yaml").write_text(text, encoding="utf-8")


def _agency(code: AgencyCode, publishes: list[str]) -> dict[str, object]:
    return {"code": code, "title": {"fa": code, "en": code}, "publishes": publishes}


def _agreement(recipient: AgencyCode, events: dict[str, object]) -> dict[str, object]:
    return {
        "id": f"{recipient}-reads",
        "from": SOURCE,
        "to": recipient,
        "purpose": {"code": "benchmark", "fa": "سنجش", "en": "Measuring"},
        "legal_basis": "none: invented events",
        "events": events,
        "subject": "pass",
        "case_id": "pass",
        "valid": {"from": "2020-03-20T00:00:00+03:30"},
    }


Events = Callable[[int], Iterator[Event]]
"""Yields events from a number on, for ever."""


def events(first: int) -> Iterator[Event]:
    """Yield the events from a number on, for ever; a number always gives the same event."""
    for number in itertools.count(first):
        type_ = TYPES[number % 2]
        yield Event(
            type=type_,
            data=_DATA[type_],
            id=event_id(number),
            time="2026-03-21T08:30:00+03:30",
            caseid=f"{SOURCE}/{number // _EVENTS_OF_A_CASE:08}",
        )


def event_id(number: int) -> str:
    """Return the id of an event."""
    return str(uuid.uuid5(_NAMESPACE, str(number)))


def records(
    codec: Codec, first: int, count: int, source: AgencyCode = SOURCE, made: Events = events
) -> Iterator[Record]:
    """Yield so many events as the SDK of `source` writes them; `made`: other events than these."""
    for event in itertools.islice(made(first), count):
        yield to_record(event, source, codec)
