"""A gate's slot on this machine: two gates never share one, or they would fence each other for ever.

On other machines the transactional id itself fences: the later gate of a slot ends the earlier one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hub.errors import StartError


@contextlib.contextmanager
def gate_slot(data_dir: Path, slot: int) -> Iterator[None]:
    """Hold a slot while the block runs; raise StartError naming the process that holds it already."""
    path = data_dir / f"gate-{slot}.lock"
    data_dir.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartError(
                f"gate slot {slot} is held by process {file.read().strip() or 'unknown'}.",
                where=str(path),
                do="Give this gate another HUB_GATE__SLOT, or stop the other one.",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
