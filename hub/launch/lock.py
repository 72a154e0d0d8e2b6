"""One hub per data folder: the holder of the lock on `<data dir>/lock`."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hub.errors import StartError


@contextlib.contextmanager
def only_hub(data_dir: Path) -> Iterator[None]:
    """Hold the data folder while the hub runs. Raises StartError naming the process that holds it already.

    The lock ends with the process, however it ends: there is nothing to clear away after a crash.
    """
    with (data_dir / "lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartError(
                f"a hub is running on this data folder already (pid {file.read().strip() or 'unknown'}).",
                where=str(data_dir),
                do="Stop it first, or choose another --data-dir.",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
