"""What a benchmark stands on: real engines with SASL on, the benchmarks' agencies, processes on demand."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata
from rich.console import Console

from hub.broker import clients
from hub.broker.desired.admin import ensure_topics
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.schemas import Contracts
from hub.contracts.topics import TopicSpec
from hub.errors import StartError
from hub.launch.bench import world
from hub.launch.parts import ProcessPart
from hub.launch.processes import process_parts
from hub.launch.up import Hub
from hub.settings import Settings

PARTITIONS = range(topics.DEFAULT_PARTITIONS)


class Ground:
    """Engines in a folder of their own, an agency registry applied, no process of the hub. A context manager.

    `registry` is a folder of the agency registry's files; without it, the benchmarks' own.
    """

    def __init__(
        self, settings: Settings, folder: Path, console: Console, registry: Path | None = None
    ) -> None:
        self.folder = folder
        self.console = console
        if registry is None:
            registry = folder / "registry"
            world.write_registry(registry)
        changes: dict[str, Any] = {
            "data_dir": folder / "data",
            "registry_dir": registry,
            "api": settings.api.model_copy(update={"port": 0}),
        }
        self._hub = Hub(settings.model_copy(update=changes), console, bare=True)
        self.codec = Codec(Contracts.load())
        self.filled = 0
        """How many events `fill` has put on the source's outbox."""
        self._parts: list[ProcessPart] = []

    @property
    def settings(self) -> Settings:
        """The settings, which name the running engines."""
        return self._hub.settings

    def __enter__(self) -> Self:
        self._hub.__enter__()
        sink = TopicSpec(world.SINK, len(PARTITIONS), {"max.message.bytes": str(topics.EVENT_BYTES)})
        ensure_topics(self.settings, [sink])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in reversed(self._parts):
            part.stop(30)
        self._hub.__exit__(kind, error, trace)
        if error is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, *, gates: int = 1, wait: bool = True, **changes: Any) -> ProcessPart:
        """Start a process as `hub up` starts it (`gate-0`, `audit` …), and `wait` until it says it is ready.

        `changes` are other values for groups of settings: `gate={"batch_events": 500}`.
        """
        groups = {
            group: getattr(self.settings, group).model_copy(update=values)
            for group, values in changes.items()
        }
        gate = groups.get("gate", self.settings.gate).model_copy(update={"count": gates})
        settings = self.settings.model_copy(update=groups | {"gate": gate})
        metrics = self.settings.data_dir / "metrics"
        metrics.mkdir(exist_ok=True)
        part = next(each for each in process_parts(settings, metrics) if each.name == name)
        self._parts.append(part)
        part.spawn()
        if wait:
            part.wait_ready(300)
        return part

    def stop(self, part: ProcessPart) -> None:
        """Stop a process in order. Raises StartError when it did not end in time."""
        self._parts.remove(part)
        if not part.stop(120):
            raise StartError(f"{part.name} did not stop within 120 s: {part.last_words()}")

    def fill(self, count: int, made: world.Events = world.events) -> None:
        """Put the next `count` events on the source's outbox, and wait until the broker has them."""
        self.publish(count, self.filled, made)
        self.filled += count

    def publish(self, count: int, first: int, made: world.Events = world.events) -> None:
        """Put `count` events from number `first` on the source's outbox, as the SDK writes them."""
        errors: list[KafkaError] = []

        def told(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(error)

        producer = Producer(self.writer(world.SOURCE), logger=None)
        outbox = topics.outbox(world.SOURCE)
        for record in world.records(self.codec, first, count, made=made):
            while True:
                try:
                    producer.produce(
                        outbox,
                        record.value,
                        record.key,
                        headers=cast("Any", record.headers),
                        on_delivery=told,
                    )
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        producer.flush(120)
        if errors:
            raise KafkaException(errors[0])

    def writer(self, agency: AgencyCode) -> dict[str, Any]:
        """Return a producer's configuration under an agency's login."""
        return clients.writer(self.settings, agency) | {
            "linger.ms": 5,
            "queue.buffering.max.messages": 500_000,
        }

    def admin(self) -> KafkaAdminClient:
        """Return an administrator's client."""
        return KafkaAdminClient(**clients.kafka_python(self.settings, topics.ADMIN_PRINCIPAL))

    def ends(self, topic: str) -> dict[int, int]:
        """Return where each partition of a topic ends."""
        with_admin = self.admin()
        try:
            from kafka.admin import OffsetSpec  # noqa: PLC0415 - heavy, and seldom

            places = {TopicPartition(topic, number): OffsetSpec.LATEST for number in PARTITIONS}
            return {
                place.partition: found.offset
                for place, found in with_admin.list_partition_offsets(places).items()
            }
        finally:
            with_admin.close()

    def skip_to(self, group: str, topic: str, places: Mapping[int, int]) -> None:
        """Let a group that has no members go on from these offsets."""
        with_admin = self.admin()
        try:
            wanted = {
                TopicPartition(topic, number): OffsetAndMetadata(place, "", -1)
                for number, place in places.items()
            }
            with_admin.alter_group_offsets(group, wanted)
        finally:
            with_admin.close()

    def wait_decided(self, seconds: float = 600) -> None:
        """Wait until the gate has decided all that lies on the source's outbox."""
        from hub.launch.bench.stopwatch import Progress  # noqa: PLC0415 - they know each other

        wanted = sum(self.ends(topics.outbox(world.SOURCE)).values())
        end = time.monotonic() + seconds
        with Progress(self.settings, topics.GATE_GROUP, topics.outbox(world.SOURCE)) as progress:
            while progress.total() < wanted:
                if time.monotonic() > end:
                    raise StartError("the gate has not decided everything.", do="See logs/gate-0.log.")
                time.sleep(0.05)
