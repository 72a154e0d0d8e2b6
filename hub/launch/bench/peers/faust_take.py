"""Faust, in batches: one agent that takes up to 1,000 events, sends them all and awaits all deliveries.

At least once; Faust commits by itself. It cannot leave out aborted records. No checks, no masks, no dedupe,
no second output.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hub.launch.bench.peers import faust_app
from hub.launch.bench.peers.peer import LINGER_MS, Peer, Stop, run

NAME = "Faust, take"
VERSION_OF = "faust-streaming"
_BATCH = 1000
_WITHIN_SECONDS = 0.005


def _passing_to(sink: Any) -> faust_app.Handle:
    async def handle(stream: Any) -> None:
        async for events in stream.take_events(_BATCH, within=_WITHIN_SECONDS):
            sent = [
                await sink.send(
                    key=each.key, value=each.value, headers=each.headers, partition=each.message.tp.partition
                )
                for each in events
            ]
            await asyncio.gather(*sent)

    return handle


def loop(peer: Peer, stop: Stop) -> None:
    """Pass records through until asked to stop."""
    faust_app.serve(peer, stop, LINGER_MS, _passing_to)


if __name__ == "__main__":
    run(loop)
