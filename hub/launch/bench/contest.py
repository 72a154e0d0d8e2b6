"""A contest: contenders by turns over the same events, several rounds, each measured from outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from hub.broker import credentials
from hub.contracts import topics
from hub.errors import StartError
from hub.host import child
from hub.launch.bench import world
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Contender, Run
from hub.launch.bench.stopwatch import Progress, run_of, watch
from hub.launch.environment import child_environment

_PEERS = "hub.launch.bench.peers"
_READY_SECONDS = 60.0
_WINDOW_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Gates:
    """Our gate, one or several, as `hub up` starts it."""

    contender: Contender
    count: int = 1
    group: str = topics.GATE_GROUP

    @contextmanager
    def running(self, ground: Ground) -> Iterator[list[psutil.Process]]:
        """Run the gates; give their processes."""
        parts = [ground.start(f"gate-{slot}", gates=self.count, wait=False) for slot in range(self.count)]
        for part in parts:
            part.wait_ready(300)
        yield [psutil.Process(part.process.pid) for part in parts if part.process is not None]
        for part in parts:
            ground.stop(part)


@dataclass(frozen=True, slots=True)
class Bare:
    """A bare loop of a library's, a program of `hub.launch.bench.peers`."""

    contender: Contender
    module: str
    python: str

    @property
    def group(self) -> str:
        """The consumer group that it commits under."""
        return f"bench.{self.module}"

    @contextmanager
    def running(self, ground: Ground) -> Iterator[list[psutil.Process]]:
        """Run the peer under the administrator's login; give its process."""
        log = ground.folder / f"{self.module}.log"
        log.unlink(missing_ok=True)
        process = child.spawn(
            [self.python, "-P", "-m", f"{_PEERS}.{self.module}", self._task(ground)],
            folder=ground.folder,
            log=log,
            environment=child_environment(ground.settings),
        )
        try:
            end = time.monotonic() + _READY_SECONDS
            while "ready" not in log.read_text(errors="replace").split():
                if process.poll() is not None or time.monotonic() > end:
                    said = log.read_text(errors="replace").splitlines()[-1:]
                    raise StartError(f"the peer {self.module} did not start: {' '.join(said)}")
                time.sleep(0.02)
            yield [psutil.Process(process.pid)]
        finally:
            child.stop(process, signal.SIGTERM, 30)

    def _task(self, ground: Ground) -> str:
        kafka = ground.settings.kafka
        return json.dumps(
            {
                "bootstrap": kafka.bootstrap,
                "username": topics.ADMIN_PRINCIPAL,
                "password": credentials.password(ground.settings, topics.ADMIN_PRINCIPAL),
                "security_protocol": kafka.security_protocol,
                "mechanism": kafka.sasl_mechanism,
                "group": self.group,
                "source": topics.outbox(world.SOURCE),
                "sink": world.SINK,
                "transactional_id": self.group,
            }
        )


Entrant = Gates | Bare
"""Who can be run and measured: by what its group commits on the source's outbox."""


def bare(module: str) -> Bare | str:
    """Return a peer, or why it cannot take part; `make bench` installs them all."""
    python = str(_OTHER_PYTHON) if module in _ELSEWHERE else sys.executable
    if not Path(python).exists():
        return f"{module} is absent: it has no environment; `make bench` makes one."
    asked = [python, "-P", "-c", _ASK.format(module=f"{_PEERS}.{module}")]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        return f"{module} is absent: {(told.stderr.splitlines() or ['its environment does not run'])[-1]}."
    return Bare(Contender(*json.loads(told.stdout)), module, python)


# Quix Streams wants older versions of what the hub uses.
_ELSEWHERE = frozenset({"quix"})
_OTHER_PYTHON = Path(f"{sys.prefix}-bench") / "bin" / "python"
_ASK = """
import importlib, json
from importlib.metadata import version
found = importlib.import_module("{module}")
told = getattr(found, "VERSION", None) or version(found.VERSION_OF)
print(json.dumps([found.NAME, told, " ".join(found.__doc__.split())]))
"""


def contest(
    ground: Ground,
    entrants: Iterable[Entrant],
    *,
    rounds: int,
    events: int,
    say: Callable[[str], None],
) -> list[Run]:
    """Return a run for each entrant in each round; a round has `events` fresh events on the source's outbox.

    Whoever has not come to the end of a round after a while is measured by what it did, and begins the next
    round with everybody else. The order turns by one from round to round.
    """
    known, outbox = list(entrants), topics.outbox(world.SOURCE)
    runs = []
    for number in range(1, rounds + 1):
        begins = ground.ends(outbox)
        ground.fill(events)
        ends, decided = ground.ends(outbox), False
        for entrant in (*known[number - 1 :], *known[: number - 1]):
            if not isinstance(entrant, Gates):
                ground.skip_to(entrant.group, outbox, begins)
            elif decided:
                # Gates share a group: what one has decided is no other's work.
                ground.fill(events)
                ends = ground.ends(outbox)
            decided = decided or isinstance(entrant, Gates)
            with (
                Progress(ground.settings, entrant.group, outbox) as progress,
                entrant.running(ground) as processes,
            ):
                samples = watch(progress, processes, until=sum(ends.values()), seconds=_window(entrant))
                run = run_of(samples, entrant.contender.name, number)
            rates = f"{run.per_second:,.0f} events/s, {run.per_cpu_second:,.0f} a CPU second"
            say(f"round {number}: {run.contender}: {rates}")
            runs.append(run)
    return runs


def _window(entrant: Entrant) -> float:
    """Return the longest time that an entrant is watched: our gate has to decide everything."""
    return 600.0 if isinstance(entrant, Gates) else _WINDOW_SECONDS
