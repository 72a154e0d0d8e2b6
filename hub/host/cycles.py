"""Python's search for cycles of garbage, kept out of the way where tens of thousands of objects wait."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Do without the search: what waits would be looked through again and again, and it holds no cycles."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """Leave out of every later search what was made so far: modules, settings, contracts."""
    gc.collect()
    gc.freeze()


collect = gc.collect
"""Search now."""
