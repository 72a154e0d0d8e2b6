"""What the peers on aiokafka share: lz4 where only its C library is, and saying that they are at work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiokafka.codec
import lz4.frame
from aiokafka import ConsumerRebalanceListener

from hub.launch.bench.peers.peer import ready

# aiokafka's own choice is cramjam, which `make bench` installs; the tests run without it.
aiokafka.codec.cramjam = aiokafka.codec.cramjam or SimpleNamespace(lz4=lz4.frame)


class Listener(ConsumerRebalanceListener):
    """Says that the peer is at work."""

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Do nothing: what was not committed is read again."""

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        """Be at work."""
        ready()
