"""FastStream on aiokafka: a subscriber of batches that publishes each message, awaits all, then commits.

At least once, with an idempotent producer. It writes the header `content-type` before all others. No
transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

import asyncio
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import SASLScram512

from hub.launch.bench.peers.aio import Listener
from hub.launch.bench.peers.peer import COMPRESSION, LINGER_MS, PRODUCER_BATCH_BYTES, Peer, Stop, run

NAME = "FastStream"
VERSION_OF = "faststream"
_BATCH = 5000
_WAIT_MS = 50
_POLL_SECONDS = 0.1


def _broker(peer: Peer) -> Any:
    return KafkaBroker(
        peer.bootstrap,
        security=SASLScram512(peer.username, peer.password),
        acks="all",
        enable_idempotence=True,
        linger_ms=LINGER_MS,
        compression_type=COMPRESSION,
        max_batch_size=PRODUCER_BATCH_BYTES,
        # Else it adds a header with an id of its own.
        id_generator=lambda: "",
        logger=None,
    )


async def _pass_on(peer: Peer, stop: Stop) -> None:
    broker = _broker(peer)

    failed: list[Exception] = []

    async def publish(records: Any) -> None:
        sent = [
            await broker.publish(
                each.value, peer.sink, key=each.key, partition=each.partition,
                headers={name: value.decode() for name, value in each.headers}, no_confirm=True,
            )
            for each in records
        ]  # fmt: skip
        await asyncio.gather(*sent)

    async def handle(message: KafkaMessage) -> None:
        try:
            await publish(message.raw_message)
        except Exception as error:
            failed.append(error)
            raise

    broker.subscriber(
        peer.source,
        batch=True,
        max_records=_BATCH,
        batch_timeout_ms=_WAIT_MS,
        group_id=peer.group,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        listener=Listener(),
    )(handle)
    async with broker:
        await broker.start()
        while not (stop or failed):  # noqa: ASYNC110 - set by a signal handler
            await asyncio.sleep(_POLL_SECONDS)
    if failed:
        raise failed[0]


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    asyncio.run(_pass_on(peer, stop))


if __name__ == "__main__":
    run(loop)
