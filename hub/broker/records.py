"""Kafka messages as the gate's records."""

from __future__ import annotations

from confluent_kafka import Message

from hub.gate.record import Record


def record_of(message: Message) -> Record:
    """Return a consumed message as a record."""
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=message.headers() or (),
    )
