"""What the demo sends, agency by agency, and what each record is meant to become. Pure: it never differs.

Every row of the four logs is one event. Declared on top of them: a catalogue, feedback, events in structured
mode, an event that nobody may have, repeated events, and refused events of every reason class.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

from connectors.sdk import Event
from connectors.sdk.events import Record, to_record
from hub import resources
from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode, SchemaId, source_uri
from hub.contracts.topics import WINDOW
from hub.launch.demo import mapping, tables
from hub.launch.demo.mapping import letters

MUNICIPALITIES = tuple(AgencyCode(f"municipality-{number}") for number in (1, 2, 3))
OFFICE = AgencyCode("permit-office")
ISLANDS = (*MUNICIPALITIES, OFFICE)
PORTAL = AgencyCode("service-portal")
SOURCES = (*ISLANDS, PORTAL, WINDOW)
REGISTER, FEES, STATISTICS = (AgencyCode(c) for c in ("permit-register", "fee-collector", "statistics"))
RECIPIENTS = (REGISTER, FEES, STATISTICS)

PACED_EVENTS = 2000
REPEATED = 125
FEEDBACK = 200
STRUCTURED = 50
REJECTIONS = 3
SERVICES = {
    "environmental-permit": ("پروانهٔ محیط زیست و ساختمان", "Environmental permit"),
    "environmental-permit-receipt": ("دریافت درخواست پروانه", "Receipt of an environmental permit request"),
}
"""The demo agencies' own services, declared beside the portal's."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record that the SDK would not send: repeated, structured or bad. `fate` is its verdict or class."""

    id: str
    record: Record | NullRecord
    fate: str


@dataclass(frozen=True, slots=True)
class NullRecord:
    """A record without a value."""

    key: bytes
    headers: list[tuple[str, bytes]]
    value: None = None


Item = Event | Raw


def data_folder() -> Path:
    """Return the folder of the demo's data."""
    return resources.folder("demo")


@cache
def log_events(agency: AgencyCode) -> tuple[Event, ...]:
    """Return the events of an agency's log, in the order of sending."""
    folder = data_folder()
    name = "permit-office" if agency == OFFICE else "municipality"
    rules = mapping.load(folder / "mappings" / f"{name}.yaml")
    return tuple(mapping.events(rules, tables.read_log(folder / f"{agency}.json.gz"), agency))


def bulk(agency: AgencyCode, codec: Codec) -> list[Item]:
    """Return what an agency sends at full speed."""
    if agency == PORTAL:
        return list(_catalogue())
    if agency == WINDOW:
        return [_unclaimed()]
    events = log_events(agency)
    if agency != OFFICE:
        return [*events, *_repeated(agency, events, codec)]
    early = events[:-PACED_EVENTS]
    return [
        *early,
        *_repeated(agency, early, codec),
        *_feedback(),
        *_structured(),
        *_bad(early[0], codec),
    ]


def paced(agency: AgencyCode) -> list[Item]:
    """Return what an agency sends at a steady pace afterwards: the end of the permit office's log."""
    return list(log_events(agency)[-PACED_EVENTS:]) if agency == OFFICE else []


def whole(agency: AgencyCode, codec: Codec) -> list[Item]:
    """Return everything that an agency sends, in order."""
    return [*bulk(agency, codec), *paced(agency)]


def rejected_ids() -> frozenset[str]:
    """Return the ids of the events whose delivery the permit register rejects."""
    return frozenset(event.id for event in islice(log_events(OFFICE), REJECTIONS))


def declaration(codec: Codec) -> dict[str, int]:
    """Return how many records of each kind the demo sends."""
    raws = Counter(item.fate for agency in SOURCES for item in bulk(agency, codec) if isinstance(item, Raw))
    return {
        **{f"log rows of {agency}": len(log_events(agency)) for agency in ISLANDS},
        "services declared": len(list(_catalogue())),
        "feedback": FEEDBACK,
        "structured mode": raws.pop("structured"),
        "repeated": raws.pop("duplicate"),
        "unclaimed": 1,
        "rejections by the permit register": REJECTIONS,
        **{f"refused: {reason}": count for reason, count in sorted(raws.items())},
    }


def expected(codec: Codec) -> dict[str, int]:
    """Return how often each verdict must come: routed, unclaimed, duplicate, and each reason class."""
    sent = declaration(codec)
    refusals = {
        name.removeprefix("refused: "): count for name, count in sent.items() if name.startswith("refused: ")
    }
    others = {"unclaimed": sent["unclaimed"], "duplicate": sent["repeated"]}
    routed = sum(sent.values()) - sum(refusals.values()) - sum(others.values())
    return {"routed": routed, **others, **refusals}


def refused(codec: Codec) -> dict[str, str]:
    """Return the id of one refused record of each reason class."""
    kept = ("duplicate", "structured")
    raws = [item for item in bulk(OFFICE, codec) if isinstance(item, Raw) and item.fate not in kept]
    return {item.fate: item.id for item in raws}


def providers() -> int:
    """Return how many organisations offer the services of the portal's catalogue."""
    return len(set(tables.read_table(data_folder() / "catalogue.json.gz").columns["agency_id"]))


