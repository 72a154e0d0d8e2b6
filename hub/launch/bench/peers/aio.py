"""What the peers on aiokafka share: lz4, which it does with cramjam, and saying that they are at work."""

from __future__ import annotations

from typing import Any

import cramjam  # noqa: F401 - asked for here: without it aiokafka fails at the first batch
from aiokafka import ConsumerRebalanceListener

from hub.launch.bench.peers.peer import ready


class Listener(ConsumerRebalanceListener):
    """Says that the peer is at work."""

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Do nothing: what was not committed is read again."""

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        """Be at work."""
        ready()
