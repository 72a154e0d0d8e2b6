"""Says in time that the disk is filling up: engines that meet a full one stop themselves."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from hub.launch.report import Report

_LOOK_SECONDS = 5.0


class DiskWatch:
    """Looks at the free space of a data folder's disk every few seconds; tells of a shortage and its end."""

    def __init__(self, folder: Path, min_free_mb: int, report: Report) -> None:
        self._folder = folder
        self._least = min_free_mb
        self._report = report
        self._next = 0.0
        self._short = False

    def look(self) -> None:
        """Look if it is time; say once that space is short, and once that it is enough again."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LOOK_SECONDS
        free = shutil.disk_usage(self._folder).free // 2**20
        if free < self._least and not self._short:
            self._report.trouble(
                f"The disk of {self._folder} has {free} MiB free, less than HUB_MIN_FREE_MB ({self._least}). "
                "Free some space: Kafka and PostgreSQL stop when it is full."
            )
        elif free >= self._least and self._short:
            self._report.line(f"The disk has {free} MiB free again.")
        self._short = free < self._least
