"""The SDK beside bare kafka-python: confirmed events from an agency's process to its outbox."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

import psutil
from kafka import TopicPartition
from kafka.admin import OffsetSpec

from connectors.sdk.events import to_record
from hub.broker import credentials
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.errors import StartError
from hub.host import child
from hub.launch.bench import world
from hub.launch.bench.bench import Bench
from hub.launch.bench.ground import PARTITIONS, Ground
from hub.launch.bench.machine import version
from hub.launch.bench.model import Contender, Finding, Result, Run, ratio
from hub.launch.bench.stopwatch import Progress, run_of, watch
from hub.launch.environment import child_environment

ROUNDS = 3
EVENTS = 60_000
_READY_SECONDS = 120.0
_SECONDS = 300.0
_ENCODED = 5000


@dataclass(frozen=True, slots=True)
class _Agency:
    """A role of `hub.launch.bench.agency`, under an agency's login."""

    contender: Contender
    role: str
    code: AgencyCode = world.SOURCE

    @contextmanager
    def running(self, ground: Ground, count: int) -> Iterator[list[psutil.Process]]:
        """Run the process; give it as soon as it is at work."""
        log = ground.folder / f"{self.role}.log"
        log.unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "hub.launch.bench.agency", self.role, str(count)]
        process = child.spawn(command, folder=ground.folder, log=log, environment=self._environment(ground))
        try:
            end = time.monotonic() + _READY_SECONDS
            while "ready" not in (said := log.read_text(errors="replace").split("\n")):
                if process.poll() is not None or time.monotonic() > end:
                    raise StartError(f"{self.contender.name} did not start: {' '.join(said[-2:])}")
                time.sleep(0.01)
            yield [psutil.Process(process.pid)]
        finally:
            child.stop(process, signal.SIGTERM, 30)

    def _environment(self, ground: Ground) -> dict[str, str]:
        kafka = ground.settings.kafka
        return child_environment(ground.settings) | {
            "PEYVAND_AGENCY": self.code,
            "PEYVAND_BOOTSTRAP": str(kafka.bootstrap),
            "PEYVAND_PASSWORD": credentials.password(ground.settings, self.code),
            "PEYVAND_SECURITY_PROTOCOL": kafka.security_protocol,
            "PEYVAND_SASL_MECHANISM": kafka.sasl_mechanism,
        }


class _Filled:
    """How far a topic is filled. A context manager."""

    def __init__(self, ground: Ground, topic: str) -> None:
        self._admin = ground.admin()
        self._asked = {TopicPartition(topic, number): OffsetSpec.LATEST for number in PARTITIONS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admin.close()

    def total(self) -> int:
        """Return the sum of the partitions' ends."""
        return sum(found.offset for found in self._admin.list_partition_offsets(self._asked).values())


_SDK = _Agency(
    Contender(
        "Peyvand's SDK",
        "this",
        "`publish_all` of events: the envelope checked, the data checked against the schema "
        "and encoded, the record measured, each partition found by its key.",
    ),
    "publish",
)
_BARE = _Agency(
    Contender(
        "kafka-python",
        version("kafka-python"),
        "`send` of finished records, `flush`, `get` of every future; no envelope, no schema, no encoding.",
    ),
    "bare",
)
_SUBSCRIBER = _Agency(
    Contender(
        "Peyvand's SDK, receiving",
        "this",
        "Deliveries with envelope and decoded value, acknowledged one by one, numbers checked for gaps.",
    ),
    "receive",
    world.RECIPIENT,
)


def publisher(bench: Bench) -> Result:
    """Measure the SDK's publisher beside bare kafka-python by rounds, then the SDK's subscriber once."""
    count, runs = bench.events(EVENTS), list[Run]()
    with bench.ground("publisher") as ground:
        for number in range(1, bench.rounds(ROUNDS) + 1):
            entrants = (_SDK, _BARE) if number % 2 else (_BARE, _SDK)
            for entrant in entrants:
                runs.append(_published(ground, entrant, number, count))
                _tell(bench, runs[-1])
        runs.append(_received(ground, count))
        _tell(bench, runs[-1])
    value = ratio(runs, _SDK.contender.name, _BARE.contender.name)
    return Result(
        name="publisher",
        title="The SDK's publisher beside bare kafka-python",
        how=(
            "Each in turn is a process of its own under the same agency's login, and puts the same events "
            "on its outbox of 4 partitions, with the same linger, batches and compression. Its time is that "
            "from its first event until the broker has the last one. Only the SDK has to make records of "
            "its events: the other one's were made before. Afterwards the gate delivers all of them, and "
            "the SDK receives one recipient's deliveries."
        ),
        findings=(
            Finding("SDK publisher against bare kafka-python", round(value, 2), "×", 0.8),
            Finding(
                "what the SDK takes to make the record of an event",
                round(_encoding_micros(ground.codec), 1),
                "µs of CPU time",
            ),
            Finding("deliveries that the SDK receives", round(runs[-1].per_second), "a second"),
        ),
        contenders=tuple(each.contender for each in (_SDK, _BARE, _SUBSCRIBER)),
        runs=tuple(runs),
    )


def _published(ground: Ground, entrant: _Agency, number: int, count: int) -> Run:
    """Measure one publisher by the growth of the outbox."""
    with _Filled(ground, topics.outbox(entrant.code)) as filled:
        begin = filled.total()
        with entrant.running(ground, count) as processes:
            samples = watch(filled, processes, until=begin + count, seconds=_SECONDS)
        first, last = samples[0], samples[-1]
        if last.events != begin + count:
            raise StartError(f"{entrant.contender.name} has not published everything.")
    # All of it: what is taken into memory in the beginning is sent at the end, and both are its work.
    used = last.cpu_seconds - first.cpu_seconds
    return Run(entrant.contender.name, number, count, last.at - first.at, max(used, 1e-3))


def _received(ground: Ground, count: int) -> Run:
    """Let the gate deliver what was published; measure the subscriber by what its group commits."""
    gate = ground.start("gate-0")
    ground.wait_decided()
    ground.stop(gate)
    group, inbox = topics.group(_SUBSCRIBER.code), topics.inbox(_SUBSCRIBER.code)
    with (
        Progress(ground.settings, group, inbox) as progress,
        _SUBSCRIBER.running(ground, count) as processes,
    ):
        samples = watch(progress, processes, until=count, seconds=_SECONDS)
    return run_of(samples, _SUBSCRIBER.contender.name, 1)


def _encoding_micros(codec: Codec) -> float:
    """Return the CPU time in µs that an event's record takes to make."""
    events = list(islice(world.events(0), _ENCODED))
    begin = time.process_time()
    for event in events:
        to_record(event, world.SOURCE, codec)
    return (time.process_time() - begin) / _ENCODED * 1e6


def _tell(bench: Bench, run: Run) -> None:
    rates = f"{run.per_second:,.0f} events/s, {run.per_cpu_second:,.0f} a CPU second"
    bench.say(f"round {run.round}: {run.contender}: {rates}")
