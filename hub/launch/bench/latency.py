"""From the outbox to the inbox: how long an event takes while a steady stream of them is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import psutil

from hub.contracts import topics
from hub.launch.bench import agencies, audited, world
from hub.launch.bench.bench import Bench
from hub.launch.bench.contest import Bare, Entrant, Gates, bare
from hub.launch.bench.delays import STAGES, Delay, percentile
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Contender, Finding, Result, Run

RATES = (1000, 4000)
ROUNDS = 3
SECONDS = 25
"""How long a rate is offered in each round."""
LEAVE_OUT_SECONDS = 5.0
WARMING = 200_000
"""How many events go through the gate before anything is measured."""
P50_MS, P99_MS = 50, 250
_DOES = (
    "The process of `hub up`: every check, all that it writes, two deliveries an event; {} events/s offered."
)
_BARE = "Each batch in one transaction, one output an event, nothing checked; {} events/s offered."


@dataclass(frozen=True, slots=True)
class _Measured:
    """What one round of one contender at one rate came to."""

    run: Run
    ways: list[Delay]


class _Entry(NamedTuple):
    """A contender at a rate."""

    contender: Contender
    entrant: Entrant
    rate: int


def latency(bench: Bench) -> Result:
    """Measure the gate and a bare transactional loop by turns at each rate."""
    peer = bare("transactional")
    with bench.ground("latency") as ground:
        entries = [each for rate in RATES for each in _entries(peer, rate)]
        _warm(bench, ground)
        measured = [
            _measure(bench, ground, entry, number)
            for number in range(1, bench.rounds(ROUNDS) + 1)
            for entry in entries
        ]
        with Gates(_GATE).running(ground):
            ground.wait_decided()
        sheet = audited.sheet(ground)
    return Result(
        name="latency",
        title="From the outbox to the inbox",
        how=(
            f"First {WARMING:,} events go through the gate, so that the broker is warm. "
            "A publisher on librdkafka offers events at a steady rate (linger 0, as the SDK) for "
            f"{SECONDS} s in each round, the first {LEAVE_OUT_SECONDS:.0f} left out; a reader on librdkafka "
            "with its defaults (read_committed) watches one inbox; each in a process of its own. An event's "
            "time goes from its append time on the outbox until that reader has it in hand. Percentiles are "
            "those of a round; of the rounds, the median. The times inside are told by the gate's own time "
            "on each delivery and the broker's append time on the inbox."
        ),
        findings=(
            *(finding for entry in entries for finding in _findings(entry, measured)),
            *audited.balanced(sheet),
        ),
        contenders=tuple(entry.contender for entry in entries),
        runs=tuple(each.run for each in measured),
        notes=() if isinstance(peer, Bare) else (peer,),
    )


def _entries(peer: Bare | str, rate: int) -> Iterator[_Entry]:
    yield _Entry(Contender(f"gate at {rate:,}/s", "this", _DOES.format(f"{rate:,}")), Gates(_GATE), rate)
    if isinstance(peer, Bare):
        name = f"{peer.contender.name}, at {rate:,}/s"
        yield _Entry(Contender(name, peer.contender.version, _BARE.format(f"{rate:,}")), peer, rate)


_GATE = Contender("Peyvand's gate", "this", "")


def _warm(bench: Bench, ground: Ground) -> None:
    """Let the broker's virtual machine find out what it does often."""
    ground.fill(bench.events(WARMING))
    with Gates(_GATE).running(ground):
        ground.wait_decided()


def _measure(bench: Bench, ground: Ground, entry: _Entry, number: int) -> _Measured:
    count, outbox = bench.events(entry.rate * SECONDS), topics.outbox(world.SOURCE)
    ours = isinstance(entry.entrant, Gates)
    if not ours:
        ground.skip_to(entry.entrant.group, outbox, ground.ends(outbox))
    with entry.entrant.running(ground) as processes:
        if ours:
            ground.wait_decided()
        before = _cpu_seconds(processes)
        with agencies.stream(
            ground,
            login=world.RECIPIENT if ours else topics.ADMIN_PRINCIPAL,
            topic=topics.inbox(world.RECIPIENT) if ours else world.SINK,
            per_second=entry.rate,
            count=count,
        ) as stream:
            ways = stream.ways(min(LEAVE_OUT_SECONDS, count / entry.rate / 4) * 1000)
        used = (_cpu_seconds(processes) - before) * len(ways) / count
    seconds = max(1, ways[-1].at - ways[0].at) / 1000
    name, totals = entry.contender.name, [each.total for each in ways]
    p50, p99 = percentile(totals, 0.5), percentile(totals, 0.99)
    bench.say(f"round {number}: {name}: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return _Measured(Run(name, number, len(ways), seconds, max(used, 1e-3)), ways)


def _cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


def _findings(entry: _Entry, measured: Iterable[_Measured]) -> Iterator[Finding]:
    """Yield what a contender's rounds at a rate came to; ours is held to the bounds."""
    rounds = [each.ways for each in measured if each.run.contender == entry.contender.name]
    ours, name = isinstance(entry.entrant, Gates), entry.contender.name
    what = f"outbox to inbox at {entry.rate:,} events/s" if ours else name
    bounds = ((0.5, "p50", P50_MS), (0.99, "p99", P99_MS))
    for share, word, most in bounds:
        value = _median(rounds, share, lambda way: way.total)
        yield Finding(f"{what}: {word}", value, "ms", most if ours else None, "at most")
    for number, stage in enumerate(STAGES if ours else ()):
        for share, word, _ in bounds:
            yield Finding(
                f"{what}, of it until {stage}: {word}",
                _median(rounds, share, _stage(number)),
                "ms",
            )
    late = _median(rounds, 0.99, lambda way: way.confirmed)
    yield Finding(f"{name}: an event that is due is confirmed on the outbox: p99", late, "ms")


def _stage(number: int) -> Callable[[Delay], float]:
    return lambda way: way.stages[number]


def _median(rounds: Iterable[list[Delay]], share: float, of: Callable[[Delay], float]) -> float:
    return round(median(percentile([of(way) for way in ways], share) for ways in rounds), 1)
