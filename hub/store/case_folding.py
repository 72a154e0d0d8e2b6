"""Writing what events make of cases: positions, sequences, events, rows, notices in one SQL transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from hub.contracts import topics
from hub.errors import ContractError, HubError, StoreError
from hub.journeys.arrivals import Arrival, Identity
from hub.journeys.book import Book, Coming
from hub.journeys.changes import Change, Events, Held, anew, go_on, moved
from hub.journeys.events import CaseEvent
from hub.journeys.notices import notice, notice_id
from hub.journeys.rounds import Sorted, Tick, rounds, sort
from hub.journeys.rows import Notice, Watch
from hub.registry.journeys import WHOLE_CASE
from hub.store import case_events, case_moves, case_notices, case_rows, case_tallies, offsets, sequences
from hub.store.case_notices import Due
from hub.store.writing import reworded
from hub.window.sequence import Fault, Lane

_Change = TypeVar("_Change")

CONSUMER = "cases"
TOPIC = topics.inbox(topics.SUPERVISION)


@dataclass(frozen=True, slots=True)
class Given:
    """What one transaction is given; `places` are (expected, new) next offsets per partition.

    `repeated` are the places of deliveries whose sequence had come before: of these an event that is known
    already is passed over.
    """

    places: Mapping[int, tuple[int | None, int]]
    sequences: Mapping[Lane, int]
    faults: Sequence[Fault]
    arrivals: Sequence[Arrival]
    repeated: AbstractSet[tuple[int, int]]


@dataclass(slots=True)
class Known:
    """What is known of partitions: next offsets (None: never read), last sequences; and the clock."""

    places: dict[int, int | None] = field(default_factory=dict)
    sequences: dict[Lane, int] = field(default_factory=dict)
    clock: datetime | None = None


@dataclass(slots=True)
class Outcome:
    """What a transaction did, to be told: events by kind, seconds of steps done and of hand-offs taken.

    `moved` counts the cases that an edition took to another version of their journey, by partition.
    """

    events: Counter[str] = field(default_factory=Counter)
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    handoffs: list[tuple[str, float]] = field(default_factory=list)
    clock: datetime | None = None
    moved: Counter[int] = field(default_factory=Counter)


class CaseTables:
    """The tables of cases, of one consumer.

    Every method raises StoreUnavailableError (retriable) when PostgreSQL is away, StoreError when it refuses.
    """

    def __init__(self, engine: Engine, zone: ZoneInfo) -> None:
        self._engine = engine
        self._zone = zone

    def load(self, partitions: Sequence[int]) -> Known:
        """Return what the database knows of partitions."""
        try:
            with self._engine.connect() as connection:
                known = offsets.read(connection, CONSUMER, TOPIC)
                return Known(
                    places={each: known.get(each) for each in partitions},
                    sequences=sequences.load(connection, CONSUMER, partitions),
                    clock=min(case_notices.clocks(connection).values(), default=None),
                )
        except DBAPIError as error:
            raise reworded(error) from None

    def write(self, given: Given, book: Book) -> Outcome:
        """Fold and write all that is given or nothing.

        Raises FencedError if another instance has taken over, ContractError if an event of it cannot be
        folded or PostgreSQL cannot hold a value, StoreUnavailableError also when it is unknown whether the
        commit was done: `load` then tells.
        """
        try:
            with self._engine.begin() as connection:
                offsets.advance(connection, CONSUMER, TOPIC, given.places)
                sequences.keep(connection, CONSUMER, given.sequences, given.faults)
                case_rows.prepare(connection)
                work = _Work(connection, book, self._zone, given.repeated)
                for each in rounds(given.arrivals):
                    work.fold(each.events)
                    for partition, ticks in each.ticks.items():
                        work.tick(partition, ticks)
                return work.outcome
        except (DBAPIError, psycopg.Error) as error:
            raise reworded(error) from None


class _Work:
    """One transaction's work."""

    def __init__(
        self, connection: Connection, book: Book, zone: ZoneInfo, repeated: AbstractSet[tuple[int, int]]
    ) -> None:
        self._connection = connection
        self._book = book
        self._zone = zone
        self._repeated = repeated
        self._reached = case_moves.reached(connection, CONSUMER) if book.takes_along else {}
        self.outcome = Outcome()

    def fold(self, arrivals: Sequence[Arrival]) -> None:
        """Fold events of one round and write what they change."""
        if not arrivals:
            return
        news = sort(arrivals, case_events.known(self._connection, arrivals), self._repeated)
        taken = case_events.take(self._connection, news.gone)
        changes = self._changes(news, taken)
        case_events.append(self._connection, news.fresh)
        self._write(changes)
        case_tallies.add_handovers(self._connection, changes)
        case_tallies.add_tallies(self._connection, news.first, taken.values(), self._zone)
        self._count(news, changes)

    def tick(self, partition: int, ticks: Sequence[Tick]) -> None:
        """Let a partition's clock reach moments; cases move before the first that came after an edition."""
        for edition, several in groupby(ticks, lambda each: self._book.reached(each.appended_at)):
            if edition > self._reached.get(partition, 0):
                self._move(partition, edition)
            case_notices.tell(self._connection, partition, [each.moment for each in several], self._word)
        self.outcome.events["tick"] += len(ticks)
        self.outcome.clock = min(case_notices.clocks(self._connection).values())

    def _write(self, changes: Sequence[Change]) -> None:
        """Write what becomes of cases, what is told of their ends, and which figures are due for it."""
        case_rows.write(self._connection, changes, self._notice_ids)
        self._tell_ends(changes)
        case_tallies.mark(self._connection, changes, self._zone)

    def _move(self, partition: int, edition: int) -> None:
        """Move the open cases of a partition that editions up to this one take along, some at a time."""
        before = self._reached.get(partition, 0)
        self._reached[partition] = edition
        case_moves.reach(self._connection, CONSUMER, partition, edition)
        for caseids in self._to_move(partition, self._book.came(before, edition)):
            held = case_rows.load(self._connection, caseids, self._book)
            events = case_events.of(self._connection, caseids)
            changes = [moved(each, held[each], events[each], self._book, edition) for each in caseids]
            self._write(changes)
            self.outcome.moved[partition] += len(changes)

    def _to_move(self, partition: int, comings: Sequence[Coming]) -> Iterator[list[str]]:
        wanted: dict[str, set[int]] = {}
        for each in comings:
            versions = {version for one in each.journey.migrations for version in one.versions}
            wanted.setdefault(each.journey.id, set()).update(versions)
        for journey, versions in wanted.items():
            yield from case_moves.open_cases(self._connection, partition, journey, versions)

    def _changes(self, news: Sorted, taken: Mapping[Identity, CaseEvent]) -> list[Change]:
        """Return what becomes of each case: new, going on, or folded anew with all its events."""
        new = news.by_case()
        held = case_rows.load(self._connection, new, self._book)
        changes: list[Change] = []
        left: list[str] = []
        for caseid, arrived in new.items():
            reached = self._reached.get(arrived[0].partition, 0)
            if caseid not in held:
                whole = Events((), (), [each.event for each in arrived])
                changes.append(_folded(anew, caseid, arrived[0].partition, whole, self._book, reached))
                continue
            events = [each.event for each in arrived]
            change = None
            if caseid not in news.anew:
                change = _folded(go_on, caseid, held[caseid], events, reached)
            if change is None:
                left.append(caseid)
            else:
                changes.append(change)
        return changes + self._anew({each: (held[each], new[each]) for each in left}, taken)

    def _anew(
        self,
        cases: Mapping[str, tuple[Held, Sequence[Arrival]]],
        taken: Mapping[Identity, CaseEvent],
    ) -> list[Change]:
        kept = case_events.of(self._connection, cases) if cases else {}
        gone: dict[str | None, list[CaseEvent]] = {}
        for (caseid, _, _), event in taken.items():
            gone.setdefault(caseid, []).append(event)
        return [
            _folded(
                anew,
                caseid,
                held,
                Events(kept.get(caseid, ()), gone.get(caseid, ()), [each.event for each in arrived]),
                self._book,
                self._reached.get(held.partition, 0),
            )
            for caseid, (held, arrived) in cases.items()
        ]

    def _tell_ends(self, changes: Sequence[Change]) -> None:
        for change in changes:
            told = [(each, each.data["ended_at"] or change.rows.case.last_at) for each in change.ended]
            case_notices.keep(self._connection, change.partition, told)

    @staticmethod
    def _notice_ids(change: Change, watch: Watch) -> list[str]:
        """Return the ids of what a watch comes to, under every name that its step has had."""
        case, own = change.rows.case, (watch.step, watch.run)
        due = case.deadline_at
        if watch.step != WHOLE_CASE:
            due = next(each.due_at for each in change.rows.steps if (each.step, each.run) == own)
        names = (own, *change.fold.earlier_names(*own))
        return [notice_id(case.caseid, replace(watch, step=step, run=run), due) for step, run in names]

    def _word(self, due: Due, moment: datetime) -> Notice:
        return self._notice(due, moment)

    def _notice(self, due: Due, moment: datetime) -> Notice:
        case = due.case
        try:
            journey, _ = self._book.named(case.journey or "", case.journey_version or 0, case.calendar)
        except ContractError as error:
            raise StoreError(str(error)) from None
        step = None if due.watch.step == WHOLE_CASE else due.step
        return notice(case.caseid, due.watch, case, step, journey, moment)

    def _count(self, news: Sorted, changes: Sequence[Change]) -> None:
        of_cases = sum(each.caseid is not None for each in news.fresh)
        self.outcome.events["case"] += of_cases
        self.outcome.events["programme"] += len(news.fresh) - of_cases
        for change in changes:
            before = (
                {(each.step, each.run) for each in change.before.steps if each.seconds is not None}
                if change.before
                else set()
            )
            self.outcome.steps += [
                (change.rows.case.journey or "", each.step, each.seconds)
                for each in change.rows.steps
                if each.seconds is not None and (each.step, each.run) not in before
            ]
            if change.before is None or not change.rows.whole:
                known = set(change.before.handoffs) if change.before else ()
                self.outcome.handoffs += [
                    (each.holder, each.waiting_seconds)
                    for each in change.rows.handoffs
                    if each.waiting_seconds is not None and each not in known
                ]


def _folded(fold: Callable[..., _Change], *of: Any) -> _Change:
    """Fold one case; whatever goes wrong there is the fault of one of the new events, which is found."""
    try:
        return fold(*of)
    except HubError:
        raise
    except Exception as error:
        raise ContractError(f"its case cannot be folded ({type(error).__name__}).") from error
