"""aiokafka, as its documentation shows it: getmany, send each record, gather the futures, commit.

At least once, with an idempotent producer. No transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from hub.launch.bench.peers.aio import Listener
from hub.launch.bench.peers.peer import PRODUCER_BATCH_BYTES, Peer, Stop, run

NAME = "aiokafka"
VERSION_OF = "aiokafka"
_BATCH = 5000
_WAIT_MS = 50


async def _pass_on(peer: Peer, stop: Stop) -> None:
    producer = AIOKafkaProducer(**peer.python_writer(), max_batch_size=PRODUCER_BATCH_BYTES)
    consumer = AIOKafkaConsumer(**peer.python_reader())
    async with producer, consumer:
        consumer.subscribe([peer.source], listener=Listener())
        while not stop:
            found = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_BATCH)
            sent = [
                await producer.send(
                    peer.sink, record.value, record.key, place.partition, headers=list(record.headers)
                )
                for place, records in found.items()
                for record in records
            ]
            await asyncio.gather(*sent)
            if found:
                await consumer.commit()


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    asyncio.run(_pass_on(peer, stop))


if __name__ == "__main__":
    run(loop)
