"""An event as an agency writes it, and its form on the wire."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode, source_uri
from hub.errors import ContractError

_ATTRIBUTES = ("subject", "caseid", "causationid", "channel", "traceparent")
# The most that key and headers can have: attributes have a limit each. Only a value near the hub's limit
# wants a measure of everything.
_AROUND_BYTES = 32_000


def new_id() -> str:
    """Return a new event id: a random UUID."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `data` are the fields of its type's schema; `caseid` is `<opening agency>/<local id>`.

    `id` makes a repeated attempt safe: the hub delivers an id once. `time` is when it happened, with its
    offset. `version` picks a schema version; without it the newest is used.
    """

    type: str
    data: Mapping[str, Any]
    subject: str | None = None
    caseid: str | None = None
    channel: str | None = None
    id: str = field(default_factory=new_id)
    time: datetime | str = field(default_factory=lambda: datetime.now(UTC))
    subsystem: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    version: int | None = None

    def envelope(self, agency: AgencyCode) -> Envelope:
        """Return the checked envelope as `agency` sends it; raise ContractError naming the attribute."""
        attributes = {
            "specversion": envelope.SPEC_VERSION,
            "id": self.id,
            "source": source_uri(agency, self.subsystem),
            "type": self.type,
            "time": self.time if isinstance(self.time, str) else _rfc3339(self.time),
        }
        for name in _ATTRIBUTES:
            value = getattr(self, name)
            if value is not None:
                attributes[name] = value
        return envelope.from_attributes(attributes)


class Record(NamedTuple):
    """An event as Kafka carries it."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Key + value + headers, uncompressed, in bytes: what the hub's limit is about."""
        return (
            len(self.key)
            + len(self.value)
            + sum(len(name.encode()) + len(value) for name, value in self.headers)
        )


def to_record(event: Event, agency: AgencyCode, codec: Codec) -> Record:
    """Return the Kafka record of an event.

    Raises ContractError when an attribute or a field is wrong (the text names it) or the event is too large.
    """
    checked = event.envelope(agency)
    value = codec.encode(checked.type, event.data, event.version)
    record = Record(checked.key.encode(), value, checked.to_headers())
    if len(value) > topics.EVENT_BYTES - _AROUND_BYTES and record.size > topics.EVENT_BYTES:
        raise ContractError(
            f"the event has {record.size} bytes; the hub takes {topics.EVENT_BYTES}.",
            where=f"event {event.id}",
            do="Send a reference instead of the content.",
        )
    return record


def _rfc3339(time: datetime) -> str:
    if time.tzinfo is None:
        raise ContractError("time has no offset.", do="Give a datetime with a time zone.")
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds")
