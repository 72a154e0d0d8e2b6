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
MONTHS = 60
ROUNDS = 5
SECONDS = 1.0
_HOW = (
    f"Cases over {MONTHS} months, of five journeys, with steps and hand-offs, are put into PostgreSQL, and "
    f"all figures are worked out once. Then, again and again, {figure_cases.CHANGED:,} cases of one month "
    "get one more event. Refreshed: the month is counted anew, its percentiles and variants too, and years "
    "and all time are added up from months. Then the process's own cycle is called here: all figures are "
    "worked out, small groups hidden, what differs is written. That goes with the number of figures, not of "
    "cases. Of the rounds, the median."
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
            figure_cases.fill(database, cases, bench.rounds(MONTHS))
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
            with watch("refresh"):
                months.refresh(database, figure_cases.ZONE)
            with watch("cycle"):
                process.cycle()
        with watch("publish"):
            return fresh().cycle(publish=True)


def _findings(cases: int, count: int, found: Mapping[str, list[tuple[float, ...]]]) -> Iterator[Finding]:
    month, cycle = (tuple(zip(*found[what], strict=True)) for what in ("refresh", "cycle"))
    name = f"figures of {cases:,} cases, refreshed after one month of them changed"
    yield Finding(name, round(median(month[0]), 2), "s", SECONDS, "at most")
    for (seconds, python, server), of in ((month, "refreshed"), (cycle, f"all {count:,} figures worked out")):
        if of != "refreshed":
            yield Finding(f"{of} and written", round(median(seconds), 2), "s")
        yield Finding(f"{of}: CPU time of the process", round(median(python), 2), "s")
        yield Finding(f"{of}: CPU time of PostgreSQL", round(median(server), 2), "s")
    yield Finding(
        "every month counted for the first time, all worked out", round(found["first"][0][0], 1), "s"
    )
    yield Finding(
        "all published for the first time, percentiles of years exact", round(found["publish"][0][0], 1), "s"
    )
