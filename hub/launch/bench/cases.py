"""Events folded into cases: the process `cases` beside the batch loop of a rebuild, and beside bare loops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from hub import resources
from hub.errors import StartError
from hub.launch.bench import case_loops, inbox
from hub.launch.bench.bench import Bench
from hub.launch.bench.database import HOME, SHADOW, Folded, forget_cases, server_seconds
from hub.launch.bench.ground import PARTITIONS, Ground
from hub.launch.bench.machine import version
from hub.launch.bench.model import Contender, Finding, Result, Run, rates, ratio
from hub.launch.bench.stopwatch import Counter, Progress, run_of, watch
from hub.launch.environment import child_environment
from hub.launch.parts import ProcessPart
from hub.store.engine import engine

ROUNDS = 3
EVENTS = 150_000
LIVE_PER_SECOND, REBUILD_PER_SECOND = 2000, 8000
_SECONDS = 900.0
_LIVE = Contender(
    "cases, live",
    "this",
    "The process `cases` of `hub up`: Faust; deliveries decoded, told from those known, folded; events, "
    "rows, deadlines, tallies, sequences and offsets in one SQL transaction a batch.",
)
_REBUILD = Contender(
    "cases, rebuild",
    "this",
    "`hub rebuild cases --check`: the same folds and the same tables by a batch loop on confluent-kafka.",
)
_FOLD = Contender(
    "folding alone",
    "this",
    "A batch loop on confluent-kafka: the same deliveries decoded and folded in memory, nothing written.",
)
_READ = Contender(
    "confluent-kafka, reading",
    version("confluent-kafka"),
    "A batch loop that reads and commits; nothing decoded, folded or written.",
)
_HOW = (
    "The events of the demo's four real logs, in the order of their time, lie on supervision's inbox of 4 "
    "partitions as the gate delivers them; they were put there without it, as what is measured begins at the "
    "inbox. By turns, each begins at offset 0, the process `cases` with empty tables. Its rate, and that of "
    "the rebuild, is that at which the positions in PostgreSQL advance, which are committed with the rows; "
    "that of the other loops is that of their group's commits. A contender's CPU time is its own process's."
)


@dataclass(slots=True)
class _Measured:
    """What the rounds have brought: runs, PostgreSQL's CPU seconds by contender, rows that differ."""

    runs: list[Run] = field(default_factory=list)
    server: dict[str, list[float]] = field(default_factory=dict)
    different: int = 0


@dataclass(frozen=True, slots=True)
class _Entrant:
    """A contender; `role` is that of a loop (case_loops), without one it is the process `cases`."""

    contender: Contender
    role: str | None = None

    def prepare(self, ground: Ground) -> None:
        """Let it begin at the inbox's beginning."""
        if self.role is None:
            database = engine(ground.settings, pool_size=1)
            forget_cases(database)
            database.dispose()
        elif self.role != "rebuild":
            ground.skip_to(case_loops.GROUP, inbox.INBOX, dict.fromkeys(PARTITIONS, 0))

    @contextmanager
    def progress(self, ground: Ground) -> Iterator[Counter]:
        """Give who says how far it is."""
        if self.role in {None, "rebuild"}:
            with Folded(ground.settings, SHADOW if self.role else HOME) as folded:
                yield folded
        else:
            with Progress(ground.settings, case_loops.GROUP, inbox.INBOX) as progress:
                yield progress

    @contextmanager
    def running(self, ground: Ground) -> Iterator[psutil.Process]:
        """Give its process, at work."""
        if self.role is None:
            part = ground.start("cases", wait=False)
            yield _process(part)
            ground.stop(part)
            return
        own = {case_loops.ROLE: self.role, case_loops.FILE: str(_found(ground))}
        folder, environment = ground.settings.data_dir, child_environment(ground.settings) | own
        part = ProcessPart(f"{self.role}-loop", case_loops.__name__, folder, environment)
        part.spawn()
        try:
            yield _process(part)
            if self.role == "rebuild" and part.process is not None and part.process.wait(_SECONDS) != 0:
                raise StartError(f"the rebuild failed: {part.last_words()}")
        finally:
            part.stop(60)


_ENTRANTS = (_Entrant(_LIVE), _Entrant(_REBUILD, "rebuild"), _Entrant(_FOLD, "fold"), _Entrant(_READ, "read"))


def cases(bench: Bench) -> Result:
    """Measure the process `cases` and the loops beside it; live and rebuilt tables must be equal."""
    measured = _Measured()
    with bench.ground("cases", resources.folder("registry")) as ground:
        deliveries = inbox.Deliveries(ground.codec)
        told = inbox.logs(bench.events(EVENTS))
        inbox.put(ground, (deliveries.of(event, agency) for event, agency in told))
        for number in range(1, bench.rounds(ROUNDS) + 1):
            first = (number - 1) % len(_ENTRANTS)
            for entrant in (*_ENTRANTS[first:], *_ENTRANTS[:first]):
                _measure(bench, ground, entrant, number, measured)
    return Result(
        name="cases",
        title="Events folded into cases",
        how=_HOW,
        findings=tuple(_findings(measured)),
        contenders=tuple(each.contender for each in _ENTRANTS),
        runs=tuple(measured.runs),
    )


def _measure(bench: Bench, ground: Ground, entrant: _Entrant, number: int, measured: _Measured) -> None:
    entrant.prepare(ground)
    name, whole = entrant.contender.name, sum(ground.ends(inbox.INBOX).values())
    before = server_seconds(ground.settings)
    with entrant.progress(ground) as progress, entrant.running(ground) as process:
        samples = watch(progress, [process], until=whole, seconds=_SECONDS)
        taken = server_seconds(ground.settings) - before
    if samples[-1].events != whole:
        raise StartError(f"{name} has come to {samples[-1].events:,} of {whole:,} only.")
    if entrant.role == "rebuild":
        measured.different += sum(json.loads(_found(ground).read_text(encoding="ascii")).values())
    run = run_of(samples, name, number)
    measured.runs.append(run)
    measured.server.setdefault(name, []).append(taken / whole * 1e6)
    bench.say(
        f"round {number}: {name}: {run.per_second:,.0f} events/s, {run.per_cpu_second:,.0f} a CPU second"
    )


def _findings(measured: _Measured) -> Iterator[Finding]:
    runs = measured.runs
    for contender, what, bound in (
        (_LIVE, "events folded live, through Faust and PostgreSQL", LIVE_PER_SECOND),
        (_REBUILD, "events folded by a rebuild, from offset 0", REBUILD_PER_SECOND),
    ):
        rate = median(rates(runs, contender.name).values())
        yield Finding(what, round(rate), "events/s", bound)
    yield Finding("rows that differ, live and rebuilt", measured.different, "rows", 0, "at most")
    for one, other in ((_LIVE, _REBUILD), (_LIVE, _FOLD), (_REBUILD, _FOLD)):
        value = ratio(runs, one.name, other.name)
        yield Finding(f"{one.name}, against {other.name}", round(value, 2), "×")
    for contender in (_LIVE, _REBUILD):
        value = median(measured.server[contender.name])
        yield Finding(f"{contender.name}: PostgreSQL's own CPU time", round(value, 1), "µs an event")


def _process(part: ProcessPart) -> psutil.Process:
    if part.process is None:
        raise StartError(f"{part.name} does not run.")
    return psutil.Process(part.process.pid)


def _found(ground: Ground) -> Path:
    """Return the file in which a rebuild tells what it found."""
    return ground.folder / "rebuild.json"
