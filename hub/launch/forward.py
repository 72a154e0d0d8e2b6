"""Hands TCP connections on to a port on loopback: `python -m hub.launch.forward FROM_PORT TO_PORT`.

For containers only: the API binds to loopback while the hub has no sign-in, and a container's loopback cannot
be published. The compose file publishes what this hands on to the host's loopback and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

_CHUNK = 64 * 1024


async def serve(host: str, port: int, target: int) -> asyncio.Server:
    """Listen on host:port and hand every connection on to 127.0.0.1:target; port 0 picks one."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:  # the API is starting or gone: the client sees a closed connection
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        far_writer.close()
        writer.close()

    return await asyncio.start_server(handle, host, port)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _main(port: int, target: int) -> None:
    server = await serve("0.0.0.0", port, target)  # noqa: S104 - the containers' network
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
