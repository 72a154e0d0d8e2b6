"""How long `hub up` takes: in a fresh folder with warm caches, and again in the same one."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from hub.broker.embedded.kafka import EmbeddedKafka
from hub.errors import StartError
from hub.host import child, ports
from hub.launch.bench.bench import Bench
from hub.launch.bench.model import Finding, Result
from hub.launch.environment import child_environment

ROUNDS = 3
_SECONDS = 300.0
_LOOK_SECONDS = 0.05
_HUB = "import sys; from hub.cli import main; sys.argv[0] = 'hub'; main()"


class Up(NamedTuple):
    """One start: seconds until the API said that it is ready, CPU seconds of all processes until then."""

    seconds: float
    cpu_seconds: float


def start(bench: Bench) -> Result:
    """Measure `hub up` in fresh folders, and its second start in each of them."""
    EmbeddedKafka(bench.settings.model_copy(update={"data_dir": bench.folder / "warm"})).resolve()
    cold: list[Up] = []
    again: list[Up] = []
    for number in range(1, bench.rounds(ROUNDS) + 1):
        folder = bench.folder / f"start-{number}"
        for found in (cold, again):
            found.append(_up(bench, folder))
        bench.say(f"round {number}: fresh {cold[-1].seconds:.1f} s, again {again[-1].seconds:.1f} s")
        shutil.rmtree(folder)
    rounds = ", ".join(f"{each.seconds:.1f}" for each in cold)
    return Result(
        name="start",
        title="How long `hub up` takes",
        how=(
            "The command with its settings as they come, with Kafka, PostgreSQL and the example agency "
            "registry; Kafka's jars lie on the disk already. Its time is that from the command until the API "
            "answers `/readyz` with 200. Then it is stopped, and started again in the same folder."
        ),
        findings=(
            Finding("cold `hub up`, caches warm", _median(cold), "s", 20, "at most"),
            Finding("CPU time of all its processes until then", _median_cpu(cold), "s"),
            Finding("`hub up` on a folder that has been up before", _median(again), "s"),
            Finding("CPU time of all its processes until then, again", _median_cpu(again), "s"),
        ),
        notes=(f"Fresh starts, in seconds: {rounds}.",),
    )


def _up(bench: Bench, folder: Path) -> Up:
    """Start the hub in a folder, wait until it is ready, stop it. Raises StartError where that fails."""
    api = bench.settings.api.model_copy(update={"port": ports.free()})
    settings = bench.settings.model_copy(update={"data_dir": folder / "data", "api": api})
    folder.mkdir(exist_ok=True)
    begin = time.monotonic()
    process = child.spawn(
        [sys.executable, "-P", "-c", _HUB, "up"],
        folder=folder,
        log=folder / "up.log",
        environment=child_environment(settings),
        # The engines below it are to be stopped in order, whatever happens.
        death_signal=signal.SIGTERM,
    )
    try:
        _wait_ready(process, f"http://127.0.0.1:{api.port}/readyz", begin, folder / "up.log")
        taken = time.monotonic() - begin
        used = _cpu_seconds(psutil.Process(process.pid))
    finally:
        stopped = child.stop(process, signal.SIGTERM, 120)
    if not stopped:
        raise StartError("`hub up` did not stop within 120 s.", do="See the logs of a hub of your own.")
    return Up(taken, used)


def _wait_ready(process: subprocess.Popen[bytes], url: str, begin: float, log: Path) -> None:
    while not answers(url):
        ended = process.poll() is not None
        if ended or time.monotonic() - begin > _SECONDS:
            said = log.read_text(errors="replace").splitlines()[-3:]
            how = "ended" if ended else f"was not ready within {_SECONDS:.0f} s"
            raise StartError(f"`hub up` {how}: {' '.join(said)}")
        time.sleep(_LOOK_SECONDS)


def answers(url: str) -> bool:
    """Return whether an address answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _cpu_seconds(top: psutil.Process) -> float:
    used = 0.0
    for process in (top, *top.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    return used


def _median(found: list[Up]) -> float:
    return round(median(each.seconds for each in found), 1)


def _median_cpu(found: list[Up]) -> float:
    return round(median(each.cpu_seconds for each in found), 1)
