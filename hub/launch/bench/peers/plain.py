"""confluent-kafka, plain: consume a batch, produce it, flush, commit.

At least once, with an idempotent producer. No transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from hub.launch.bench.peers.peer import Peer, Stop, ready, run

NAME = "confluent-kafka, plain"
VERSION_OF = "confluent-kafka"
_BATCH = 5000
_WAIT_SECONDS = 0.05


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    failed: list[object] = []
    consumer, producer = Consumer(peer.librdkafka_reader()), Producer(peer.librdkafka_writer())
    consumer.subscribe([peer.source], on_assign=lambda *_: ready())
    while not stop:
        batch: list[Any] = consumer.consume(_BATCH, _WAIT_SECONDS)
        for message in batch:
            if error := message.error():
                raise KafkaException(error)
            producer.produce(
                peer.sink, message.value(), message.key(), message.partition(),
                headers=message.headers(), on_delivery=lambda error, _: failed.append(error),
            )  # fmt: skip
        producer.flush()
        if failed:
            raise KafkaException(failed[0])
        if batch:
            consumer.commit(asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    run(loop)
