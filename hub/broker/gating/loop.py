"""The gate's loop: read a batch from the outboxes, decide, write all that follows in one transaction.

A batch's transaction holds deliveries, parked events, receipts, the ledger's records and the group's offsets.
While the broker ends one, the next batch is read and decided; nothing of it is written before the end is
known. Partitions come and go only between two transactions. After an abort everything known of the source
partitions is forgotten, with what was decided meanwhile, and recovered as on assignment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from threading import Thread
from typing import NamedTuple

import structlog
from confluent_kafka import TopicPartition

from hub.broker.gating.outboxes import Outboxes
from hub.broker.gating.recovery import Place
from hub.broker.gating.transactional import AbortedError, Transactions
from hub.broker.gating.writing import BatchWriter, TopicSizes
from hub.contracts.record import Record
from hub.errors import BrokerError
from hub.gate.decide import Decider
from hub.gate.partition import Decided, SourcePartition
from hub.gate.rules import Rules
from hub.gate.verdict import Kind, Reason, Verdict
from hub.metrics import metrics

MAX_BUGS = 20
"""Events of one batch that may hit a bug and are parked; with more, the gate stops."""

MOST_CLOCK_SECONDS = 120.0
"""How far this machine's clock may differ from the broker's; agreements begin and end by it."""

Clock = Callable[[], datetime]
"""Tells the time, with its zone."""

# What is read at once is decided while the processor's caches still hold it.
_SLICE_EVENTS = 256
_BATCH_BYTES = 16 * 2**20
_IDLE_SECONDS = 0.2
_BUSY_SECONDS = 0.002
_PATIENT_SECONDS = 1.0
_SAMPLES = 50


def utc_now() -> datetime:
    """Return this machine's time, in UTC."""
    return datetime.now(UTC)


class _Batch:
    """Events that are decided at one moment and not written yet, in slices as they were read."""

    def __init__(self, rules: Rules, at: datetime) -> None:
        self.started = time.monotonic()
        self.rules = rules
        self.at = at
        self.slices: list[list[Decided]] = []
        self.events = 0
        self.bytes = 0
        self.bugs = 0
        self.states: dict[Place, SourcePartition] = {}
        self.last: tuple[str, int, int] | None = None


class _Ending:
    """A batch all of which is written, and its transaction's end, which is waited for elsewhere.

    `appended_ms` are the times at which the broker had some of its events.
    """

    def __init__(
        self, batch: _Batch, counts: Counter[tuple[str, str]], appended_ms: list[int], end: Future[_Ended]
    ) -> None:
        self.batch = batch
        self.counts = counts
        self.appended_ms = appended_ms
        self.end = end


class _Ended(NamedTuple):
    """When a transaction was committed: seconds by the monotonic clock, and since 1970."""

    monotonic: float
    wall: float


