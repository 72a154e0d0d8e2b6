"""What the two Faust peers share: an app with its source and sink as raw bytes, and its life."""

from __future__ import annotations

import asyncio
from typing import Any

import faust

from hub.launch.bench.peers import aio  # noqa: F401 - reads lz4
from hub.launch.bench.peers.peer import COMPRESSION, PRODUCER_BATCH_BYTES, Peer, Stop, ready

_COMMIT_SECONDS = 0.5
_POLL_SECONDS = 0.1


class _App(faust.App):
    def _create_directories(self) -> None:
        """Make none: nothing is kept on disk."""


def make(peer: Peer, linger_ms: int) -> tuple[Any, Any, Any]:
    """Return an app that reads and writes as the other peers do, its source and its sink."""
    app: Any = _App(
        peer.group,
        broker=f"kafka://{peer.bootstrap.replace(',', ';')}",
        broker_credentials=faust.SASLCredentials(
            username=peer.username, password=peer.password, mechanism=peer.mechanism
        ),
        broker_commit_interval=_COMMIT_SECONDS,
        producer_acks=-1,
        producer_compression_type=COMPRESSION,
        producer_linger=linger_ms / 1000,
        producer_max_batch_size=PRODUCER_BATCH_BYTES,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.on_partitions_assigned.connect(lambda *_, **__: ready(), weak=False)
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw"}
    source, sink = (app.topic(name, **raw, value_serializer="raw") for name in (peer.source, peer.sink))
    return app, source, sink


def serve(app: Any, stop: Stop) -> None:
    """Run an app until asked to stop; raise what it crashed of."""
    asyncio.run(_life(app, stop))


async def _life(app: Any, stop: Stop) -> None:
    await app.start()
    while not (stop or app.should_stop):  # noqa: ASYNC110 - two places to look
        await asyncio.sleep(_POLL_SECONDS)
    if app.crash_reason is not None:
        raise app.crash_reason
    await app.stop()
