"""The disk fills up under the whole hub: it says so, stops what cannot write, goes on once there is room."""

from __future__ import annotations

import io
import os
import subprocess

import pytest
from confluent_kafka import Producer
from rich.console import Console
from sqlalchemy import text

from hub import resources
from hub.broker import clients
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import EventType, agency_code, source_uri
from hub.contracts.schemas import Contracts
from hub.launch.up import Hub
from hub.settings import ApiSettings, Settings
from hub.store.engine import engine
from tests.integration.faults.conftest import until

SOURCE = agency_code("permit-office")
STEP = EventType("service.step.completed.v1")
MIB = 2**20


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 500 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root, with the right to mount, can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def unmetered(tmp_path):
    """Copy the example registry without its quotas: their sum would not fit on so small a disk."""
    for file in resources.folder("registry").rglob("*.yaml"):
        copy = tmp_path / "registry" / file.parent.name / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        copy.write_text("".join(line for line in lines if not line.startswith("quota:")), encoding="utf-8")
    return tmp_path / "registry"


def send(settings, numbers):
    """Publish events; return the ids that Kafka has confirmed."""
    producer = Producer(clients.writer(settings, SOURCE) | {"message.timeout.ms": 4000})
    codec = Codec(Contracts.load())
    confirmed = []
    for number in numbers:
        event = Envelope(f"e-{number}", source_uri(SOURCE), STEP, "2026-03-21T08:30:00+03:30")
        # Noise: what compresses would take long to fill a disk.
        value = codec.encode(STEP, {"service_id": os.urandom(20_000).hex()})
        producer.produce(
            topics.outbox(SOURCE), value, event.key.encode(), headers=event.to_headers(),
            on_delivery=lambda error, _, id_=event.id: None if error else confirmed.append(id_),
        )  # fmt: skip
        producer.poll(0)
    producer.flush(10)
    return confirmed


@pytest.mark.slow
@pytest.mark.destructive
def test_a_full_disk_is_said_and_nothing_confirmed_is_lost(small_disk, unmetered):
    """Warned before; the broker stops with the reason; once there is room all is there, without a person."""
    console = io.StringIO()
    settings = Settings(
        data_dir=small_disk / "hub", registry_dir=unmetered, api=ApiSettings(port=0), min_free_mb=50
    )
    with Hub(settings, Console(file=console, width=400)) as hub:
        confirmed = send(hub.settings, range(20))
        assert len(confirmed) == 20
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - 6 * MIB)
        until(lambda: "less than HUB_MIN_FREE_MB (50)" in console.getvalue(), console.getvalue)
        confirmed += send(hub.settings, range(20, 600))
        assert len(confirmed) < 600
        until(lambda: "kafka ended with code 1: the disk is full" in console.getvalue(), console.getvalue)
        ballast.unlink()
        until(lambda: "MiB free again" in console.getvalue(), console.getvalue)
        tables = engine(hub.settings)

        def there():
            try:
                with tables.connect() as connection:
                    return {row[0] for row in connection.execute(text("SELECT event_id FROM feed"))}
            except Exception:  # noqa: BLE001 - the database may still be coming back
                return set()

        until(lambda: there() >= set(confirmed), lambda: f"{console.getvalue()}\n{len(there())}", 120)
        with tables.connect() as connection:
            total, distinct = connection.execute(
                text("SELECT count(*), count(DISTINCT event_id) FROM feed")
            ).one()
        tables.dispose()
        assert total == distinct
