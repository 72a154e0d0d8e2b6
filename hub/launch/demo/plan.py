"""What the demo sends, agency by agency, and what each record is meant to become. Pure: it never differs.

Every row of the four logs is one event. Declared on top of them: a catalogue, obligations, consultations and
ratings (invented), events in structured mode, an event that nobody may have, repeated events, and refused
events of every reason class. Whatever has a time is sent in its window of event time, ties by place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, islice
from pathlib import Path

from connectors.sdk import Event
from connectors.sdk.events import Record, to_record
from hub import resources
from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.topics import WINDOW
from hub.launch.demo import invented, mapping, ratings, refused, tables, windows
from hub.launch.demo.items import Item, Raw
from hub.launch.demo.mapping import letters
from hub.launch.demo.windows import Batch, Course

MUNICIPALITIES = tuple(AgencyCode(f"municipality-{number}") for number in (1, 2, 3))
OFFICE = AgencyCode("permit-office")
ISLANDS = (*MUNICIPALITIES, OFFICE)
PORTAL = AgencyCode("service-portal")
SOURCES = (*ISLANDS, PORTAL, WINDOW)
TIMED = (*ISLANDS, WINDOW)
"""Who sends in windows of event time; the portal's catalogue has none."""
REGISTER, FEES, STATISTICS = (AgencyCode(c) for c in ("permit-register", "fee-collector", "statistics"))
RECIPIENTS = (REGISTER, FEES, STATISTICS)

PACED_EVENTS = 2000
PER_SECOND = 200.0
REPEATED = 125
REJECTIONS = 3
SERVICES = {
    "environmental-permit": ("پروانهٔ محیط زیست و ساختمان", "Environmental permit"),
    "environmental-permit-receipt": ("دریافت درخواست پروانه", "Receipt of an environmental permit request"),
}
"""The demo agencies' own services, declared beside the portal's."""


def data_folder() -> Path:
    """Return the folder of the demo's data."""
    return resources.folder("demo")


@cache
def log_events(agency: AgencyCode) -> tuple[Event, ...]:
    """Return the events of an agency's log, by time and where times tie by place."""
    folder = data_folder()
    name = "permit-office" if agency == OFFICE else "municipality"
    rules = mapping.load(folder / "mappings" / f"{name}.yaml")
    return tuple(mapping.events(rules, tables.read_log(folder / f"{agency}.json.gz"), agency))


@cache
@cache
def timed(agency: AgencyCode) -> tuple[Event, ...]:
    """Return what an agency sends in windows of event time, in the order of sending."""
    found: list[Event] = list(log_events(agency)) if agency in ISLANDS else list(invented.views())
    found += [*invented.obligations(agency), *invented.consultations(agency)]
    if agency == OFFICE:
        found += ratings.feedback()
    return tuple(sorted(found, key=moment))


def moment(event: Event) -> datetime:
    """Return the time of one of the plan's events."""
    time = event.time
    return datetime.fromisoformat(time) if isinstance(time, str) else time


@cache
def course(days: int = windows.DAYS) -> Course:
    """Return the windows of event time over everything that is sent with a time of its own."""
    events = sorted(moment(event) for agency in MUNICIPALITIES for event in log_events(agency))
    times = [moment(event) for agency in TIMED for event in timed(agency)]
    # A millisecond before the events that are sent at a pace, so that none of their moment goes before.
    turn = events[-PACED_EVENTS:][0].astimezone(UTC) - timedelta(milliseconds=1)
    numbers = {windows.day_number(time) for time in times}
    return Course(tuple(windows.ends(min(times), max(times), numbers, days, [turn])), turn)


