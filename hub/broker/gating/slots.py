"""A gate's slot on this machine: two gates never share one, or they would fence each other for ever.

On other machines the transactional id itself fences: the later gate of a slot ends the earlier one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from hub.errors import StartError
from hub.host.filelock import held


def gate_slot(data_dir: Path, slot: int) -> AbstractContextManager[None]:
    """Hold a slot while the block runs; StartError names the process that holds it already."""
    path = data_dir / f"gate-{slot}.lock"
    return held(
        path,
        lambda pid: StartError(
            f"gate slot {slot} is held by process {pid}.",
            where=str(path),
            do="Give this gate another HUB_GATE__SLOT, or stop the other one.",
        ),
    )
