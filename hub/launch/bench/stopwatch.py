"""Measuring a process from outside: how far its group has committed, and what CPU time it took for it.

Every contender is measured alike, by what the broker knows; none tells its own figures.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import psutil

from hub.broker.groups import Groups
from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench.model import Run
from hub.settings import Settings

_LOOK_SECONDS = 0.02
_WARM_SECONDS = 1.0
_WARM_SHARE = 0.15
_STALLED_SECONDS = 120.0


class Sample(NamedTuple):
    """At a moment (monotonic seconds): events committed, CPU seconds used."""

    at: float
    events: int
    cpu_seconds: float


class Counter(Protocol):
    """Whoever can say how many events are done so far."""

    def total(self) -> int:
        """Return how many."""


class Progress:
    """How far a group is on a topic. A context manager."""

    def __init__(
        self, settings: Settings, group: str, topic: str, partitions: Collection[int] = range(4)
    ) -> None:
        self._groups = Groups(settings, topics.ADMIN_PRINCIPAL)
        self._asked = {group: [(topic, number) for number in partitions]}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._groups.close()

    def places(self) -> dict[int, int]:
        """Return the committed offset of each partition that has one."""
        return {number: place for (_, number), place in self._groups.committed(self._asked).items()}

    def total(self) -> int:
        """Return the sum of the committed offsets."""
        return sum(self.places().values())


def watch(
    progress: Counter, processes: Collection[psutil.Process], *, until: int, seconds: float
) -> list[Sample]:
    """Return a sample for each change of a group's progress until it comes to `until`, or for so long.

    The time begins at the first change. Raises StartError when a process ends, or nothing changes for 2 min.
    """
    samples = [_sample(progress, processes)]
    heard = time.monotonic()
    while True:
        sample = _sample(progress, processes)
        if sample.events > samples[-1].events:
            samples.append(sample)
            heard = sample.at
        if sample.events >= until or (len(samples) > 1 and sample.at - samples[1].at > seconds):
            return samples
        if sample.at - heard > _STALLED_SECONDS:
            raise StartError(f"nothing was committed for {_STALLED_SECONDS:.0f} s.")
        time.sleep(_LOOK_SECONDS)


def run_of(samples: list[Sample], contender: str, number: int) -> Run:
    """Return what a contender did while it was warm: between two commits, the first one's batch left out.

    Raises StartError where there are too few commits to measure between.
    """
    moved = samples[1:]
    if len(moved) > 1:
        whole = moved[-1].events - moved[0].events
        warm = next(
            (
                place
                for place, each in enumerate(moved[:-1])
                if each.at - moved[0].at >= _WARM_SECONDS
                or each.events - moved[0].events >= _WARM_SHARE * whole
            ),
            0,
        )
        first, last = moved[warm], moved[-1]
        if last.events > first.events:
            return Run(
                contender,
                number,
                last.events - first.events,
                last.at - first.at,
                max(last.cpu_seconds - first.cpu_seconds, 1e-3),
            )
    raise StartError(f"{contender} committed {len(moved)} times only: nothing can be measured between.")


def _sample(progress: Counter, processes: Collection[psutil.Process]) -> Sample:
    try:
        used = 0.0
        for process in processes:
            if process.status() == psutil.STATUS_ZOMBIE:
                raise StartError("the process that is measured has ended.")
            times = process.cpu_times()
            used += times.user + times.system
    except psutil.NoSuchProcess:
        raise StartError("the process that is measured has ended.") from None
    total = progress.total()
    return Sample(time.monotonic(), total, used)
