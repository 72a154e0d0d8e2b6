"""Kafka messages as the gate's records."""

from __future__ import annotations

from operator import methodcaller
from typing import TypeVar, cast

from confluent_kafka import Message

from hub.contracts.envelope import Headers
from hub.contracts.record import Record

_Value = TypeVar("_Value")
# Where a header's name is no UTF-8, confluent-kafka 2.16 returns a broken list with an error pending. A plain
# `message.headers()` lets that error surface later, in another call, once the interpreter has specialised the
# line; a call through `methodcaller` is always checked.
_headers = methodcaller("headers")


def record_of(message: Message) -> Record:
    """Return a consumed message as a record; where the client cannot read its headers, the record says so."""
    try:
        headers = _headers(message) or ()
    except (UnicodeDecodeError, SystemError):
        # A header name that is no UTF-8: an agency can write one, confluent-kafka cannot read it.
        headers = None
    return Record(
        topic=_there(message.topic()),
        partition=_there(message.partition()),
        offset=_there(message.offset()),
        timestamp=message.timestamp()[1],
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=cast("Headers", headers if headers is not None else ()),
        readable=headers is not None,
    )


def _there(value: _Value | None) -> _Value:
    if value is None:
        raise TypeError("an event of the consumer is no record")
    return value


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
