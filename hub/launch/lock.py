"""One hub per data folder: the holder of the lock on `<data dir>/lock`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from hub.errors import StartError
from hub.host.filelock import held


def only_hub(data_dir: Path) -> AbstractContextManager[None]:
    """Hold the data folder while the hub runs. StartError names the process that holds it already."""
    return held(
        data_dir / "lock",
        lambda pid: StartError(
            f"a hub is running on this data folder already (pid {pid}).",
            where=str(data_dir),
            do="Stop it first, or choose another --data-dir.",
        ),
    )
