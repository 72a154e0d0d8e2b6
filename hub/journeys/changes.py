"""What new events change of a case: its rows before and after, hand-overs, notices. Pure.

A case goes on from its document where its new events come after all others; else it is folded anew from all
its events. Both give the same rows, so it makes no difference how events were batched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.journeys.book import Book
from hub.journeys.case import Fold, Rows
from hub.journeys.events import CaseEvent
from hub.journeys.rows import CaseRow, Notice
from hub.journeys.tally import Pair

NO_JOURNEY = "none"
"""Stands for the journey of cases that follow none, where a name is wanted."""

Pairs = Counter[tuple[str, Pair]]
"""Hand-overs by journey; below zero where there are fewer now."""


@dataclass(frozen=True, slots=True)
class Held:
    """A case as the tables hold it."""

    partition: int
    fold: Fold
    rows: Rows

    @classmethod
    def of(cls, caseid: str, partition: int, document: Mapping[str, Any], book: Book) -> Held:
        """Take a case up from its document; raise ContractError where the book lacks its journey."""
        held = Fold.of(caseid, document, book)
        return cls(partition, held, held.rows())


@dataclass(frozen=True, slots=True)
class Events:
    """Events of a case: `kept` are held and still count, `gone` were repaired by one of the `new`.

    The new ones stand in the order of their arrival.
    """

    kept: Sequence[CaseEvent]
    gone: Sequence[CaseEvent]
    new: Sequence[CaseEvent]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one case; `before` is None for a new one.

    `pairs` are the hand-overs to be added, `ended` what is to be told of its end, in the order of arrival.
    """

    caseid: str
    partition: int
    before: Rows | None
    fold: Fold
    rows: Rows
    pairs: Pairs
    ended: tuple[Notice, ...]

    @property
    def counts(self) -> bool:
        """Whether a figure may change by it; what only stands on a case's timeline changes none."""
        before, after = self.before, self.rows
        if before is None or after.whole or before.case != after.case:
            return True
        return not (set(after.steps) <= set(before.steps) and set(after.handoffs) <= set(before.handoffs))


def go_on(caseid: str, held: Held, events: Sequence[CaseEvent], reached: int = 0) -> Change | None:
    """Let a case go on with new events as they arrived; None: it has to be folded anew.

    `reached` is as for Fold.fold. The held fold is used up either way.
    """
    sub_case = held.rows.case.parent is not None
    # What is told of a sub-case's end follows from the order of arrival; rows do not.
    ordered = events if sub_case else sorted(events, key=lambda each: each.order)
    journey, pairs, told = _journey(held.rows.case), Pairs(), dict[str, Notice]()
    for event in ordered:
        found = held.fold.advance(event, reached)
        if found is None:
            return None
        pairs.update((journey, pair) for pair in found)
        if sub_case and (ended := held.fold.ended()) is not None:
            told.setdefault(ended.id, ended)
    rows = held.fold.rows()
    if rows.case.parent is not None and not sub_case:
        return None
    return Change(caseid, held.partition, held.rows, held.fold, rows, pairs, tuple(told.values()))


def anew(caseid: str, place: int | Held, events: Events, book: Book, reached: int = 0) -> Change:
    """Fold a case anew; `place` is the partition of a new one, or the case as it is held."""
    held = place if isinstance(place, Held) else None
    made = Fold.fold(caseid, [*events.kept, *events.new], book, reached=reached)
    rows = made.rows()
    pairs = _pairs(made, rows)
    if events.kept or events.gone:
        earlier = Fold.fold(caseid, [*events.kept, *events.gone], book)
        pairs.subtract(_pairs(earlier, earlier.rows()))
    return Change(
        caseid,
        place.partition if isinstance(place, Held) else place,
        held.rows if held else None,
        made,
        rows,
        Pairs({key: count for key, count in pairs.items() if count}),
        _ended(caseid, events, rows, book, reached),
    )


def moved(caseid: str, held: Held, events: Sequence[CaseEvent], book: Book, reached: int) -> Change:
    """Fold a case anew, with the events that it has, as the clock has reached an edition that may move it."""
    made = Fold.fold(caseid, events, book, reached=reached)
    rows = made.rows()
    ended = rows.ended if held.rows.ended is None else None
    told = () if ended is None else (ended,)
    return Change(caseid, held.partition, held.rows, made, rows, Pairs(), told)


def _pairs(fold: Fold, rows: Rows) -> Pairs:
    return Pairs((_journey(rows.case), pair) for pair in fold.pairs)


def _ended(caseid: str, events: Events, rows: Rows, book: Book, reached: int) -> tuple[Notice, ...]:
    """Return what each new event, as it arrived, made of the end of a sub-case."""
    if rows.case.parent is None:
        return ()
    told: dict[str, Notice] = {}
    for count in range(1, len(events.new) + 1):
        folded = Fold.fold(caseid, [*events.kept, *events.new[:count]], book, reached=reached)
        ended = folded.ended()
        if ended is not None:
            told.setdefault(ended.id, ended)
    return tuple(told.values())


def _journey(case: CaseRow) -> str:
    return case.journey or NO_JOURNEY
