"""What is counted of a case whatever its journey: events, activities, hand-overs, hand-offs.

Work on a case is what agencies do in it. The hub's own events, and what is said about a case (feedback,
participation, the programme, the catalogue), stand on its timeline and are not counted here.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from hub.contracts.topics import HUB
from hub.journeys.events import CaseEvent, Order
from hub.journeys.marks import mark, sure
from hub.journeys.plan import HANDED_OVER
from hub.journeys.rows import HandOffRow

MISSING = "-"
"""Stands for a unit or a person that an event does not name."""

_ABOUT = ("feedback.", "participation.", "programme.", "catalogue.")
_BITS = 10


class Pair(NamedTuple):
    """An event of `giver` was directly followed by one of `taker` (maybe itself) in a case.

    `level` is `unit` or `person`.
    """

    level: str
    giver: str
    taker: str


@dataclass(slots=True)
class HandOff:
    """A hand-off of a case; `taken` is None as long as the new holder has not said anything."""

    number: int
    giver: str
    holder: str
    at: datetime
    taken: datetime | None
    step: str | None


def is_work(event: CaseEvent) -> bool:
    """Say whether an event is work on its case: of an agency other than the hub, and not about the case."""
    return event.agency != HUB and not event.type.startswith(_ABOUT)


def activity(event: CaseEvent) -> str:
    """Return the activity of an event: its agency's code for it, else its type."""
    return str(event.data.get("activity_code") or event.type)


class Tally:
    """The counts of one case, told event by event in order.

    The ids seen are kept as 1,024 bits: an id that came before is always recognised, one that did not is
    taken for seen now and then (and the case is then folded anew, which counts exactly).
    """

    __slots__ = (
        "agencies",
        "department",
        "events",
        "first",
        "first_activity",
        "group",
        "handoffs",
        "last",
        "last_activity",
        "number",
        "order",
        "pending",
        "person",
        "seen",
        "source",
        "variant",
    )

    def __init__(self, event: CaseEvent) -> None:
        """Begin with the first event of a case, which is not counted yet."""
        self.order: Order | None = None
        self.seen = 0
        self.first = self.last = event.order.time
        self.events = 0
        self.variant = ""
        self.first_activity: str | None = None
        self.last_activity: str | None = None
        self.group: str | None = None
        self.department: str | None = None
        self.person: str | None = None
        self.source: str | None = None
        self.agencies: tuple[str, ...] = ()
        self.number = 0
        self.pending: HandOff | None = None
        self.handoffs: list[HandOff] = []

    def takes(self, event: CaseEvent) -> bool:
        """Say whether an event comes after all others and surely has a new id."""
        bits = _bits(event)
        return (self.order is None or event.order > self.order) and self.seen & bits != bits

    def count(self, event: CaseEvent, step: str | None) -> tuple[Pair, ...]:
        """Count the next event; `step` is what it is about, for a hand-off. Return the pairs it closes."""
        self.order = event.order
        self.seen |= _bits(event)
        time = event.order.time
        if not is_work(event):
            if not self.events:
                self.last = time
            return ()
        if not self.events:
            self.first, self.first_activity = time, activity(event)
        self._handoffs(event, step)
        pairs = self._pairs(event)
        self.events += 1
        self.last, self.last_activity = time, activity(event)
        chained = f"{self.variant}\n{self.last_activity}".encode()
        self.variant = blake2b(chained, digest_size=12).hexdigest()
        return pairs

    def _pairs(self, event: CaseEvent) -> tuple[Pair, ...]:
        """Remember who acts now; pair with who acted before.

        A unit is the group; the departments are taken where neither event names a group and both name one.
        """
        data = event.data
        before = self.group, self.department, self.person
        self.group, self.department = data.get("group"), data.get("department")
        self.person = data.get("handled_by")
        if not self.events:
            return ()
        giver, taker = before[0], self.group
        if giver is None and taker is None and before[1] is not None and self.department is not None:
            giver, taker = before[1], self.department
        return (
            Pair("unit", giver or MISSING, taker or MISSING),
            Pair("person", before[2] or MISSING, self.person or MISSING),
        )

    def _handoffs(self, event: CaseEvent, step: str | None) -> None:
        agency, time, pending = str(event.agency), event.order.time, self.pending
        if pending is not None and pending.holder == agency:
            pending.taken, pending.step = time, pending.step or step
            self.pending = None
            if pending not in self.handoffs:
                self.handoffs.append(pending)
        elif self.source is not None and self.source != agency:
            self._hand(HandOff(0, self.source, agency, self.last, time, step))
        self.source = agency
        if agency not in self.agencies:
            self.agencies = tuple(sorted((*self.agencies, agency)))
        if event.type == HANDED_OVER:
            self._told(event)

    def _told(self, event: CaseEvent) -> None:
        """Note that an agency passes the case on; until the other one acts, the hand-off is pending."""
        to, at, step = (event.data.get(name) for name in ("to_agency", "handed_over_at", "step_id"))
        if to and to != event.agency:
            passed = at if isinstance(at, datetime) else event.order.time
            self.pending = HandOff(0, str(event.agency), str(to), passed, None, step)
            self._hand(self.pending)

    def _hand(self, handoff: HandOff) -> None:
        self.number += 1
        handoff.number = self.number
        self.handoffs.append(handoff)

    def document(self) -> list[Any]:
        """Return the counts as plain JSON; hand-offs that were taken are left out."""
        order, wait = self.order, self.pending
        last = () if order is None else (order.topic, order.partition, order.offset, mark(order.time))
        return [
            *last,
            format(self.seen, "x"),
            mark(self.first),
            mark(self.last),
            self.events,
            self.variant,
            self.first_activity,
            self.last_activity,
            [self.group, self.department, self.person],
            self.source,
            list(self.agencies),
            self.number,
            wait and [wait.number, wait.giver, wait.holder, mark(wait.at), wait.step],
        ]

    @classmethod
    def of(cls, document: list[Any]) -> Tally:
        """Return the counts that a document means."""
        tally = cls.__new__(cls)
        topic, partition, offset, at, seen, first, last, tally.events, *rest = document
        tally.order = Order(sure(at), topic, partition, offset)
        tally.seen = int(seen, 16)
        tally.first, tally.last = sure(first), sure(last)
        tally.variant, tally.first_activity, tally.last_activity, acted, *rest = rest
        tally.group, tally.department, tally.person = acted
        tally.source, agencies, tally.number, wait = rest
        tally.agencies = tuple(agencies)
        tally.pending = wait and HandOff(wait[0], wait[1], wait[2], sure(wait[3]), None, wait[4])
        tally.handoffs = []
        return tally


def handoff_row(handoff: HandOff) -> HandOffRow:
    """Return the row of a hand-off."""
    waited = handoff.taken - handoff.at if handoff.taken is not None else None
    return HandOffRow(
        number=handoff.number,
        giver=handoff.giver,
        holder=handoff.holder,
        at=handoff.at,
        taken_at=handoff.taken,
        waiting_seconds=max(waited.total_seconds(), 0.0) if waited is not None else None,
        step=handoff.step,
    )


def _bits(event: CaseEvent) -> int:
    """Return the three bits by which an event's agency and id are known again."""
    digest = zlib.crc32(f"{event.agency}/{event.id}".encode())
    low = (1 << _BITS) - 1
    return 1 << (digest & low) | 1 << (digest >> _BITS & low) | 1 << (digest >> 2 * _BITS & low)
