"""The gate's loop: read a batch from the outboxes, decide, write all that follows in one transaction.

A batch's transaction holds deliveries, parked events, receipts, the ledger's records and the group's offsets.
While the broker ends one, the next batch is read and decided; nothing of it is written before the end is
known. Partitions come and go only between two transactions. After an abort everything known of the source
partitions is forgotten, with what was decided meanwhile, and recovered as on assignment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from confluent_kafka import TopicPartition

from hub.broker.gating.outboxes import Outboxes
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

_CHUNK_BYTES = 16 * 2**20
_SAMPLES = 50


def utc_now() -> datetime:
    """Return this machine's time, in UTC."""
    return datetime.now(UTC)


class _Ending(NamedTuple):
    """A batch all of which is written, and its transaction's end, which is waited for elsewhere."""

    records: list[Record]
    decided: list[Decided]
    started: float
    end: Future[_Ended]


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
        self._ending: _Ending | None = None
        # One thread: what it does is wait for the broker.
        self._waiter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transaction")
        self._log = structlog.get_logger()
        outboxes.before_change = self._wait

    def step(self, rules: Rules) -> int:
        """Decide what has arrived, waiting a moment for it; return how many records were decided.

        Raises FencedError or another HubError when this gate has to end; nothing is half written then.
        """
        records = self._outboxes.consume(self._most, self._linger, self._is_ending)
        group = self._outboxes.membership() if records else None
        done = 0
        for chunk in _chunks(records, self._limit):
            written = self._transact(chunk, rules, group)
            if written is None:
                return done
            done += written
        if not records:
            self._ended()
        return done

    def finish(self) -> None:
        """Wait until the last batch's transaction has ended, as `step` does; raises as `step`."""
        self._ended()
        self._waiter.shutdown()

    def _is_ending(self) -> bool:
        return self._ending is not None and not self._ending.end.done()

    def _wait(self) -> None:
        """Return when no transaction is open; how it ended is told by `_ended`."""
        if self._ending is not None:
            self._ending.end.exception()

    def _ended(self) -> bool:
        """Wait for the open transaction's end, if there is one; return whether all is well.

        After an abort everything is recovered. Raises what ends this gate.
        """
        ending, self._ending = self._ending, None
        if ending is None:
            return True
        try:
            ended = ending.end.result()
        except AbortedError as aborted:
            self._aborted(aborted, ending.records)
            return False
        self._limit = min(self._limit * 2, self._most)
        self._measure(ending, ended)
        return True

    def _aborted(self, aborted: AbortedError, records: list[Record]) -> None:
        self._narrow(aborted, records)
        self._outboxes.recover_all()

    def _transact(self, records: list[Record], rules: Rules, group: object) -> int | None:
        """Decide a batch, and write it once the one before has ended; None if either was aborted."""
        started, at = time.monotonic(), self._clock()
        decided = list(self._decide(records, rules, at))
        if not self._ended():
            return None
        if not decided:
            return 0
        try:
            offsets = self._write(decided, rules, at)
        except AbortedError as aborted:
            self._aborted(aborted, records)
            return None
        self._ending = _Ending(records, decided, started, self._waiter.submit(self._end, offsets, group, at))
        return len(decided)

    def _write(self, decided: list[Decided], rules: Rules, at: datetime) -> list[TopicPartition]:
        """Write a batch into a transaction of its own; return the offsets that belong into it."""
        writer = BatchWriter(self._transactions, self._sizes, self._decider.codec, at)
        states = {(each.state.topic, each.state.partition): each.state for each in decided}
        writer.require_topics(states.values())
        self._transactions.begin()
        for each in decided:
            writer.write(each)
        writer.finish(states.values(), rules.version)
        return self._outboxes.offsets(states)

    def _end(self, offsets: list[TopicPartition], group: object, at: datetime) -> _Ended:
        """End the transaction that is written; in the waiting thread."""
        self._transactions.send_offsets(offsets, group)
        self._check_clock(at)
        self._transactions.commit()
        return _Ended(time.monotonic(), time.time())

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

    def _decide(self, records: list[Record], rules: Rules, at: datetime) -> Iterator[Decided]:
        bugs = 0
        for record in records:
            state = self._outboxes.state_of(record)
            if state is None:
                continue
            verdict = self._verdict(record, rules, state, at)
            bugs += verdict.reason is Reason.PROCESSOR
            if bugs > MAX_BUGS:
                raise BrokerError(
                    f"more than {MAX_BUGS} events of one batch hit a bug, the last at {record.origin}.",
                    do="Nothing of the batch was decided. The log above names the fault.",
                )
            yield Decided(record, verdict, state.take(record, verdict), state)

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

    def _narrow(self, aborted: AbortedError, records: list[Record]) -> None:
        """After a refused record, halve the batch until the record stands alone, then park that one."""
        self._log.warning("aborted", error=str(aborted), events=len(records))
        if not aborted.refused:
            return
        if len(records) == 1:
            (record,) = records
            self._refused.add((record.topic, record.partition, record.offset))
        self._limit = max(1, len(records) // 2)

    def _measure(self, ending: _Ending, ended: _Ended) -> None:
        decided = ending.decided
        sample = decided[:: max(1, len(decided) // _SAMPLES)]
        counts = Counter((each.verdict.kind.value, str(each.verdict.reason or "")) for each in decided)
        for (verdict, reason), count in counts.items():
            metrics().gate_decided(verdict, reason, count)
        metrics().gate_batch(ended.monotonic - ending.started)
        metrics().end_to_end(max(0.0, ended.wall - each.record.timestamp / 1000) for each in sample)
        metrics().dedupe_window(self._outboxes.reach())


def _chunks(records: list[Record], most: int) -> Iterator[list[Record]]:
    """Cut a batch so that no transaction has more than `most` events or takes long to write."""
    chunk: list[Record] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += record.size
        if len(chunk) >= most or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
