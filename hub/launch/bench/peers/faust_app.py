"""What the two Faust peers share: an app with its source and sink as raw bytes, and its life."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import faust

from hub.launch.bench.peers import aio  # noqa: F401 - wants lz4
from hub.launch.bench.peers.peer import COMPRESSION, PRODUCER_BATCH_BYTES, Peer, Stop, ready

Handle = Callable[[Any], Awaitable[None]]
_COMMIT_SECONDS = 0.5
_POLL_SECONDS = 0.1


class _App(faust.App):
    def _create_directories(self) -> None:
        """Make none: nothing is kept on disk."""


def serve(peer: Peer, stop: Stop, linger_ms: int, passing_to: Callable[[Any], Handle]) -> None:
    """Run an app with the agent that `passing_to` gives for a sink, until asked to stop; raise its error."""
    asyncio.run(_life(peer, stop, linger_ms, passing_to))


async def _life(peer: Peer, stop: Stop, linger_ms: int, passing_to: Callable[[Any], Handle]) -> None:
    app, failed = _app(peer, linger_ms), list[Exception]()
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw"}
    source, sink = (app.topic(name, **raw, value_serializer="raw") for name in (peer.source, peer.sink))
    handle = passing_to(sink)

    async def agent(stream: Any) -> None:
        # Faust itself would log an error and go on with the next event.
        try:
            await handle(stream)
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    app.agent(source)(agent)
    await app.start()
    while not (stop or failed or app.should_stop):  # noqa: ASYNC110 - three places to look
        await asyncio.sleep(_POLL_SECONDS)
    await app.stop()
    for error in (*failed, app.crash_reason):
        if error is not None:
            raise error


def _app(peer: Peer, linger_ms: int) -> Any:
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
    return app
