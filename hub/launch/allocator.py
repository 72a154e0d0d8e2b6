"""The allocator of the hub's own processes: mimalloc, where its wheel is installed (extra `speed`).

With each event librdkafka takes some thirty small pieces of memory in one thread and gives them back in
another, which glibc's allocator is slow at.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PRELOAD = "LD_PRELOAD"
_WHEEL = "cmeel-mimalloc"
_LIBRARY = "cmeel.prefix/lib/libmimalloc.so"
# The dynamic linker takes a list of files, and none of these can be part of a name.
_SEPARATORS = " \t\n:"


def allocator_environment() -> dict[str, str]:
    """Return the variables that give a process mimalloc.

    None where its wheel is missing, where it lies in a folder that the dynamic linker cannot be told of, or
    where the environment says by itself what to load first: `LD_PRELOAD=` keeps the system's allocator.
    """
    library = _library()
    if PRELOAD in os.environ or library is None or any(each in str(library) for each in _SEPARATORS):
        return {}
    return {PRELOAD: str(library)}


def _library() -> Path | None:
    try:
        library = Path(str(distribution(_WHEEL).locate_file(_LIBRARY)))
    except PackageNotFoundError:
        return None
    return library.resolve() if library.is_file() else None
