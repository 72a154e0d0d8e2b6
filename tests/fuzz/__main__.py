"""A million events through a gate of its own: `python -m tests.fuzz --events 1000000 --seed 7`.

Prints what was sent by verdict and class, and every finding with seed and event; exit 1 if there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from hub.broker.desired.apply import apply
from hub.broker.embedded.kafka import EmbeddedKafka
from hub.launch.environment import child_environment
from hub.settings import Settings
from tests.fuzz.run import Line
from tests.fuzz.world import World

BATCH = 10_000
MOST_FINDINGS = 20


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many events")
    parser.add_argument("--seed", type=int, default=1404, help="what the events are made from")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="peyvand-fuzz-") as folder, contextlib.ExitStack() as stack:
        findings = run(Path(folder), options.events, options.seed, stack)
    for finding in findings[:MOST_FINDINGS]:
        print(finding)
    print(f"{len(findings)} findings." if findings else "Every event is where its verdict says.")
    return 1 if findings else 0


def run(folder, events, seed, stack):
    """Start broker and gate, send all in batches, return the findings."""
    kafka = EmbeddedKafka(Settings(data_dir=folder))
    kafka.resolve()
    kafka.format()
    stack.callback(kafka.stop)
    kafka.start()
    world = World("fuzz")
    apply(kafka.settings, world.registry())
    log = stack.enter_context((folder / "gate.log").open("w"))
    gate = subprocess.Popen(
        [sys.executable, "-m", "streams.gate"], env=child_environment(kafka.settings), stderr=log, stdout=log
    )
    stack.callback(gate.wait)
    stack.callback(gate.terminate)

    def alive():
        if gate.poll() is not None:
            sys.exit(f"the gate has ended: {(folder / 'gate.log').read_text()[-2000:]}")

    line = Line(kafka.settings, world, seed, alive)
    stack.callback(line.close)
    counts, begin = Counter(), time.monotonic()
    while counts.total() < events and len(line.judge.findings) < MOST_FINDINGS:
        counts += line.batch(min(BATCH, events - counts.total()))
        rate = counts.total() / (time.monotonic() - begin)
        megabytes = psutil.Process(gate.pid).memory_info().rss >> 20
        print(f"{counts.total():>9,} events, {rate:,.0f} a second, gate {megabytes} MiB", flush=True)
    for (verdict, reason), count in sorted(counts.items()):
        print(f"  {verdict:<10} {reason:<16} {count:>9,}")
    return line.judge.findings


if __name__ == "__main__":
    sys.exit(main())
