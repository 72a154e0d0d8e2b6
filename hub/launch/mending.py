"""Faults of the ledger, told and mended: the audit's books, the logs and the hub's outbox together.

`choose` and `Order` are pure; the rest reads PostgreSQL and Kafka, and writes to the hub's outbox.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from hub.audit.books import INTAKE, Fault, Repair
from hub.audit.due import Judge
from hub.audit.explain import Explained, explain
from hub.broker import events
from hub.broker.auditing.secret import read_secret
from hub.broker.desk.desk import Desk, Pen, Work, hub_event
from hub.broker.desk.history import sent
from hub.broker.desk.people import Person
from hub.broker.desk.places import At, fetch, place_of
from hub.broker.registry_topic import read_registry
from hub.contracts import envelope, jsonform, structured, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import EventType, RouteId
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError, HubError
from hub.parked.acts import VIEWED
from hub.parked.outgoing import Outgoing
from hub.parked.replay import afresh
from hub.registry.model import Registry
from hub.settings import Settings
from hub.store import audit

REPAIRED = EventType("hub.ledger.repaired.v1")
MENDING = Work(
    topics.DESK_MENDING,
    "the repair was not written: another repair began meanwhile.",
    "Run it again when that one has ended.",
)
WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.5
_RESENT = frozenset({"missing", "altered"})
_SHOWN_AS_INTAKE = "intake"


class NothingToMendError(HubError):
    """The ledger has no such fault, or none that can be mended so."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be mended: one event's faults, on a route or (None) on all; by redelivery or explanation."""

    origin: Origin
    reason: str
    person: Person
    route: str | None = None
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a repair did: `replay` is where the event was sent again, `resent` whether by this run.

    `verdict` is the gate's on the replay, asked for only where the faults are not repaired yet.
    """

    faults: tuple[Fault, ...]
    left: tuple[Fault, ...]
    replay: Origin | None = None
    resent: bool = False
    repaired: bool = False
    verdict: str | None = None
    balanced: dict[str, bool] = field(default_factory=dict)


def repair_of(fault: Fault, repairs: Iterable[Repair]) -> Repair | None:
    """Return what mended a fault, None while it is open."""
    for each in repairs:
        same = (each.route, each.origin) == (fault.route, fault.origin)
        if same and (not each.kinds or fault.kind in each.kinds):
            return each
    return None


def event_of(record: Record) -> Envelope | None:
    """Return the envelope of an outbox record as far as it can be read, else None."""
    try:
        if envelope.is_structured(record.headers):
            return structured.parse(record.headers, record.value, may_speak_for_others=True).envelope
        return envelope.read_headers(record.headers, may_speak_for_others=True)
    except ContractError:
        return None


def shown(route: str) -> str:
    """Return a route's name for people; the intake has none of its own."""
    return route or _SHOWN_AS_INTAKE


def named(route: str) -> str:
    """Return the route that people mean: `intake` is the intake's."""
    return INTAKE if route == _SHOWN_AS_INTAKE else route


