"""Telling the programme's clock: an event `hub.clock.ticked.v1` for each partition of the hub's outbox.

A tick's id follows from its moment and its partition, and as its key it falls on that partition. So two
processes, or a retry, tell a moment once: the gate knows the second as a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

from kafka.partitioner.default import murmur2

from hub.broker.hub_outbox import HubOutbox
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.names import EventType, source_uri
from hub.contracts.schemas import Contracts
from hub.parked.outgoing import Outgoing
from hub.settings import Settings

TICKED = EventType("hub.clock.ticked.v1")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tick_id(moment: datetime, partition: int, partitions: int) -> str:
    """Return the id of a moment's tick for a partition; as a key, it falls on that partition."""
    names = (f"tick/{rfc3339(moment)}/{partition}/{number}" for number in count())
    return next(each for each in names if (murmur2(each.encode()) & 0x7FFFFFFF) % partitions == partition)


def tick(codec: Codec, moment: datetime, partition: int, partitions: int) -> Outgoing:
    """Return the tick of a moment (aware) for one of the outbox's partitions."""
    moment = moment.astimezone(UTC)
    attributes = Envelope(
        tick_id(moment, partition, partitions), source_uri(topics.HUB), TICKED, rfc3339(moment)
    )
    value = codec.encode(TICKED, {"moment": moment, "place": partition})
    return Outgoing(attributes.key.encode(), value, attributes.to_headers())


def whole(now: datetime, seconds: float) -> datetime:
    """Return the last whole interval's end, counted from 1970: what every process tells at this time."""
    interval = timedelta(seconds=seconds)
    return _EPOCH + (now - _EPOCH) // interval * interval


class Clock:
    """Tells moments as agency `hub`, logged in as a principal that may write its outbox."""

    def __init__(self, settings: Settings, principal: str) -> None:
        self._outbox = HubOutbox(settings, principal)
        self._codec = _codec()
        self._partitions = 0

    def tell(self, moment: datetime, partitions: Iterable[int] | None = None) -> None:
        """Tell a moment to partitions of the outbox (None: to all); when it returns, the broker has it.

        Telling it again changes nothing. Raises BrokerUnavailableError or BrokerError.
        """
        self._partitions = self._partitions or self._outbox.partitions()
        wanted = range(self._partitions) if partitions is None else partitions
        self._outbox.write([tick(self._codec, moment, each, self._partitions) for each in wanted])


@cache
def _codec() -> Codec:
    return Codec(Contracts.load())
