"""Writing what follows from a batch of verdicts into the open transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from datetime import datetime

from hub.broker.gating.transactional import Transactions
from hub.contracts import ledger, topics
from hub.contracts.codec import Codec
from hub.errors import BrokerError
from hub.gate import outputs
from hub.gate.partition import Decided, SourcePartition
from hub.gate.verdict import Kind

_WAIT_SECONDS = 30.0
_RECALL_SECONDS = 30.0


class TopicSizes:
    """How many partitions the topics have that the gate writes to. Counts never change in place."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._known: dict[str, int] = {}
        self._absent: dict[str, float] = {}

    def require(self, topic: str) -> int:
        """Return a topic's partition count; a new one may take a moment to show.

        Raises BrokerError if it does not exist. Not to be called with a transaction open.
        """
        deadline = time.monotonic() + _WAIT_SECONDS
        while (count := self.find(topic)) is None:
            if time.monotonic() > deadline:
                raise BrokerError(f"the topic {topic} does not exist.", do="Run `hub apply`.")
            time.sleep(0.2)
            self._absent.clear()
        return count

    def find(self, topic: str) -> int | None:
        """Return a topic's partition count, or None if it does not exist."""
        if topic not in self._known and time.monotonic() > self._absent.get(topic, 0):
            count = self._transactions.partitions(topic)
            if count is None:
                self._absent[topic] = time.monotonic() + _RECALL_SECONDS
                return None
            self._known[topic] = count
        return self._known.get(topic)


class BatchWriter:
    """Writes one batch: `require_topics` before the transaction, `write` each decision, `finish`."""

    def __init__(self, transactions: Transactions, sizes: TopicSizes, codec: Codec, at: datetime) -> None:
        self._transactions = transactions
        self._sizes = sizes
        self._codec = codec
        self._at = at
        self._moment = outputs.moment(at)
        self._counts: dict[str, int] = {}

    def require_topics(self, states: Collection[SourcePartition]) -> None:
        """Look up every topic that the batch needs; raise BrokerError if one is missing."""
        inboxes = {route.inbox for state in states for route in state.touched}
        for topic in (topics.LEDGER, topics.PARKED, *sorted(inboxes)):
            self._counts[topic] = self._sizes.require(topic)
        for source in {state.topic for state in states}:
            self._sizes.find(outputs.receipts_topic(source))

    def write(self, decided: Decided) -> None:
        """Write the deliveries of one decision, or the parked event with its receipt."""
        record, verdict = decided.record, decided.verdict
        if verdict.kind is Kind.PARKED:
            self._park(decided)
            return
        if not verdict.deliveries:
            return
        origin = record.origin.encode()
        for place, delivery in enumerate(verdict.deliveries):
            topic = delivery.route.inbox
            self._transactions.put(
                topic,
                record.partition % self._counts[topic],
                delivery.key,
                delivery.value,
                outputs.delivery_headers(delivery, decided.seqs[place], origin, self._moment),
            )

    def finish(self, states: Iterable[SourcePartition], registry: int) -> None:
        """Write a receipt and the ledger's records for every source partition of the batch."""
        # Who tells of a record needs the interpreter, which the next batch is being decided with: one tells.
        timed = True
        for state in states:
            receipt = outputs.progress_receipt(self._codec, state, self._at, registry)
            self._receipt(state.topic, state.partition, receipt)
            number = ledger.ledger_partition(state.topic, state.partition, self._counts[topics.LEDGER])
            for entry in state.settle(registry):
                self._transactions.put(topics.LEDGER, number, entry.key, entry.value(), [], timed=timed)
                timed = False

    def _park(self, decided: Decided) -> None:
        record, verdict = decided.record, decided.verdict
        key, value, headers = outputs.parked_record(record, verdict, self._moment)
        number = record.partition % self._counts[topics.PARKED]
        self._transactions.put(topics.PARKED, number, key, value, headers)
        receipt = outputs.refusal_receipt(self._codec, record, verdict, self._at)
        self._receipt(record.topic, record.partition, receipt)

    def _receipt(self, source: str, partition: int, value: bytes) -> None:
        topic = outputs.receipts_topic(source)
        # An agency that has left may have no such topic; what was refused is still in hub.parked.
        if self._sizes.find(topic) is not None:
            self._transactions.put(topic, 0, outputs.receipt_key(source, partition), value, [])
