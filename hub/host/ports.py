"""TCP ports on loopback: picked once, kept in `<data dir>/ports.json`, the same after a restart."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

import psutil

from hub.errors import StartError

FILE = "ports.json"
# Below the range that systems give to outgoing connections: a kept port is not taken by chance.
_RANGE = range(20_000, 32_000)


def kept(data_dir: Path, name: str, wanted: int = 0) -> int:
    """Return the port of a part: `wanted`, else the one kept, else a free one, which is kept from now on."""
    file = data_dir / FILE
    known = _read(file)
    port = wanted or known.get(name) or free(frozenset(known.values()))
    if known.get(name) != port:
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(FILE + ".new")
        draft.write_text(json.dumps(known | {name: port}, indent=2) + "\n", encoding="ascii")
        draft.replace(file)
    return port


def _read(file: Path) -> dict[str, int]:
    try:
        known = json.loads(file.read_text(encoding="ascii"))
        return {str(name): int(port) for name, port in known.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        raise StartError(
            "this file is not a JSON object of ports.", where=str(file), do="Delete it."
        ) from None


def free(taken: frozenset[int] = frozenset()) -> int:
    """Return a port that nobody listens on."""
    chooser = random.SystemRandom()
    for _ in range(200):
        port = chooser.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise StartError(
        "no free port was found between 20000 and 32000.", do="See what listens there: `ss -ltn`."
    )


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on this port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that is still being forgotten (TIME_WAIT) does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def require_free(port: int, what: str, do: str, host: str = "127.0.0.1") -> None:
    """Raise StartError, naming the process that holds the port where that can be known, if it is taken."""
    if not is_free(port, host):
        raise StartError(f"port {port}, wanted by {what}, is taken{_holder(port)}.", do=do)


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return " by another process"
