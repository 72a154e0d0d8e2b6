"""Mending faults: the event goes through the gate again, to who missed it alone, or the faults are closed.

A repair is one transaction on the hub's outbox: what was done (`hub.ledger.repaired.v1`), and the replay.
Whoever begins ends what a process before left open, and only then looks what earlier repairs have sent; so a
repair that was interrupted, run twice, or run by two people at once sends an event once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from hub.audit.books import INTAKE, Fault
from hub.broker import events
from hub.broker.desk.desk import Desk, Work, hub_event
from hub.broker.desk.history import sent
from hub.broker.desk.places import fetch
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import RouteId
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.mending.order import NothingToMendError, Order, choose, repair_of, shown
from hub.mending.told import at_of, event_of, source_of
from hub.parked.outgoing import Outgoing
from hub.parked.replay import afresh
from hub.registry.model import REPAIRED, Registry
from hub.settings import Settings
from hub.store import audit

MENDING = Work(
    topics.DESK_MENDING,
    "the repair was not written: another repair began meanwhile.",
    "Run it again when that one has ended.",
)
WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.5


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


def repair(settings: Settings, books: Engine, order: Order) -> Outcome:
    """Mend faults, and wait until the audit says so (at most WAIT_SECONDS).

    Raises NothingToMendError, BrokerError or StoreError. May be repeated: nothing is sent a second time.
    """
    faults, repairs = audit.faults(books, origin=order.origin), audit.repairs(books, origin=order.origin)
    chosen = choose(faults, repairs, order)
    left = tuple(each for each in faults if each not in chosen and repair_of(each, repairs) is None)
    original = next(fetch(settings, [at_of(order.origin)]), None)
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
        "source_agency": event.agency if event else source_of(order.origin),
        "repaired_by": order.person.name,
        "reason": order.reason,
        "repaired_at": datetime.now(UTC),
    }
    return hub_event(codec, (REPAIRED, data))


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
