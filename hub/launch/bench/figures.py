"""The figures of many cases, when a month of them has changed: how long a cycle of theirs takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from sqlalchemy import Engine

from hub import resources
from hub.broker.registry_topic import RegistryFollower
from hub.contracts import topics
from hub.launch.bench import figure_cases
from hub.launch.bench.bench import Bench
from hub.launch.bench.database import server_seconds, vacuum
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Finding, Result
from hub.settings import Settings
from hub.store import figures as months
from hub.store.engine import engine
from streams.indicators import Indicators

CASES = 1_000_000
ROUNDS = 5
SECONDS = 1.0
_HOW = (
    f"Cases over {figure_cases.MONTHS} months, of five journeys, with steps and hand-offs, are put into "
    "PostgreSQL, and all figures are worked out once. Then, again and again, "
    f"{figure_cases.CHANGED:,} cases of one month get one more event, and the process's own cycle is called "
    "here: the month is counted anew, all figures are worked out, small groups hidden, what differs written. "
    "Of the cycles, the median."
)


@dataclass(slots=True)
class _Watch:
    """Seconds of the clock, CPU seconds of Python and of PostgreSQL, by what was done."""

    settings: Settings
    found: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Measure what is done within."""
        before = self._now()
        yield
        took = tuple(later - earlier for earlier, later in zip(before, self._now(), strict=True))
        self.found.setdefault(what, []).append(took)

    def _now(self) -> tuple[float, ...]:
        return time.perf_counter(), time.process_time(), server_seconds(self.settings)


def figures(bench: Bench) -> Result:
    """Count and work out figures of so many cases, of which a month's have changed."""
    cases = bench.events(CASES)
    with bench.ground("figures", resources.folder("registry")) as ground:
        database = engine(ground.settings, pool_size=2)
        watch = _Watch(ground.settings)
        try:
            figure_cases.fill(database, cases)
            count = _cycles(ground, database, watch, bench.rounds(ROUNDS))
        finally:
            database.dispose()
    return Result(
        name="figures",
        title="Figures of many cases",
        how=_HOW,
        findings=tuple(_findings(cases, count, watch.found)),
    )


def _cycles(ground: Ground, database: Engine, watch: _Watch, rounds: int) -> int:
    """Work everything out once, then after changes; return how many figures there are."""
    with RegistryFollower(ground.settings, topics.INDICATORS_PRINCIPAL) as registry:

        def fresh() -> Indicators:
            # One that has just worked everything out rests for a while.
            return Indicators(ground.settings, database, registry)

        with watch("first"):
            fresh().cycle()
        vacuum(database)
        for _ in range(rounds):
            figure_cases.change(database)
            process = fresh()
            with watch("cycle"):
                process.cycle()
        figure_cases.change(database)
        with watch("month"):
            months.refresh(database, figure_cases.ZONE)
        with watch("publish"):
            return fresh().cycle(publish=True)


def _findings(cases: int, count: int, found: Mapping[str, list[tuple[float, ...]]]) -> Iterator[Finding]:
    seconds, python, server = zip(*found["cycle"], strict=True)
    name = f"figures of {cases:,} cases, refreshed after one month of them changed"
    yield Finding(name, round(median(seconds), 2), "s", SECONDS, "at most")
    yield Finding("the same, CPU time of the process", round(median(python), 2), "s")
    yield Finding("the same, CPU time of PostgreSQL", round(median(server), 2), "s")
    yield Finding("of it, the month is counted anew", round(found["month"][0][0], 2), "s")
    yield Finding("figures that there are", count, "figures")
    yield Finding(
        "every month counted for the first time, all worked out", round(found["first"][0][0], 1), "s"
    )
    yield Finding(
        "all published for the first time, percentiles of years exact", round(found["publish"][0][0], 1), "s"
    )
