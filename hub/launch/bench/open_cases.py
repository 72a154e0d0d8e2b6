"""Many open cases: the memory of the process `cases` while each of them goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psutil

from hub import resources
from hub.errors import StartError
from hub.launch.bench import inbox
from hub.launch.bench.bench import Bench
from hub.launch.bench.database import Folded
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Finding, Result
from hub.launch.demo import plan
from hub.launch.parts import ProcessPart

CASES = 300_000
GROWTH_PERCENT = 2.0
_SECONDS = 900.0
_LOOK_SECONDS = 0.1
_HOW = (
    "Supervision's inbox holds an event that opens each case, and then one more event of each, both in an "
    "order by chance: the worst for a batch, no two of its events are of one case. The process `cases` of "
    "`hub up` folds them all; its resident memory is looked at ten times a second. What it grows by over the "
    "second half, with every case open, is the slope of a straight line through the looks of that half."
)


class Look(NamedTuple):
    """Events folded at a moment (monotonic seconds), and the process's resident memory in bytes."""

    at: float
    events: int
    memory: int


def open_cases(bench: Bench) -> Result:
    """Open so many cases, let each go on, and look at the memory that this takes."""
    count = bench.events(CASES)
    with bench.ground("open-cases", resources.folder("registry")) as ground:
        deliveries = inbox.Deliveries(ground.codec)
        inbox.put(ground, (deliveries.of(event, plan.OFFICE) for event in inbox.opened(count)))
        looks = _looks(ground, 2 * count)
    return Result(
        name="open-cases",
        title="Many open cases",
        how=_HOW,
        findings=tuple(_findings(looks, count)),
    )


def _looks(ground: Ground, until: int) -> list[Look]:
    """Return looks at the process `cases` from its first batch to the last one."""
    part = ground.start("cases")
    process, begin = _process(part), time.monotonic()
    looks: list[Look] = []
    with Folded(ground.settings) as folded:
        while not looks or looks[-1].events < until:
            time.sleep(_LOOK_SECONDS)
            if not process.is_running() or time.monotonic() - begin > _SECONDS:
                raise StartError("not every event was folded.", do="See logs/cases.log.")
            total = folded.total()
            if total:
                looks.append(Look(time.monotonic(), total, process.memory_info().rss))
    ground.stop(part)
    return looks


def _process(part: ProcessPart) -> psutil.Process:
    if part.process is None:
        raise StartError(f"{part.name} does not run.")
    return psutil.Process(part.process.pid)


def _findings(looks: Sequence[Look], count: int) -> Iterator[Finding]:
    first, second = ([each for each in looks if (each.events > count) is late] for late in (False, True))
    name = f"{count:,} open cases: what memory grows by over the second half of {2 * count:,} events"
    yield Finding(name, round(100 * growth(second), 2), "%", GROWTH_PERCENT, "at most")
    yield Finding("the most memory that it had", round(max(each.memory for each in looks) / 2**20), "MiB")
    for part, what in ((first, "cases opened"), (second, "cases gone on")):
        rate = (part[-1].events - part[0].events) / (part[-1].at - part[0].at) if len(part) > 1 else 0.0
        yield Finding(f"{what}, no two events of a batch of one case", round(rate), "a second")


def growth(looks: Sequence[Look]) -> float:
    """Return by what share memory grows over looks, as a straight line through them by events says.

    Raises StartError where there are too few to lay one.
    """
    if len(looks) < 3:
        raise StartError("it was done before its memory could be looked at: take more events.")
    middle = sum(each.events for each in looks) / len(looks)
    memory = sum(each.memory for each in looks) / len(looks)
    spread = sum((each.events - middle) ** 2 for each in looks)
    slope = sum((each.events - middle) * (each.memory - memory) for each in looks) / spread if spread else 0.0
    return slope * (looks[-1].events - looks[0].events) / memory
