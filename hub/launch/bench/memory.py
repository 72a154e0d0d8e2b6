"""The gate's memory over many events: it must stay flat once the memory of duplicates is full."""

from __future__ import annotations

import time

import psutil

from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import world
from hub.launch.bench.bench import Bench
from hub.launch.bench.ground import PARTITIONS, Ground
from hub.launch.bench.model import Finding, Result
from hub.launch.bench.open_cases import Look, growth
from hub.launch.bench.stopwatch import Progress

EVENTS = 2_000_000
_MB = 1_000_000
_LOOK_SECONDS = 0.2
_STALLED_SECONDS = 120.0


def memory(bench: Bench) -> Result:
    """Let one gate decide a long backlog, and watch its resident memory."""
    count = bench.events(EVENTS)
    with bench.ground("memory") as ground:
        places = max(500, round(ground.settings.gate.dedupe_events * bench.share))
        ground.fill(count)
        looks, most = _watched(ground, places)
    full = [each for each in looks if each.events > places * len(PARTITIONS)]
    bench.say(f"{len(looks)} looks, {len(full)} of them with a full memory of duplicates")
    late = [each for each in full if each.events > count / 2]
    return Result(
        name="memory",
        title="The gate's memory",
        how=(
            f"One gate decides {count:,} events that wait on 4 partitions, each with an id of its own; it "
            f"remembers the last {places:,} of each partition. Its resident memory is looked at five times a "
            "second; the slope is that of a line through the second half of the looks."
        ),
        findings=(
            Finding("gate's resident memory, the most", round(most / _MB), "MB", 400, "at most"),
            Finding("its growth over the second half", round(100 * growth(late), 2), "%", 2, "at most"),
            Finding("when the memory of duplicates became full", round(full[0].memory / _MB), "MB"),
            Finding("at the end", round(looks[-1].memory / _MB), "MB"),
        ),
    )


def _watched(ground: Ground, places: int) -> tuple[list[Look], int]:
    """Return looks at a gate from its start until it has decided everything, and its peak in bytes."""
    outbox = topics.outbox(world.SOURCE)
    whole = sum(ground.ends(outbox).values())
    part = ground.start("gate-0", gate={"dedupe_events": places})
    if part.process is None:
        raise StartError("gate-0 does not run.")
    process, looks, heard = psutil.Process(part.process.pid), [Look(0, 0, 0)], time.monotonic()
    with Progress(ground.settings, topics.GATE_GROUP, outbox) as progress:
        while looks[-1].events < whole:
            look = Look(time.monotonic(), progress.total(), process.memory_info().rss)
            if look.events > looks[-1].events:
                looks.append(look)
                heard = look.at
            if look.at - heard > _STALLED_SECONDS:
                raise StartError("the gate decides nothing any more.", do="See logs/gate-0.log.")
            time.sleep(_LOOK_SECONDS)
    most = max(each.memory for each in looks)
    ground.stop(part)
    return looks[1:], most
