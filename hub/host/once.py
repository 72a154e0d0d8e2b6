"""Steps done once in a data folder: marked when begun and when done, so that an interruption is seen."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from hub.errors import StartError


@contextlib.contextmanager
def once(made: Path, proof: str) -> Iterator[bool]:
    """Yield whether the step that makes folder `made` has still to be done; it is marked done at the end.

    Beside `made`, `<name>.begun` and `<name>.done` tell how far the step came. What an interrupted step left
    is removed first. Raises StartError where `made` holds files of another origin, or lacks `proof` (a file
    in it that a finished step always leaves).
    """
    begun, done = made.with_name(made.name + ".begun"), made.with_name(made.name + ".done")
    if done.exists():
        if not (made / proof).exists():
            raise StartError(
                f"this folder is damaged: {proof} is missing.",
                where=str(made),
                do="Bring it back from a backup, or start with a new data folder.",
            )
        yield False
        return
    if begun.exists():
        shutil.rmtree(made, ignore_errors=True)
    elif made.exists() and any(made.iterdir()):
        raise StartError(
            "this folder holds files that this hub did not make.",
            where=str(made),
            do="Move them away, or start with another data folder.",
        )
    made.parent.mkdir(parents=True, exist_ok=True)
    begun.touch()
    yield True
    done.touch()
    begun.unlink()


def require_space(folder: Path, mib: int) -> None:
    """Raise StartError unless the disk of `folder`, or of its nearest parent, has `mib` MiB free."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_mib = shutil.disk_usage(existing).free // 2**20
    if free_mib < mib:
        raise StartError(
            f"the disk has {free_mib} MiB free; the hub wants {mib} MiB to start.",
            where=str(folder),
            do="Free some space, choose another --data-dir, or lower HUB_MIN_FREE_MB.",
        )


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk, or a folder without permission, into one StartError."""
    causes = {
        errno.ENOSPC: ("the disk is full.", "Free some space and start again."),
        errno.EDQUOT: ("the disk quota is used up.", "Free some space and start again."),
        errno.EROFS: ("the disk is read-only.", "Choose another --data-dir."),
        errno.EACCES: ("permission denied.", "Choose another --data-dir, or change the folder's owner."),
        errno.EPERM: ("permission denied.", "Choose another --data-dir, or change the folder's owner."),
        errno.ENOTDIR: ("this is not a folder.", "Choose another --data-dir."),
        errno.EEXIST: ("this is not a folder.", "Choose another --data-dir."),
    }
    try:
        yield
    except OSError as error:
        if error.errno not in causes:
            raise
        what, do = causes[error.errno]
        raise StartError(what, where=str(error.filename or folder), do=do) from None
