"""Bytewax: a dataflow of one worker from its own Kafka source to a sink that produces, flushes and commits.

At least once, with an idempotent producer. Its own sink cannot name a partition, and it knows no groups, so
the sink is ours. No transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

from typing import Any

from bytewax import operators
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main
from confluent_kafka import OFFSET_STORED, Consumer, KafkaException, Producer, TopicPartition

from hub.launch.bench.peers.peer import Peer, Stop, ready, run

NAME = "Bytewax"
VERSION_OF = "bytewax"
_BATCH = 5000


class _Source(KafkaSource):
    """Bytewax's source, which ends when it is asked to."""

    def __init__(self, peer: Peer, stop: Stop) -> None:
        reader = peer.librdkafka_reader() | {"statistics.interval.ms": 0}
        super().__init__(
            [peer.bootstrap],
            [peer.source],
            starting_offset=OFFSET_STORED,
            add_config=reader,
            batch_size=_BATCH,
        )
        self._stop = stop

    def build_part(self, *arguments: Any) -> Any:
        """Return a partition that looks whether it is asked to stop."""
        part = super().build_part(*arguments)
        next_batch = part.next_batch

        def stoppable() -> Any:
            if self._stop:
                raise StopIteration
            return next_batch()

        part.next_batch = stoppable
        ready()
        return part


class _Partition(StatelessSinkPartition):
    def __init__(self, peer: Peer) -> None:
        self._sink, self._source = peer.sink, peer.source
        self._producer, self._group = Producer(peer.librdkafka_writer()), Consumer(peer.librdkafka_reader())
        self._failed: list[object] = []

    def write_batch(self, items: list[Any]) -> None:
        """Produce what one partition gave, await the deliveries, commit."""
        for item in items:
            self._producer.produce(
                self._sink, item.value, item.key, item.partition,
                headers=item.headers, on_delivery=lambda error, _: self._failed.append(error),
            )  # fmt: skip
        self._producer.flush()
        if self._failed:
            raise KafkaException(self._failed[0])
        ends = {item.partition: item.offset + 1 for item in items}
        places = [TopicPartition(self._source, *each) for each in ends.items()]
        self._group.commit(offsets=places, asynchronous=False)

    def close(self) -> None:
        """Leave."""
        self._group.close()


class _Sink(DynamicSink):
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def build(self, *_: Any) -> Any:
        """Return the one worker's part of the sink."""
        return _Partition(self._peer)


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    flow = Dataflow("passthrough")
    operators.output("sink", operators.input("source", flow, _Source(peer, stop)), _Sink(peer))
    cli_main(flow)


if __name__ == "__main__":
    run(loop)
