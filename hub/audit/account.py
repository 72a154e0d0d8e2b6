"""The audit's account: everything it knows, fed record by record, judged receipt by receipt. Pure.

The stream feeds outbox records, receipts, deliveries and parked events, each place in offset order, the places
in whatever order; then says how far every log was read (`close`). The books are what `changes` gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, Self

from hub.audit.books import Fault, Intake, Lane, Place, Repair
from hub.audit.due import Judge
from hub.audit.sheet import Sheet
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.registry.model import Registry


class Progress(NamedTuple):
    """What a receipt lets be judged: `place` is a source partition, everything below `next` is decided."""

    place: Place
    next: int


class Bounds(NamedTuple):
    """How far back a duplicate is recognised: offsets of its partition, milliseconds of broker time."""

    places: int
    milliseconds: int


class Editions(Protocol):
    """The editions of the agency registry with the broker's times of their manifests."""

    def edition(self, number: int) -> Registry | None:
        """Return an edition, None if it was never on hub.registry (or is gone)."""

    def in_force(self, at_ms: int) -> int | None:
        """Return the number of the edition whose manifest was the newest at a time of the broker's."""

    def appended_ms(self, number: int) -> int | None:
        """Return when an edition's manifest was appended."""

    def superseded_ms(self, number: int) -> int | None:
        """Return when the next edition's manifest was appended; None for the newest."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the last call: rows to write over (intakes, lanes), rows to add (faults, repairs).

    `carry` is what the account needs beside the rows; it replaces the last one.
    """

    intakes: list[Intake]
    lanes: list[Lane]
    faults: list[Fault]
    repairs: list[Repair]
    carry: bytes


@dataclass(frozen=True, slots=True)
class Saved:
    """What was kept: every intake and lane, and the last carry. Faults and repairs are not needed."""

    intakes: list[Intake] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    carry: bytes = b""


class Account:
    """The whole state of the audit. Not for two threads. No bytes whatever make a feeding method raise."""

    def __init__(self, judge: Judge, editions: Editions, bounds: Bounds) -> None: ...

    @classmethod
    def restore(cls, judge: Judge, editions: Editions, bounds: Bounds, saved: Saved) -> Self:
        """Return the account as it was when `changes` gave what was saved."""
        raise NotImplementedError

    def recall_refused(self, origin: Origin) -> None:
        """After `restore`: an origin that stands in hub.parked (since the tails' start)."""

    def recall(self, record: Record) -> None:
        """After `restore`: an outbox record below the intake's cut, at most `bounds.places` of each place."""

    def revisit(self, record: Record) -> None:
        """After `restore`: an inbox record from the recipient's commit to our position: pending again."""

    def begin(self, place: Place, low: int, *, first: bool) -> None:
        """An outbox partition is seen for the first time; `low` is its oldest offset, there or not.

        `first`: at the audit's very first start; otherwise the partition is younger than the audit, and what
        retention removed from it counts as unaudited.
        """

    def removed(self, place: Place, low: int, gate_next: int) -> None:
        """Retention passed our position in an outbox; `gate_next` is the gate's committed offset then."""

    def inbox_began(self, place: Place, low: int, oldest_ms: int | None) -> None:
        """An inbox partition: its oldest offset and that record's time (None: empty).

        To be called for every inbox partition at every start, and for a new one, before records are fed.
        """

    def outbox(self, record: Record) -> None:
        """Take an outbox record; it is kept until judged."""

    def receipt(self, record: Record) -> Progress | None:
        """Take a record of a receipts topic; return what it lets be judged, if anything new.

        The stream then feeds the outbox records below `next` and calls `judge(place, next)`.
        """

    def delivery(self, record: Record) -> None:
        """Take an inbox record."""

    def parked(self, record: Record) -> None:
        """Take a record of hub.parked."""

    def judge(self, place: Place, upto: int) -> None:
        """Judge the outbox records below `upto` by the receipts taken."""

    def close(self, cut: Mapping[Place, int]) -> None:
        """Judge everything below the cut; what is unmatched then is a fault.

        To be called when the outboxes were fed to the cut and every other log to its end as it was after.
        """

    def recipients(self, committed: Mapping[Place, int], lows: Mapping[Place, int]) -> None:
        """Take the recipients' committed offsets and the low watermarks, both by inbox partition."""

    def changes(self) -> Changes:
        """Return what changed since the last call, the faults and repairs since then, and the carry."""
        raise NotImplementedError

    def sheet(self, as_of: datetime, completed_at: datetime, lag_seconds: float) -> Sheet:
        """Return the books as a sheet."""
        raise NotImplementedError
