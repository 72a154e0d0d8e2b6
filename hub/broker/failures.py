"""What a reader's Kafka error means: Kafka is away and the same call may work later, or it refuses."""

from __future__ import annotations

from confluent_kafka import KafkaError

from hub.errors import BrokerError, BrokerUnavailableError

AWAY = frozenset(
    {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT}  # noqa: SLF001 - librdkafka's names
)
"""Codes of a broker that cannot be reached now; the client goes on trying by itself."""


def failed(error: KafkaError, what: str) -> BrokerError:
    """Return the error to raise: BrokerUnavailableError where Kafka is away, else BrokerError."""
    kind = BrokerUnavailableError if error.retriable() or error.code() in AWAY else BrokerError
    return kind(f"{what}: {error.str()}.", do="Is Kafka running, and may this principal read the topic?")