def batches(agency: AgencyCode, codec: Codec, plan: Course) -> Iterator[Batch]:
    """Yield what an agency sends, window by window; the events after the turn at a steady pace.

    What has no time of its own goes with the last window before the turn.
    """
    pairs = ((moment(event), event) for event in timed(agency))
    share = PER_SECOND / len(MUNICIPALITIES)
    for end, items in zip(plan.ends, windows.split(pairs, plan.ends), strict=True):
        extra = untimed(agency, codec, plan.turn) if end == plan.turn else ()
        yield Batch(end, chain(items, extra), share if end > plan.turn else None)


def untimed(agency: AgencyCode, codec: Codec, turn: datetime) -> Iterator[Item]:
    """Yield what an agency sends outside of event time; repeats are of events up to the turn."""
    if agency == PORTAL:
        yield from _catalogue()
    elif agency == WINDOW:
        yield _unclaimed()
    elif agency in ISLANDS:
        early = [event for event in log_events(agency) if moment(event) <= turn]
        yield from _repeated(agency, early, codec)
        if agency == OFFICE:
            yield from _structured()
            yield from refused.records(early[0], OFFICE, MUNICIPALITIES[0], codec)


def whole(agency: AgencyCode, codec: Codec) -> list[Item]:
    """Return everything that an agency sends, in order."""
    if agency == PORTAL:
        return list(_catalogue())
    return [item for batch in batches(agency, codec, course()) for item in batch.items]


def paced_ids() -> frozenset[str]:
    """Return the ids of the events that are sent at a steady pace, one window after another."""
    turn = course().turn
    events = (event for agency in MUNICIPALITIES for event in log_events(agency))
    return frozenset(event.id for event in events if moment(event) > turn)


def rejected_ids() -> frozenset[str]:
    """Return the ids of the events whose delivery the permit register rejects."""
    return frozenset(event.id for event in islice(log_events(OFFICE), REJECTIONS))


def declaration(codec: Codec) -> dict[str, int]:
    """Return how many records of each kind the demo sends."""
    others = [item for agency in SOURCES for item in untimed(agency, codec, course().turn)]
    raws = Counter(item.fate for item in others if isinstance(item, Raw))
    events = [event for agency in TIMED for event in timed(agency)]
    kinds = Counter(event.type.partition(".")[0] for event in events)
    return {
        **{f"log rows of {agency}": len(log_events(agency)) for agency in ISLANDS},
        "services declared": len(list(_catalogue())),
        "feedback": kinds["feedback"],
        "obligations: declared, reported, objected to": kinds["programme"],
        "consultations and views in them": kinds["participation"],
        "structured mode": raws.pop("structured"),
        "repeated": raws.pop("duplicate"),
        "unclaimed": 1,
        "rejections by the permit register": REJECTIONS,
        **{f"refused: {reason}": count for reason, count in sorted(raws.items())},
    }


def expected(codec: Codec) -> dict[str, int]:
    """Return how often each verdict must come: routed, unclaimed, duplicate, and each reason class.

    What the hub says itself (its clock, its notices) is routed beside them.
    """
    sent = declaration(codec)
    refusals = {
        name.removeprefix("refused: "): count for name, count in sent.items() if name.startswith("refused: ")
    }
    others = {"unclaimed": sent["unclaimed"], "duplicate": sent["repeated"]}
    routed = sum(sent.values()) - sum(refusals.values()) - sum(others.values())
    return {"routed": routed, **others, **refusals}


def refused_ids(codec: Codec) -> dict[str, str]:
    """Return the id of one refused record of each reason class."""
    kept = ("duplicate", "structured")
    sent = untimed(OFFICE, codec, course().turn)
    raws = [item for item in sent if isinstance(item, Raw) and item.fate not in kept]
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


def _repeated(agency: AgencyCode, events: list[Event], codec: Codec) -> Iterator[Raw]:
    """Send some events again exactly as they were, as a connector does that has lost its notes."""
    for event in events[:: len(events) // REPEATED][:REPEATED]:
        yield Raw(event.id, to_record(event, agency, codec), "duplicate")


def _structured() -> Iterator[Raw]:
    """Send feedback as JSON documents."""
    for name, document in ratings.structured():
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
