"""One holder at a time: a lock on a file that names its holder, and ends with it however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from hub.errors import HubError

_TRY_SECONDS = 0.1


@contextlib.contextmanager
def held(path: Path, refusal: Callable[[str], HubError], wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock on `path` while the block runs; there is nothing to clear afterwards.

    Where another process holds it for longer than `wait_seconds`, raise `refusal(pid of the holder)`.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + wait_seconds
    with path.open("a+", encoding="ascii") as file:
        while not _locked(file):
            if time.monotonic() >= deadline:
                file.seek(0)
                raise refusal(file.read().strip() or "unknown") from None
            time.sleep(_TRY_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