@dataclass(frozen=True, slots=True)
class Told:
    """One fault with all that is known of it; `cut` is how far its source partition is judged.

    `original` is the outbox record, `found` what was found in the inbox or in hub.parked; None where there is
    none, or retention has removed it. `explained` compares the two; None where the pseudonyms' key or the
    edition is not at hand.
    """

    fault: Fault
    repair: Repair | None
    cut: int | None
    original: Record | None
    found: Record | None
    explained: Explained | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-able dict, without any content."""
        fault, mended = self.fault, self.repair
        event = event_of(self.original) if self.original is not None else None
        return {
            "route": shown(fault.route),
            "kind": fault.kind,
            "origin": str(fault.origin),
            "event_id": event.id if event else None,
            "event_type": event.type if event else None,
            "edition": fault.edition,
            "at": _moment(fault.at_ms),
            "cut": self.cut,
            "detail": self.explained.what if self.explained else fault.detail,
            "differs": list(self.explained.differs) if self.explained else None,
            "found": "/".join(map(str, fault.found)) if fault.found else None,
            "original_kept": self.original is not None,
            "found_kept": self.found is not None if fault.found else None,
            "open": mended is None,
            "repaired": None
            if mended is None
            else {
                "action": mended.action,
                "by": mended.by,
                "reason": mended.reason,
                "at": _moment(mended.at_ms),
            },
        }

    def contents(self, codec: Codec) -> dict[str, Any]:
        """Return the versions whole, as JSON-able dicts for who may see them; None for what is not there.

        `original` is the event as its agency sent it, `due` what the recipient should have got.
        """
        return {
            "original": contents(self.original, codec),
            "due": self.explained.due if self.explained else None,
            "found": contents(self.found, codec),
        }


def contents(record: Record | None, codec: Codec) -> dict[str, Any] | None:
    """Return key, headers and data of a record for who may see them; bytes that are no text, as base64."""
    if record is None:
        return None
    data: Any
    try:
        contract, raw = codec.decode(record.value)
        data = jsonform.to_json(contract, raw)
    except ContractError:
        data = _bytes(record.value)
    headers = [[name, _bytes(value)] for name, value in record.headers]
    return {"place": record.origin, "key": _bytes(record.key), "headers": headers, "data": data}


def choose(faults: Sequence[Fault], repairs: Sequence[Repair], order: Order) -> list[Fault]:
    """Return the open faults that an order mends; raise NothingToMendError saying why there is none."""
    where = str(order.origin)
    meant = [each for each in faults if order.route in (None, each.route)]
    if not meant:
        on = "" if order.route is None else f" on {shown(order.route)}"
        raise NothingToMendError(
            f"the audit has found no fault of this event{on}.",
            where=where,
            do="`hub ledger` names the routes with faults, `hub ledger explain ROUTE` their origins.",
        )
    open_ = [each for each in meant if repair_of(each, repairs) is None]
    if not open_:
        done = repair_of(meant[0], repairs)
        told = f"{done.action} by {done.by}: {done.reason}" if done and done.by else "it arrived later"
        raise NothingToMendError(f"every fault of this event is repaired already ({told}).", where=where)
    if order.explain:
        return open_
    again = [each for each in open_ if _can_be_sent(each)]
    if not again:
        kinds = ", ".join(sorted({each.kind for each in open_}))
        raise NothingToMendError(
            f"sending the event again does not mend what is {kinds}.",
            where=where,
            do="Look at it (`hub ledger explain`), tell its recipient, and close it with --explain.",
        )
    return again


def tell(
    settings: Settings, books: Engine, route: str | None, origin: Origin | None, most: int
) -> tuple[list[Told], int]:
    """Return up to `most` faults, open ones first, with what the logs hold of them; and the count of all.

    Raises BrokerError or StoreError.
    """
    faults = audit.faults(books, route, origin)
    repairs = audit.repairs(books, route, origin)
    mended = {each: repair_of(each, repairs) for each in faults}
    shown_ = sorted(faults, key=lambda each: mended[each] is not None)[:most]
    places = {_place(each.origin) for each in shown_} | {each.found for each in shown_ if each.found}
    records = {place_of(record): record for record in fetch(settings, places)}
    sheet = audit.sheet(books) or {"intake": []}
    cuts = {(line["topic"], line["partition"]): line["next"] for line in sheet["intake"]}
    explainer = _Explainer(settings)
    told = []
    for each in shown_:
        original = records.get(_place(each.origin))
        found = records.get(each.found) if each.found else None
        cut = cuts.get((each.origin.topic, each.origin.partition))
        explained = explainer.explain(each, original, found)
        told.append(Told(each, mended[each], cut, original, found, explained))
    return told, len(faults)


class _Explainer:
    """Compares what was due with what was found, by the edition that each fault was judged by."""

    def __init__(self, settings: Settings) -> None:
        secret = read_secret(settings.data_dir)
        codec = Codec(Contracts.load())
        self._judge = None if secret is None else Judge(codec, secret, settings.gate.event_bytes)
        self._editions = read_registry(settings, topics.READER_PRINCIPAL)

    def explain(self, fault: Fault, original: Record | None, found: Record | None) -> Explained | None:
        try:
            registry = self._editions.edition(fault.edition)
        except ContractError:
            return None
        if self._judge is None:
            return None
        return explain(self._judge, registry, fault, original, found)


def repair(settings: Settings, books: Engine, order: Order) -> Outcome:
    """Mend faults, and wait until the audit says so (at most WAIT_SECONDS).

    Raises NothingToMendError, BrokerError or StoreError. May be repeated: nothing is sent a second time.
    """
    faults, repairs = audit.faults(books, origin=order.origin), audit.repairs(books, origin=order.origin)
    chosen = choose(faults, repairs, order)
    left = tuple(each for each in faults if each not in chosen and repair_of(each, repairs) is None)
    original = next(fetch(settings, [_place(order.origin)]), None)
    replay, resent = None, False
    if order.explain:
        _close(settings, order, chosen, original)
    else:
        replay, resent = _send_again(settings, order, chosen, original)
    done = _wait(books, order, chosen)
    verdict = _verdict(settings, replay, original) if replay and original and not done else None
    return Outcome(tuple(chosen), left, replay, resent, done, verdict, _balanced(books, chosen))


def step(
    order: Order, chosen: Iterable[Fault], original: Record | None, codec: Codec, *, intake: bool
) -> Outgoing:
    """Return the record of what was done to those faults that are of routes, or of the intake."""
    mended = [each for each in chosen if (each.route == INTAKE) == intake]
    event = event_of(original) if original is not None else None
    data = {
        "origin": str(order.origin),
        "routes": [] if intake else sorted({each.route for each in mended}),
        "kinds": sorted({each.kind for each in mended}),
        "action": "explained" if order.explain else "redelivered",
        "event_id": event.id if event else None,
        "source_agency": event.agency if event else _source(order.origin),
        "repaired_by": order.person.name,
        "reason": order.reason,
        "repaired_at": datetime.now(UTC),
    }
    return hub_event(codec, (REPAIRED, data))


def viewed(settings: Settings, person: Person, purpose: str, told: Iterable[Told]) -> None:
    """Record that somebody looks at the contents of events; confirmed when this returns."""
    pen, codec = Pen(settings, person.principal), Codec(Contracts.load())
    for origin, one in {each.fault.origin: each for each in told}.items():
        event = event_of(one.original) if one.original is not None else None
        data = {
            "origin": str(origin),
            "event_id": event.id if event else None,
            "source_agency": _source(origin),
            "event_type": event.type if event else None,
            "viewed_by": person.name,
            "viewer_agency": topics.HUB,
            "purpose": purpose,
            "viewed_at": datetime.now(UTC),
        }
        pen.write(hub_event(codec, (VIEWED, data)))


def _steps(order: Order, chosen: Sequence[Fault], original: Record | None) -> list[Outgoing]:
    codec = Codec(Contracts.load())
    sides = sorted({each.route == INTAKE for each in chosen})
    return [step(order, chosen, original, codec, intake=side) for side in sides]


def _close(settings: Settings, order: Order, chosen: Sequence[Fault], original: Record | None) -> None:
    with Desk(settings, order.person.principal, MENDING) as desk:
        desk.write(_steps(order, chosen, original))


def _send_again(
    settings: Settings, order: Order, chosen: Sequence[Fault], original: Record | None
) -> tuple[Origin, bool]:
    """Return the place of the replay, and whether it was sent now rather than by a run before."""
    if original is None:
        raise NothingToMendError(
            "the original is gone: retention has removed it from its outbox.",
            where=str(order.origin),
            do="Ask its agency to send it again under a new id, and close the fault with --explain.",
        )
    routes = sorted({each.route for each in chosen} - {INTAKE})
    _check_reach(settings, original, routes)
    with Desk(settings, order.person.principal, MENDING) as desk:
        before = sent(settings, order.origin, min(each.at_ms for each in chosen))
        useful = [each for each in before if _still_counts(settings, each.place, original)]
        covered = {route for route in routes if any(each.reaches(route) for each in useful)}
        if useful and covered == set(routes):
            return useful[-1].place, False
        again = afresh(original, set(routes) - covered)
        places = desk.write([*_steps(order, chosen, original), again])
    return places[-1], True


def _check_reach(settings: Settings, original: Record, routes: Iterable[str]) -> None:
    """Refuse what the gate would refuse or send nowhere by the agency registry in force now."""
    registry = read_registry(settings, topics.READER_PRINCIPAL).current
    event = event_of(original)
    if registry is None or event is None:
        return
    closed = [route for route in routes if not _open_now(registry, route)]
    if not registry.may_publish(event.agency, event.type):
        raise NothingToMendError(
            f"{event.agency} may not publish {event.type} any more, so the gate would park it.",
            where=original.origin,
            do="Close the fault with --explain, or give the grant back.",
        )
    if closed:
        raise NothingToMendError(
            f"no agreement in force leads to its recipient any more: {', '.join(closed)}.",
            where=original.origin,
            do="Close the fault with --explain; what has no agreement is not delivered.",
        )


def _open_now(registry: Registry, route: str) -> bool:
    agreement = registry.agreement_of(RouteId(route))
    return agreement is not None and agreement.in_force(datetime.now(UTC))


def _still_counts(settings: Settings, place: Origin, original: Record) -> bool:
    """Say whether an earlier replay may still mend the fault: one that was parked does not."""
    return _verdict(settings, place, original) != "parked"


def _verdict(settings: Settings, place: Origin, original: Record) -> str | None:
    """Return the gate's verdict on a replay: routed, unclaimed, parked or waiting; None: not to be told."""
    event = event_of(original)
    if event is None:
        return None
    found = events.find(settings, event.id, topics.HUB, timedelta(days=14))
    return next((each.verdict for each in found if each.origin == place), None)


