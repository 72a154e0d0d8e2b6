"""The gate under a country's agency registry beside the same gate under a small one."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TypeVar

import psutil

from hub.broker.desired.apply import apply
from hub.contracts import topics
from hub.contracts.schemas import Contracts
from hub.errors import StartError
from hub.launch.bench import audited, country, start, world
from hub.launch.bench.bench import Bench
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Contender, Finding, Result, Run, ratio
from hub.launch.bench.stopwatch import Progress, run_of, watch
from hub.launch.parts import ProcessPart
from hub.registry.files import load
from hub.registry.records import encode_edition

T = TypeVar("T")
ROUNDS = 5
EVENTS = 80_000
_SECONDS = 600.0
_READY_SECONDS = 60.0
_TIMES = 5

_SMALL = Contender(
    "the gate, 3 agencies",
    "this",
    "The process of `hub up`, all checks on; 2 agreements are in force and cover what it decides.",
)
_LARGE = Contender(
    f"the gate, {country.AGENCIES} agencies",
    "this",
    f"The same; {country.AGREEMENTS:,} agreements are in force, of which 2 cover what it decides.",
)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two hubs."""

    contender: Contender
    ground: Ground


@dataclass(frozen=True, slots=True)
class _Decided:
    """What a gate did in a round, how long it took to be at work, and its resident memory in the end."""

    run: Run
    start_seconds: float
    memory_bytes: int


def registry(bench: Bench) -> Result:
    """Apply a country's registry; then let the gates of both hubs decide the same events by turns."""
    with ExitStack() as stack:
        small = _Side(_SMALL, stack.enter_context(bench.ground("small")))
        large = _Side(_LARGE, stack.enter_context(bench.ground("large")))
        applied = _apply(bench, large.ground)
        found: list[_Decided] = []
        for number in range(1, bench.rounds(ROUNDS) + 1):
            for side in (small, large) if number % 2 else (large, small):
                found.append(_decide(side, number, bench.events(EVENTS)))
                run = found[-1].run
                rates = f"{run.per_second:,.0f} events/s, {run.per_cpu_second:,.0f} a CPU second"
                bench.say(f"round {number}: {run.contender}: {rates}")
        judged = (*_judged(small), *_judged(large))
        answers = tuple(_answers(large.ground))
    runs = tuple(each.run for each in found)
    speed = round(ratio(runs, _LARGE.name, _SMALL.name), 2)
    return Result(
        name="registry",
        title="The gate under the agency registry of a country",
        how=_HOW.format(types=len(country.types())),
        findings=(
            Finding("gate speed under the large registry against the small one", speed, "×", 0.9),
            *_of_gates(found),
            *judged,
            *applied,
            *answers,
        ),
        contenders=(_SMALL, _LARGE),
        runs=runs,
    )


_HOW = (
    "Two hubs on engines of their own, one with the benchmarks' own agency registry, one with that and "
    f"generated agencies up to {country.AGENCIES}, each granted all {{types}} event types that an agency can "
    "have (with the rejection of a delivery, which each may publish, that makes 20), and generated "
    f"agreements up to {country.AGREEMENTS:,}, each over all these types. The gates decide the same events "
    "of the same agency by turns, as in the gate's own benchmark. A generated agency's topics have one "
    "partition each, not four, to keep the broker small; the source has four in both."
)


def _apply(bench: Bench, ground: Ground) -> tuple[Finding, ...]:
    """Apply the country's registry over the small one, as `hub apply` does; return what it took."""
    folder = ground.folder / "country"
    country.write_registry(folder)
    contracts = Contracts.load()
    desired, read = _timed(lambda: load(folder, contracts))
    first, seconds = _timed(lambda: apply(ground.settings, desired))
    _, again = _timed(lambda: apply(ground.settings, desired))
    records = encode_edition(desired)
    size = sum(len(value or b"") for _, value in records)
    bench.say(f"applied in {seconds:.1f} s: {len(first.changes):,} changes on Kafka")
    return (
        Finding("reading and checking the registry's files", round(read, 1), "s"),
        Finding("`hub apply` of it after that", round(seconds, 1), "s"),
        Finding("changes on Kafka that it makes: topics, credentials, permissions", len(first.changes), ""),
        Finding("`hub apply` without a difference", round(again, 1), "s"),
        Finding("its edition on `hub.registry`", round(size / 1e6, 2), "MB"),
        Finding("records of its edition", len(records), ""),
    )


def _decide(side: _Side, number: int, events: int) -> _Decided:
    """Put fresh events on the source's outbox and let a gate decide them all."""
    ground, outbox = side.ground, topics.outbox(world.SOURCE)
    ground.fill(events)
    until = sum(ground.ends(outbox).values())
    with (
        Progress(ground.settings, topics.GATE_GROUP, outbox) as progress,
        _started(ground, "gate-0") as (process, seconds),
    ):
        samples = watch(progress, (process,), until=until, seconds=_SECONDS)
        memory = process.memory_info().rss
    return _Decided(run_of(samples, side.contender.name, number), seconds, memory)


def _judged(side: _Side) -> tuple[Finding, ...]:
    """Let the audit recount all that a side's gate has decided; return its judgement and what it took."""
    with _started(side.ground, "audit") as (process, begun):
        sheet, judged = _timed(lambda: audited.reached(side.ground))
        memory = process.memory_info().rss
    unaccounted = sum(sheet["totals"]["unaccounted"].values())
    name = side.contender.name
    return (
        Finding(f"unaccounted events of {name}", unaccounted, "events", 0, "at most"),
        Finding(f"the audit's start and recount of {name}", round(begun + judged, 1), "s"),
        Finding(f"the audit's memory then, {name}", round(memory / 1e6), "MB"),
    )


def _answers(ground: Ground) -> Iterator[Finding]:
    """Yield how long the API takes to list what grows with the registry."""
    api = ground.settings.api
    url = f"http://{api.host}:{api.port}"
    with _started(ground, "api"):
        end = time.monotonic() + _READY_SECONDS
        while not start.answers(f"{url}/readyz"):
            if time.monotonic() > end:
                raise StartError(
                    f"the API was not ready within {_READY_SECONDS:.0f} s.", where="logs/api.log"
                )
            time.sleep(0.05)
        for path in ("/v1/agencies", "/v1/agreements", "/v1/ledger"):
            taken = median(_timed(partial(_get, url + path))[1] for _ in range(_TIMES))
            yield Finding(f"the API's {path}, median of {_TIMES}", round(1000 * taken), "ms")


def _of_gates(found: list[_Decided]) -> Iterator[Finding]:
    for contender in (_SMALL, _LARGE):
        own = [each for each in found if each.run.contender == contender.name]
        name = contender.name
        yield Finding(f"start of {name}", round(median(each.start_seconds for each in own), 1), "s")
        yield Finding(f"memory of {name}", round(max(each.memory_bytes for each in own) / 1e6), "MB")


@contextmanager
def _started(ground: Ground, name: str) -> Iterator[tuple[psutil.Process, float]]:
    """Run a process of the hub; give it and the seconds that it took to be at work."""
    part, seconds = _timed(lambda: ground.start(name))
    yield psutil.Process(_pid(part)), seconds
    ground.stop(part)


def _pid(part: ProcessPart) -> int:
    if part.process is None:
        raise StartError(f"{part.name} has ended: {part.last_words()}")
    return part.process.pid


def _get(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own address
        return len(answer.read())


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begin = time.monotonic()
    return work(), time.monotonic() - begin
