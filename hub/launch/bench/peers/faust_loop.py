"""Faust, stock: one agent, raw bytes, each record sent with `topic.send` and its delivery awaited.

At least once; Faust commits by itself. No linger, which would only be waited for. It cannot leave out
aborted records. No checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

from typing import Any

from hub.launch.bench.peers import faust_app
from hub.launch.bench.peers.peer import Peer, Stop, run

NAME = "Faust"
VERSION_OF = "faust-streaming"


def _passing_to(sink: Any) -> faust_app.Handle:
    async def handle(stream: Any) -> None:
        async for event in stream.events():
            partition, headers = event.message.tp.partition, event.headers
            sent = await sink.send(key=event.key, value=event.value, headers=headers, partition=partition)
            await sent

    return handle


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    faust_app.serve(peer, stop, 0, _passing_to)


if __name__ == "__main__":
    run(loop)