def _catalogue() -> Iterator[Event]:
    """Declare the real portal's services and the demo agencies' own; subjects keep each service's order."""
    declared = "catalogue.service.declared.v1"
    time = "2026-02-14T12:00:00+03:00"
    for row in tables.read_table(data_folder() / "catalogue.json.gz").rows():
        data = {
            "service_id": row["service_id"],
            "title_en": row["service_name"],
            "state": "listed",
            "provider_id": row["agency_id"],
            "provider_name_en": row["agency_name"],
            "ministry_id": row["ministry_id"],
            "ministry_name_en": row["ministry_name"],
            "channels": ["online"],
        }
        service = str(row["service_id"])
        yield Event(type=declared, data=data, subject=service, id=letters("catalogue", service), time=time)
    for service, (fa, en) in SERVICES.items():
        own = {"service_id": service, "title_fa": fa, "title_en": en, "state": "connected"}
        yield Event(type=declared, data=own, subject=service, id=letters("catalogue", service), time=time)


def _feedback() -> Iterator[Event]:
    for number in range(FEEDBACK):
        service = list(SERVICES)[number % 2]
        data = {
            "service_id": service,
            "rating": 1 + number * 7 % 5,
            "aspect": "whole",
            "solved": number % 3 > 0,
        }
        yield Event(
            type="feedback.rating.given.v1",
            data=data,
            channel="mobile",
            id=letters("feedback", number),
            time=f"2026-03-{1 + number % 28:02}T10:00:00+03:30",
        )


def _repeated(agency: AgencyCode, events: tuple[Event, ...], codec: Codec) -> Iterator[Raw]:
    """Send some events again exactly as they were, as a connector does that has lost its notes."""
    for event in events[:: len(events) // REPEATED][:REPEATED]:
        yield Raw(event.id, to_record(event, agency, codec), "duplicate")


def _structured() -> Iterator[Raw]:
    """Send feedback as JSON documents."""
    for number in range(STRUCTURED):
        name = letters("structured", number)
        document = {
            "specversion": "1.0",
            "id": name,
            "source": source_uri(OFFICE, "customer-contact"),
            "type": "feedback.rating.given.v1",
            "time": "2026-03-21T08:30:00+03:30",
            "channel": "counter",
            "data": {"service_id": "environmental-permit-receipt", "rating": 1 + number % 5, "rating_max": 5},
        }
        headers = [(envelope.CONTENT_TYPE, envelope.STRUCTURED.encode())]
        yield Raw(name, Record(name.encode(), json.dumps(document).encode(), headers), "structured")


def _unclaimed() -> Event:
    """Return an event that its agency may publish and that nobody may have, for want of an agreement."""
    return Event(
        type="service.request.submitted.v1",
        data={"service_id": "environmental-permit", "applicant_kind": "person"},
        id=letters("unclaimed", 1),
        caseid=f"{WINDOW}/first-request",
        channel="online",
        time="2026-03-21T08:30:00+03:30",
    )


def _bad(known: Event, codec: Codec) -> Iterator[Raw]:
    """Send what the hub must refuse, at least one of every reason class that it can give."""

    def event(name: str, **changes: str) -> Event:
        base = Event(
            type="service.step.completed.v1",
            data={"service_id": "environmental-permit-receipt"},
            id=letters("bad", name),
            time="2026-03-21T08:30:00+03:30",
            subsystem="general",
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def raw(fate: str, sound: Event, **changes: object) -> Raw:
        record = to_record(sound, OFFICE, codec)
        if changes.get("value", b"") is None:
            return Raw(sound.id, NullRecord(record.key, record.headers), fate)
        return Raw(sound.id, replace(record, **changes), fate)  # type: ignore[arg-type]

    def headers(sound: Event, **changes: str | None) -> list[tuple[str, bytes]]:
        kept = [
            (name, value) for name, value in to_record(sound, OFFICE, codec).headers if name not in changes
        ]
        return kept + [(name, text.encode()) for name, text in changes.items() if text is not None]

    yield raw("frame", event("null value"), value=None)
    yield raw("frame", event("short"), value=b"\0\0")
    yield raw("frame", event("magic"), value=b'{"service_id": "x"}')
    yield raw("envelope", event("no time"), headers=headers(event("no time"), ce_time=None))
    yield raw("envelope", event("forged"), headers=headers(event("forged"), **{"hub-seq": "1"}))
    yield raw("envelope", event("key"), key=b"another-key")
    yield raw(
        "source-mismatch",
        event("mismatch"),
        headers=headers(event("mismatch"), ce_source=source_uri(MUNICIPALITIES[0])),
    )
    # Zeros compress to almost nothing, so the broker takes them; the hub measures what an event really is.
    yield raw("too-large", event("large"), value=b"\0" * 2_000_000)
    framed = to_record(event("schema"), OFFICE, codec).value
    yield raw(
        "unknown-schema", event("schema"), value=b"\0" + SchemaId(999_999).to_bytes(4, "big") + framed[5:]
    )
    yield raw("decode", event("cut"), value=framed[:-1])
    yield raw("decode", event("longer"), value=framed + b"\0")
    yield raw("invalid", event("national number", subject=national_number(123456789)))
    yield raw("not-allowed", event("not granted", type="catalogue.service.declared.v1"))
    changed = replace(known, data={**known.data, "activity_name": "something else"})
    yield raw("id-conflict", changed)


def national_number(first_nine: int) -> str:
    """Return the valid Iranian national number that begins with nine given digits."""
    digits = f"{first_nine:09}"
    rest = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    return digits + str(rest if rest < 2 else 11 - rest)
