"""Writing editions of figures to `hub.indicators`: compacted, keyed by figure and edition."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hub.broker.confirmed import ConfirmedWriter
from hub.contracts.topics import INDICATORS, INDICATORS_PRINCIPAL
from hub.indicators.model import Edition
from hub.parked.outgoing import Outgoing
from hub.settings import Settings

_PATIENCE_SECONDS = 30.0


class FigureTopic:
    """A writer of editions. Not for two threads at once."""

    def __init__(self, settings: Settings) -> None:
        self._writer = ConfirmedWriter(
            settings, INDICATORS_PRINCIPAL, INDICATORS, patience_seconds=_PATIENCE_SECONDS
        )

    def publish(self, editions: Sequence[Edition]) -> None:
        """Write editions and return once the broker has all of them for certain.

        Written again, an edition has the same key and the same document. Raises BrokerUnavailableError when
        Kafka does not answer (some may be written: call it again), BrokerError when it refuses.
        """
        self._writer.write(_record(each) for each in editions)


def _record(edition: Edition) -> Outgoing:
    document = json.dumps(edition.document(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Outgoing(edition.key.encode(), document.encode(), ())
