"""The one fold interface of cases: deliveries read, folded, written with offsets in one SQL transaction.

Two runners use it: Faust for what comes (streams/cases.py), a batch loop for what came (hub/launch/rebuild).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Engine

from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError, HubError, StoreUnavailableError
from hub.host import cycles
from hub.journeys import arrivals
from hub.journeys.arrivals import Arrival
from hub.journeys.book import Book
from hub.metrics import metrics
from hub.store.case_folding import CONSUMER, CaseTables, Given, Known, Outcome
from hub.window.sequence import Fault, Lane, check

__all__ = ["CONSUMER", "Folding", "Runner", "StoppedError"]

_RETRY_SECONDS = 1.0


class StoppedError(HubError):
    """Asked to stop while waiting; what was not committed is read again after the next start."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What a runner gives to the fold.

    `books` returns the journeys as they are known now. `park` takes a record that cannot be handled, and why;
    it is called before the record is passed over, maybe again after a crash. `wait` sleeps so many seconds
    and says whether the process was asked to stop. `tells`: a rebuild counts no metrics and logs no faults.
    """

    books: Callable[[], Book]
    park: Callable[[Record, str], None]
    wait: Callable[[float], bool]
    zone: ZoneInfo
    tells: bool = True


@dataclass(frozen=True, slots=True)
class _Item:
    """One record, understood (`arrival`) or not (`refusal` says why, without personal data)."""

    record: Record
    arrival: Arrival | None = None
    refusal: str | None = None


class Folding:
    """Folds deliveries of `agency.supervision.inbox` into cases; for one thread at a time."""

    def __init__(self, database: Engine, runner: Runner) -> None:
        self._runner = runner
        self._codec = Codec(Contracts.load())
        self._tables = CaseTables(database, runner.zone)
        self._state = Known()
        self._log = structlog.get_logger()

    @property
    def places(self) -> dict[int, int]:
        """The next offset of every partition that was read, as the database has it."""
        return {each: next_ for each, next_ in self._state.places.items() if next_ is not None}

    def assigned(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Take partitions over where the database says, and return their next offsets (None: never read).

        Waits for a database that is away; raises StoppedError when asked to stop meanwhile.
        """
        self.revoked(partitions)
        loaded = self._load(partitions)
        self._state.places.update(loaded.places)
        self._state.sequences.update(loaded.sequences)
        if loaded.clock is not None and self._runner.tells:
            metrics().case_clock(loaded.clock.timestamp())
        return loaded.places

    def revoked(self, partitions: Sequence[int]) -> None:
        """Let partitions go; nothing more is written for them."""
        gone, state = set(partitions), self._state
        state.places = {each: next_ for each, next_ in state.places.items() if each not in gone}
        state.sequences = {lane: last for lane, last in state.sequences.items() if lane.partition not in gone}

    def fold(self, records: Sequence[Record]) -> None:
        """Fold records, given in the order of their partitions; when it returns, the database has them.

        Records of other partitions, and those that the database has already, are passed over. Waits for a
        database that is away. Raises FencedError when another instance has taken over, StoppedError when
        asked to stop while waiting, StoreError where PostgreSQL refuses.
        """
        with cycles.uncollected():
            items = [self._understood(each) for each in records if self._is_new(each)]
            for each in items:
                if each.refusal is not None:
                    self._park(each.record, each.refusal)
            if items:
                self._write(items)

    def _understood(self, record: Record) -> _Item:
        try:
            return _Item(record, arrivals.read(record, self._codec))
        except ContractError as error:
            return _Item(record, refusal=str(error))

    def _write(self, items: Sequence[_Item]) -> None:
        """Write items; where one cannot be written, halve until it stands alone, and park it."""
        started = time.perf_counter()
        given = self._given(items)
        try:
            outcome = self._commit(given)
        except ContractError as error:
            half = len(items) // 2
            if half:
                self._write(items[:half])
                self._write(items[half:])
                return
            self._park(items[0].record, str(error))
            self._write([replace(items[0], refusal=str(error))])
            return
        self._state.places.update({each: after for each, (_, after) in given.places.items()})
        self._state.sequences.update(given.sequences)
        if self._runner.tells:
            metrics().case_batch(time.perf_counter() - started)
            self._tell(given.faults, outcome)

    def _given(self, items: Sequence[_Item]) -> Given:
        """Return what one transaction is given: places, sequences, and the events that count."""
        places: dict[int, tuple[int | None, int]] = {}
        sequences: dict[Lane, int] = {}
        faults: list[Fault] = []
        repeated: set[tuple[int, int]] = set()
        for each in items:
            record, arrival = each.record, each.arrival
            places[record.partition] = (self._state.places[record.partition], record.offset + 1)
            if arrival is None:
                continue
            lane = Lane(arrival.partition, arrival.route, arrival.origin.topic, arrival.origin.partition)
            last = sequences.get(lane, self._state.sequences.get(lane, 0))
            fault = check(lane, arrival.offset, last, arrival.seq)
            if fault is not None:
                faults.append(fault)
                if fault.kind == "repeat":
                    repeated.add((arrival.partition, arrival.offset))
            sequences[lane] = max(last, arrival.seq)
        kept = [each.arrival for each in items if each.arrival is not None and each.refusal is None]
        return Given(places, sequences, faults, kept, repeated)

    def _commit(self, given: Given) -> Outcome:
        """Write, waiting for a database that is away; it tells whether a lost commit was done."""
        while True:
            try:
                return self._tables.write(given, self._runner.books())
            except StoreUnavailableError as error:
                self._log.warning("waiting for PostgreSQL", error=str(error))
                loaded = self._load(list(given.places))
                if all(loaded.places[each] == after for each, (_, after) in given.places.items()):
                    return Outcome()

    def _load(self, partitions: Sequence[int]) -> Known:
        while True:
            try:
                return self._tables.load(partitions)
            except StoreUnavailableError as error:
                self._log.warning("waiting for PostgreSQL", error=str(error))
                if self._runner.wait(_RETRY_SECONDS):
                    raise StoppedError("stopped while waiting for PostgreSQL") from None

    def _park(self, record: Record, why: str) -> None:
        if self._runner.tells:
            self._log.error("parked", partition=record.partition, offset=record.offset, why=why)
            metrics().case_events("parked", 1)
        self._runner.park(record, why)

    def _tell(self, faults: Sequence[Fault], outcome: Outcome) -> None:
        for fault in faults:
            metrics().case_sequence_fault(fault.kind)
            self._log.error(
                "hub-seq", kind=fault.kind, expected=fault.expected, found=fault.found, **fault.lane._asdict()
            )
        for kind, count in outcome.events.items():
            metrics().case_events(kind, count)
        for journey, step, seconds in outcome.steps:
            metrics().case_step(journey, step, seconds)
        for holder, seconds in outcome.handoffs:
            metrics().handoff(holder, seconds)
        for partition, count in outcome.moved.items():
            self._log.info("cases moved", partition=partition, cases=count)
        if outcome.clock is not None:
            metrics().case_clock(outcome.clock.timestamp())

    def _is_new(self, record: Record) -> bool:
        """Say whether a record is to be written here: its partition is owned, its place not passed."""
        if record.partition not in self._state.places:
            return False
        next_ = self._state.places[record.partition]
        return next_ is None or next_ <= record.offset