def _balanced(books: Engine, chosen: Iterable[Fault]) -> dict[str, bool]:
    """Return of each route with a fault, whether its sum holds and nothing of it is open."""
    sheet = audit.sheet(books) or {"routes": [], "intake": []}
    lines = {line["route"]: bool(line["balanced"]) for line in sheet["routes"]}
    found = {}
    for each in chosen:
        if each.route == INTAKE:
            own = [line["balanced"] for line in sheet["intake"] if line["topic"] == each.origin.topic]
            found[shown(INTAKE)] = all(own)
        else:
            found[shown(each.route)] = lines.get(each.route, False)
    return found


def _wait(books: Engine, order: Order, chosen: Sequence[Fault]) -> bool:
    """Return whether the audit has seen every fault repaired, before the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        repairs = audit.repairs(books, origin=order.origin)
        if all(repair_of(each, repairs) is not None for each in chosen):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)


def _can_be_sent(fault: Fault) -> bool:
    """Say whether the event, sent again, mends a fault; of the intake's only what is missing can be."""
    return fault.kind == "missing" if fault.route == INTAKE else fault.kind in _RESENT


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bytes(value: bytes | None) -> Any:
    """Return bytes as text where they are UTF-8, else as base64 that says so."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _source(origin: Origin) -> str | None:
    """Return the agency on whose outbox an origin lies; None for a stray record of an inbox."""
    return origin.agency if origin.topic == topics.outbox(origin.agency) else None


def _place(origin: Origin) -> At:
    return origin.topic, origin.partition, origin.offset
