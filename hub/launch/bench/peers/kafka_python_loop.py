"""kafka-python: poll, send, flush, look at every future, commit.

At least once, with an idempotent producer. No transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer

from hub.launch.bench.peers.peer import PRODUCER_BATCH_BYTES, Peer, Stop, ready, run

NAME = "kafka-python"
VERSION_OF = "kafka-python"
_BATCH = 5000
_WAIT_MS = 50


class _Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked: Any) -> None:
        """Do nothing: what was not committed is read again."""

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        """Be at work."""
        ready()


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    producer = KafkaProducer(**peer.python_writer(), batch_size=PRODUCER_BATCH_BYTES)
    consumer = KafkaConsumer(**peer.python_reader(), max_poll_records=_BATCH)
    consumer.subscribe([peer.source], listener=_Listener())
    while not stop:
        found = consumer.poll(timeout_ms=_WAIT_MS)
        sent = [
            producer.send(peer.sink, record.value, record.key, record.headers, place.partition)
            for place, records in found.items()
            for record in records
        ]
        producer.flush()
        for future in sent:
            future.get(0)
        if found:
            consumer.commit()
    consumer.close()
    producer.close()


if __name__ == "__main__":
    run(loop)
