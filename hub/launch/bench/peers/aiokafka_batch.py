"""aiokafka: getmany, one batch of records per partition as `send_batch` takes them, gather, commit.

At least once, with an idempotent producer. No transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from hub.launch.bench.peers.aio import Listener
from hub.launch.bench.peers.peer import PRODUCER_BATCH_BYTES, Peer, Stop, run

NAME = "aiokafka, send_batch"
VERSION_OF = "aiokafka"
_BATCH = 5000
_WAIT_MS = 50


async def _write(producer: Any, sink: str, partition: int, records: Sequence[Any]) -> list[Any]:
    """Hand records over in as few batches as they fit into; return the batches' futures."""
    sent, batch = [], producer.create_batch()
    for record in records:
        fields = {
            "key": record.key,
            "value": record.value,
            "headers": list(record.headers),
            "timestamp": None,
        }
        if batch.append(**fields) is None:
            sent.append(await producer.send_batch(batch, sink, partition=partition))
            batch = producer.create_batch()
            batch.append(**fields)
    sent.append(await producer.send_batch(batch, sink, partition=partition))
    return sent


async def _pass_on(peer: Peer, stop: Stop) -> None:
    producer = AIOKafkaProducer(**peer.python_writer(), max_batch_size=PRODUCER_BATCH_BYTES)
    consumer = AIOKafkaConsumer(**peer.python_reader())
    async with producer, consumer:
        consumer.subscribe([peer.source], listener=Listener())
        while not stop:
            found = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_BATCH)
            sent = [
                await _write(producer, peer.sink, place.partition, records)
                for place, records in found.items()
            ]
            await asyncio.gather(*(future for futures in sent for future in futures))
            if found:
                await consumer.commit()


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    asyncio.run(_pass_on(peer, stop))


if __name__ == "__main__":
    run(loop)
