"""Quix Streams: a streaming data frame from topic to topic, raw bytes, at least once.

It commits every quarter of a second and cannot name a partition: its producer partitions by key, as Kafka
does. No transaction, no checks, no masks, no dedupe, no second output.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from quixstreams import Application
from quixstreams.kafka.configuration import ConnectionConfig

from hub.launch.bench.peers.peer import Peer, Stop, ready, run

NAME = "Quix Streams"
VERSION_OF = "quixstreams"
_COMMIT_SECONDS = 0.25
_CONNECTION = ("bootstrap.servers", "security.protocol", "sasl.mechanism", "sasl.username", "sasl.password")


class _Application(Application):
    def _on_assign(self, *arguments: Any) -> None:
        super()._on_assign(*arguments)
        ready()


def loop(peer: Peer, stop: Stop) -> None:  # noqa: ARG001 - Quix Streams minds SIGTERM itself
    """Pass records through until asked to stop."""
    reader = {"isolation.level": "read_committed"}
    writer = {name: each for name, each in peer.librdkafka_writer().items() if name not in _CONNECTION}
    # Quix Streams waits for the reports of all deliveries, so it is told of all.
    del writer["delivery.report.only.error"]
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        app = _Application(
            ConnectionConfig.from_librdkafka_dict(peer.librdkafka()),
            consumer_group=peer.group,
            auto_offset_reset="earliest",
            auto_create_topics=False,
            use_changelog_topics=False,
            commit_interval=_COMMIT_SECONDS,
            consumer_extra_config=reader,
            producer_extra_config=writer,
            loglevel="ERROR",
            state_dir=Path(folder),
        )
        raw: Any = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
        plain: Any = {"key_serializer": "bytes", "value_serializer": "bytes"}
        app.dataframe(app.topic(peer.source, **raw)).to_topic(app.topic(peer.sink, **plain))
        app.run()


if __name__ == "__main__":
    run(loop)
