"""Kafka messages as the gate's records."""

from __future__ import annotations

from operator import methodcaller
from typing import cast

from confluent_kafka import Message

from hub.contracts.envelope import Headers
from hub.contracts.record import Record

# Where a header's name is no UTF-8, confluent-kafka 2.16 returns a broken list with an error pending. A plain
# `message.headers()` lets that error surface later, in another call, once the interpreter has specialised the
# line; a call through `methodcaller` is always checked.
_headers = methodcaller("headers")


def record_of(message: Message) -> Record:
    """Return a consumed message as a record; where the client cannot read its headers, the record says so."""
    readable = True
    try:
        headers = _headers(message) or ()
    except (UnicodeDecodeError, SystemError):
        # A header name that is no UTF-8: an agency can write one, confluent-kafka cannot read it.
        headers, readable = (), False
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise TypeError("an event of the consumer is no record")
    key, value = message.key(), message.value()
    return Record(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        key.encode() if isinstance(key, str) else key,
        value.encode() if isinstance(value, str) else value,
        cast("Headers", headers),
        readable,
    )