class GateLoop:
    """Decides batches until told to stop. `batch_events` is the most events in one transaction.

    `clock` says at which time a batch is decided. `finish` wants to be called at the end.
    """

    def __init__(
        self,
        outboxes: Outboxes,
        transactions: Transactions,
        decider: Decider,
        *,
        batch_events: int,
        linger_seconds: float,
        clock: Clock = utc_now,
    ) -> None:
        self._outboxes = outboxes
        self._transactions = transactions
        self._decider = decider
        self._sizes = TopicSizes(transactions)
        self._most = batch_events
        self._limit = batch_events
        self._linger = linger_seconds
        self._clock = clock
        self._refused: set[tuple[str, int, int]] = set()
        self._batch: _Batch | None = None
        self._ending: _Ending | None = None
        # After an abort, until all is recovered.
        self._stale = False
        self._log = structlog.get_logger()
        outboxes.before_change = self._settle

    def step(self, rules: Rules) -> None:
        """Decide what has arrived, waiting a moment for it, and write it.

        As long as the transaction before is being ended, waiting costs nothing, and reading goes on.
        Raises FencedError or another HubError when this gate has to end; nothing is half written then.
        """
        self._read(1, _IDLE_SECONDS, rules)
        if self._batch is not None:
            self._read(self._room(), self._linger, rules)
        until = time.monotonic() + _PATIENT_SECONDS
        while self._is_ending() and time.monotonic() < until and (room := self._room()):
            self._read(room, _BUSY_SECONDS, rules)
        self._flush()
        if self._stale:
            self._recover()

    def finish(self) -> None:
        """Wait until the last batch's transaction has ended, as `step` does; raises as `step`."""
        self._end_before()

    def _read(self, most: int, seconds: float, rules: Rules) -> None:
        """Read and decide; nothing once an abort has to be recovered from."""
        records = self._outboxes.consume(most, seconds) if most > 0 else []
        if records and not self._stale:
            self._decide(records, rules)

    def _room(self) -> int:
        """Return how many events to read next; 0 when the batch is full, or an abort is to be recovered."""
        batch = self._batch
        if self._stale or (batch is not None and batch.bytes >= _BATCH_BYTES):
            return 0
        return min(_SLICE_EVENTS, self._limit if batch is None else self._limit - batch.events)

    def _is_ending(self) -> bool:
        return self._ending is not None and not self._ending.end.done()

    def _settle(self) -> None:
        """Write what is decided, and return when no transaction is open.

        Called while partitions come or go: what an abort leaves to be recovered is done later, by `step`.
        """
        self._flush()
        if self._ending is not None:
            self._wait_for(self._ending.end)

    def _flush(self) -> None:
        """Write the batch once the transaction before has ended, and let its own end."""
        batch, self._batch = self._batch, None
        if batch is None or not batch.events:
            # While nothing arrives, how the last one ended is told at once.
            if not self._is_ending():
                self._end_before()
            return
        self._end_before()
        if self._stale:
            return
        group = self._outboxes.membership()
        try:
            counts, appended_ms, offsets = self._write(batch)
        except AbortedError as aborted:
            self._aborted(aborted, batch)
            return
        # In a thread that waits for the broker; stuck there, it does not keep the process from ending.
        end: Future[_Ended] = Future()
        Thread(
            target=self._end, args=(end, offsets, group, batch.at), name="transaction", daemon=True
        ).start()
        self._ending = _Ending(batch, counts, appended_ms, end)

    def _end_before(self) -> None:
        """Wait for the open transaction's end, if there is one. Raises what ends this gate."""
        ending, self._ending = self._ending, None
        if ending is None:
            return
        self._wait_for(ending.end)
        try:
            ended = ending.end.result()
        except AbortedError as aborted:
            self._aborted(aborted, ending.batch)
            return
        self._limit = min(self._limit * 2, self._most)
        self._measure(ending, ended)

    def _wait_for(self, end: Future[_Ended]) -> None:
        while not wait([end], _PATIENT_SECONDS).done:
            self._transactions.must_be_alive()

    def _aborted(self, aborted: AbortedError, batch: _Batch) -> None:
        self._narrow(aborted, batch)
        self._stale = True

    def _recover(self) -> None:
        """After an abort: forget what was decided since, and all that is known of the source partitions."""
        self._batch = None
        self._stale = False
        self._outboxes.recover_all()

    def _write(self, batch: _Batch) -> tuple[Counter[tuple[str, str]], list[int], list[TopicPartition]]:
        """Write a batch into a transaction of its own, and let go of its events.

        Return what was decided how often, some events' times, and the offsets that belong into it.
        """
        writer = BatchWriter(self._transactions, self._sizes, self._decider.codec, batch.at)
        states = batch.states
        writer.require_topics(states.values())
        counts: Counter[tuple[str, str]] = Counter()
        for state in states.values():
            for kind, count in state.batch.items():
                if kind is not Kind.PARKED:
                    counts[kind.value, ""] += count
        appended_ms: list[int] = []
        stride = max(1, batch.events // _SAMPLES)
        self._transactions.begin()
        for decided in batch.slices:
            appended_ms += [each.record.timestamp for each in decided[::stride]]
            for each in decided:
                writer.write(each)
                reason = each.verdict.reason
                if reason is not None:
                    counts[Kind.PARKED.value, reason.value] += 1
            decided.clear()
        writer.finish(states.values(), batch.rules.version)
        return counts, appended_ms, self._outboxes.offsets(states)

    def _end(self, end: Future[_Ended], offsets: list[TopicPartition], group: object, at: datetime) -> None:
        """End the transaction that is written; in the waiting thread."""
        try:
            self._transactions.send_offsets(offsets, group)
            self._check_clock(at)
            self._transactions.commit()
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            end.set_exception(error)
        else:
            end.set_result(_Ended(time.monotonic(), time.time()))

    def _check_clock(self, at: datetime) -> None:
        """Compare the time decided by with the broker's; too far apart, nothing may be decided by it."""
        appended = self._transactions.appended_at()
        if appended is None:
            return
        offset = at.timestamp() - appended / 1000
        metrics().gate_clock_offset(abs(offset))
        if abs(offset) > MOST_CLOCK_SECONDS:
            self._transactions.abort()
            way = "ahead of" if offset > 0 else "behind"
            raise BrokerError(
                f"this machine's clock is {abs(offset):.0f} s {way} Kafka's.",
                do="Nothing was decided by it: agreements begin and end by this clock. Set it right (NTP).",
            )

    def _decide(self, records: list[Record], rules: Rules) -> None:
        batch = self._batch
        if batch is None:
            batch = self._batch = _Batch(rules, self._clock())
        decided: list[Decided] = []
        at = batch.at
        for record in records:
            state = self._outboxes.state_of(record)
            if state is None:
                continue
            verdict = self._verdict(record, rules, state, at)
            if verdict.reason is Reason.PROCESSOR:
                batch.bugs += 1
                if batch.bugs > MAX_BUGS:
                    raise BrokerError(
                        f"more than {MAX_BUGS} events of one batch hit a bug, the last at {record.origin}.",
                        do="Nothing of the batch was decided. The log above names the fault.",
                    )
            decided.append(Decided(record, verdict, state.take(record, verdict), state))
            batch.bytes += record.size
            batch.states[state.topic, state.partition] = state
        if decided:
            last = decided[-1].record
            batch.last = (last.topic, last.partition, last.offset)
            batch.slices.append(decided)
            batch.events += len(decided)

    def _verdict(self, record: Record, rules: Rules, state: SourcePartition, at: datetime) -> Verdict:
        if self._refused and (record.topic, record.partition, record.offset) in self._refused:
            detail = "the broker would not take what follows from this event."
            return Verdict(Kind.PARKED, reason=Reason.TOO_LARGE, detail=detail)
        try:
            return self._decider.decide(record, rules, state.memory, at)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - see the comment
            # One event must not stop every agency's; it is kept, and can be replayed once the bug is mended.
            self._log.exception("a bug of the gate", origin=record.origin)
            detail = "a fault of the hub's own kept it from deciding; the event can be replayed."
            return Verdict(Kind.PARKED, reason=Reason.PROCESSOR, detail=detail)

    def _narrow(self, aborted: AbortedError, batch: _Batch) -> None:
        """After a refused record, halve the batch until the record stands alone, then park that one."""
        self._log.warning("aborted", error=str(aborted), events=batch.events)
        if not aborted.refused:
            return
        if batch.events == 1 and batch.last is not None:
            self._refused.add(batch.last)
        self._limit = max(1, batch.events // 2)

    def _measure(self, ending: _Ending, ended: _Ended) -> None:
        for (verdict, reason), count in ending.counts.items():
            metrics().gate_decided(verdict, reason, count)
        metrics().gate_batch(ended.monotonic - ending.batch.started)
        metrics().end_to_end(max(0.0, ended.wall - each / 1000) for each in ending.appended_ms)
        metrics().dedupe_window(self._outboxes.reach())
