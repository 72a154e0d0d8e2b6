"""confluent-kafka, transactional: consume a batch, produce it and its offsets in one transaction (KIP-447).

Exactly once. An abort ends it. No checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from hub.launch.bench.peers.peer import Peer, Stop, ready, run

NAME = "confluent-kafka, transactional"
VERSION_OF = "confluent-kafka"
_BATCH = 5000
_WAIT_SECONDS = 0.05


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    consumer = Consumer(peer.librdkafka_reader())
    # librdkafka's 100 ms between two attempts are most of a small transaction.
    producer = Producer(
        peer.librdkafka_writer() | {"transactional.id": peer.transactional_id, "retry.backoff.ms": 10}
    )
    producer.init_transactions()
    consumer.subscribe([peer.source], on_assign=lambda *_: ready())
    while not stop:
        batch: list[Any] = consumer.consume(_BATCH, _WAIT_SECONDS)
        if not batch:
            continue
        producer.begin_transaction()
        for message in batch:
            if error := message.error():
                raise KafkaException(error)
            producer.produce(
                peer.sink, message.value(), message.key(), message.partition(), headers=message.headers()
            )
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
        )
        producer.commit_transaction()
    consumer.close()


if __name__ == "__main__":
    run(loop)
