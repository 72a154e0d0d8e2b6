"""The audit beside the gate, over the same events: what an independent recount costs."""

from __future__ import annotations

from statistics import median

import psutil

from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import audited, world
from hub.launch.bench.bench import Bench
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Contender, Finding, Result, Run
from hub.launch.bench.positions import Positions
from hub.launch.bench.stopwatch import Counter, Progress, run_of, watch
from hub.store.audit import CONSUMER

ROUNDS = 3
EVENTS = 150_000
LEAST_EVENTS = 30_000
"""The audit saves its books after 20,000 records: of fewer events there is nothing to measure between."""

_GATE = Contender("Peyvand's gate", "this", "The process of `hub up`, as in the gate's own benchmark.")
_AUDIT = Contender(
    "Peyvand's audit",
    "this",
    "The process of `hub up`: reads each event and both of its deliveries, judges the event anew, compares "
    "every header and value with what was due, checks sequences, order and receipts, keeps its books in "
    "PostgreSQL.",
)
_HOW = (
    "The gate decides events that wait; then the audit judges the same ones. Each is measured between its "
    "commits, the first ones left out. The audit has one mode only: it always checks the whole "
    "content of every delivery, so one figure stands for counting and for the full check."
)


_SECONDS = 600.0


def audit(bench: Bench) -> Result:
    """Measure the gate and then the audit over the same events, by rounds; it must find nothing wrong."""
    runs: list[Run] = []
    with bench.ground("audit") as ground:
        for number in range(1, bench.rounds(ROUNDS) + 1):
            ground.fill(max(LEAST_EVENTS, bench.events(EVENTS)))
            with Progress(ground.settings, topics.GATE_GROUP, topics.outbox(world.SOURCE)) as progress:
                runs.append(_run(ground, "gate-0", progress, _GATE, number))
            with Positions(ground.settings, CONSUMER, topics.outbox(world.SOURCE)) as judged:
                runs.append(_run(ground, "audit", judged, _AUDIT, number))
            for run in runs[-2:]:
                bench.say(f"round {number}: {run.contender}: {run.per_cpu_second:,.0f} events a CPU second")
        sheet = audited.sheet(ground)
    return Result(
        name="audit",
        title="The audit beside the gate",
        how=_HOW,
        findings=(
            Finding("audit with full content check against the gate, per CPU second", _ratio(runs), "×", 0.5),
            *audited.balanced(sheet),
        ),
        contenders=(_GATE, _AUDIT),
        runs=tuple(runs),
    )


def _run(ground: Ground, name: str, progress: Counter, contender: Contender, number: int) -> Run:
    """Start a process, watch it until it is behind all that lies on the source's outbox, stop it."""
    part = ground.start(name, wait=False)
    if part.process is None:
        raise StartError(f"{name} did not start.")
    ends = sum(ground.ends(topics.outbox(world.SOURCE)).values())
    samples = watch(progress, [psutil.Process(part.process.pid)], until=ends, seconds=_SECONDS)
    ground.stop(part)
    return run_of(samples, contender.name, number)


def _ratio(runs: list[Run]) -> float:
    """Return the median over the rounds of the audit's events a CPU second over the gate's."""
    cpu = {(run.contender, run.round): run.per_cpu_second for run in runs}
    rounds = {run.round for run in runs}
    return round(median(cpu[_AUDIT.name, each] / cpu[_GATE.name, each] for each in rounds), 2)
