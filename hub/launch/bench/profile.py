"""Where the gate's time goes: py-spy looks at it many times a second while it works at full speed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil

from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import world
from hub.launch.bench.bench import Bench
from hub.launch.bench.model import Finding, Result
from hub.launch.bench.stopwatch import Progress, run_of, watch

EVENTS = 1_400_000
PICTURE = "gate-profile.svg"
_PER_SECOND = 200
_SECONDS = 6
# As Python's frames and as the compiled functions are called.
_OWN = ("GateLoop.step", "GateLoop___step")

_HOW = (
    f"py-spy looked at the gate {_PER_SECOND} times a second for {_SECONDS} s, at machine code too. "
    "A stage has its share of the looks at the gate's loop, times what an event takes of CPU: "
    "{cpu:.1f} µs, all threads; {each:.1f} µs by the clock."
)

# The first that is somewhere in a stack has the sample.
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a message of the client's becomes a record", ("record_of",)),
    ("the client's own reading", ("consume (hub/broker/gating/outboxes.py", "Outboxes___consume")),
    ("headers: envelope", ("_envelope",)),
    ("value: is it what its schema says", ("_fitting",)),
    ("other checks of the record, digest", ("read (hub/gate/checks.py", "checks___read")),
    ("duplicates: looked up and remembered", ("_recalled", "remember", "pass_by")),
    ("routes, masks, deliveries as values", ("_route ", "check_grant")),
    ("deciding, what is left", ("_decide", "decide ")),
    ("ledger and receipts", ("finish",)),
    (
        "the client's taking of deliveries, headers and all",
        ("Producer_produce", "put (hub/broker", "Transactions___put"),
    ),
    ("making deliveries", ("write (hub/broker/gating/writing.py", "BatchWriter___write")),
    ("metrics", ("_measure",)),
    ("waiting for the transaction before, letting go of its events", ("_end_before", "_write")),
)


def profile(bench: Bench) -> Result:
    """Sample the gate while it drains an outbox: microseconds an event by stage, and a flame graph."""
    program = _program()
    with bench.ground("profile") as ground:
        ground.fill(bench.events(EVENTS))
        outbox = topics.outbox(world.SOURCE)
        with Progress(ground.settings, topics.GATE_GROUP, outbox) as progress:
            part = ground.start("gate-0")
            assert part.process is not None  # noqa: S101 - it is ready
            stacks = _record(program, part.process.pid, ground.folder / "gate.raw", "raw")
            if bench.pictures is not None:
                _record(program, part.process.pid, bench.pictures / PICTURE, "flamegraph")
            ends = sum(ground.ends(outbox).values())
            run = run_of(
                watch(progress, [psutil.Process(part.process.pid)], until=ends, seconds=600), "gate", 1
            )
            ground.stop(part)
        # The ground's folder goes with it.
        shares = stages(stacks.read_text(encoding="utf-8").splitlines())
    each, cpu = 1e6 / run.per_second, 1e6 / run.per_cpu_second
    return Result(
        name="profile",
        title="Where the gate's time goes",
        how=_HOW.format(each=each, cpu=cpu),
        findings=tuple(Finding(stage, round(share * cpu, 1), "µs an event") for stage, share in shares),
        picture=PICTURE if bench.pictures else None,
    )


def stages(lines: Iterable[str]) -> list[tuple[str, float]]:
    """Return each stage's share of the samples of the gate's loop, from py-spy's folded stacks."""
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, number = line.rpartition(" ")
        if any(own in stack for own in _OWN):
            counts[_stage(stack)] += int(number)
    total = counts.total()
    if not total:
        raise StartError("py-spy never saw the gate's loop.")
    names = [*(name for name, _ in STAGES), "what is left of the loop"]
    return [(name, counts[name] / total) for name in names]


def _stage(stack: str) -> str:
    for name, marks in STAGES:
        if any(mark in stack for mark in marks):
            return name
    return "what is left of the loop"


def _program() -> str:
    found = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if found is None:
        raise StartError("py-spy is not installed.", do="`make bench` installs it.")
    return str(Path(found).absolute())


def _record(program: str, pid: int, file: Path, form: str) -> Path:
    # The picture's title is the command, which tells nothing of the machine's folders.
    options = {"-n": None, "-p": pid, "-d": _SECONDS, "-r": _PER_SECOND, "-f": form, "-o": file.name}
    words = [str(word) for option in options.items() for word in option if word is not None]
    command = [Path(program).name, "record", *words]
    done = subprocess.run(
        command, executable=program, cwd=file.parent, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not file.exists():
        raise StartError(f"py-spy could not look at the gate: {(done.stderr.splitlines() or ['?'])[-1]}")
    return file
