"""Which faults an order mends: by sending the event again, or by a person's explanation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub.audit.books import INTAKE, Fault, Repair
from hub.broker.desk.people import Person
from hub.contracts.origin import Origin
from hub.errors import HubError

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


def repair_of(fault: Fault, repairs: Iterable[Repair]) -> Repair | None:
    """Return what mended a fault, None while it is open."""
    for each in repairs:
        same = (each.route, each.origin) == (fault.route, fault.origin)
        if same and (not each.kinds or fault.kind in each.kinds):
            return each
    return None


def shown(route: str) -> str:
    """Return a route's name for people; the intake has none of its own."""
    return route or _SHOWN_AS_INTAKE


def named(route: str) -> str:
    """Return the route that people mean: `intake` is the intake's."""
    return INTAKE if route == _SHOWN_AS_INTAKE else route


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


def _can_be_sent(fault: Fault) -> bool:
    """Say whether the event, sent again, mends a fault; of the intake's only what is missing can be."""
    return fault.kind == "missing" if fault.route == INTAKE else fault.kind in _RESENT
