"""What every peer shares: its task, its end, and the settings that all of them are given.

Only the standard library, as one peer runs in an environment where little else of the hub is.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LINGER_MS = 5
COMPRESSION = "lz4"
PRODUCER_BATCH_BYTES = 512 * 1024
"""For clients that send batches of 16 KiB by default; librdkafka's default is 1 MB."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One task: read `source` as a member of `group`, write each record to the same partition of `sink`.

    `security_protocol` and `mechanism` are Kafka's names, such as SASL_PLAINTEXT and SCRAM-SHA-512.
    """

    bootstrap: str
    username: str
    password: str
    security_protocol: str
    mechanism: str
    group: str
    source: str
    sink: str
    transactional_id: str

    def librdkafka(self) -> dict[str, Any]:
        """Return how a client on librdkafka reaches Kafka."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security_protocol,
            "sasl.mechanism": self.mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
        }

    def librdkafka_reader(self) -> dict[str, Any]:
        """Return a consumer's configuration on librdkafka; it commits by hand."""
        return self.librdkafka() | {
            "group.id": self.group,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }

    def librdkafka_writer(self) -> dict[str, Any]:
        """Return a producer's configuration on librdkafka; only a failed delivery is told of."""
        return self.librdkafka() | {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": LINGER_MS,
            "compression.type": COMPRESSION,
            "delivery.report.only.error": True,
            # For peers that cannot name a partition: by key, as Java and the hub do.
            "partitioner": "murmur2_random",
        }

    def python(self) -> dict[str, Any]:
        """Return how aiokafka and kafka-python, which share these names, reach Kafka."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def python_reader(self) -> dict[str, Any]:
        """Return a consumer's arguments for aiokafka and kafka-python; it commits by hand."""
        return self.python() | {
            "group_id": self.group,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "enable_auto_commit": False,
        }

    def python_writer(self) -> dict[str, Any]:
        """Return a producer's arguments for aiokafka and kafka-python."""
        return self.python() | {
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": LINGER_MS,
            "compression_type": COMPRESSION,
        }


class Stop:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self.set)

    def __bool__(self) -> bool:
        return self._asked

    def set(self, *_: object) -> None:
        """Ask to stop; safe in a signal handler."""
        self._asked = True


_told = False


def ready() -> None:
    """Say once, on stdout, that the peer is at work; further calls do nothing."""
    global _told  # noqa: PLW0603 - a process is one peer
    if not _told:
        _told = True
        print("ready", flush=True)


def read() -> Peer:
    """Return the task in this process's argument, a JSON object with the fields of Peer.

    Raises ValueError or TypeError, which `run` tells, where it is something else.
    """
    if len(sys.argv) != 2:
        raise ValueError("give one argument: a JSON object with the fields of Peer")
    return Peer(**json.loads(sys.argv[1]))


def run(loop: Callable[[Peer, Stop], None]) -> None:
    """Run a peer's loop until SIGTERM; an error ends the process with 1 and a line on stderr."""
    stop = Stop()
    try:
        loop(read(), stop)
    except Exception as error:  # noqa: BLE001 - whatever it is, the kernel is told
        sys.exit(f"{type(error).__name__}: {error}")
