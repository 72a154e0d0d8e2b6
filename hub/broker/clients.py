"""How a process of the hub reaches Kafka: configurations for confluent-kafka, and for kafka-python."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from hub.broker import credentials
from hub.errors import ConfigError
from hub.settings import Settings


def address(settings: Settings) -> str:
    """Return Kafka's address, `host:port`, perhaps several; raise ConfigError where none is configured."""
    if not settings.kafka.bootstrap:
        raise ConfigError(
            "no Kafka is configured.", do="Start `hub up` on this data folder, or set HUB_KAFKA__BOOTSTRAP."
        )
    return settings.kafka.bootstrap


def base(settings: Settings, principal: str) -> dict[str, str | int | float | bool]:
    """Return the connection settings of a principal for confluent-kafka (librdkafka names)."""
    kafka = settings.kafka
    config: dict[str, str | int | float | bool] = {
        "bootstrap.servers": address(settings),
        "security.protocol": kafka.security_protocol,
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.username or principal,
        "sasl.password": credentials.password(settings, kafka.username or principal),
        "client.id": principal,
        # New outboxes are found this late (librdkafka's default is 5 minutes).
        "topic.metadata.refresh.interval.ms": 2000,
        "reconnect.backoff.max.ms": 2000,
    }
    if kafka.ca_file:
        config["ssl.ca.location"] = str(kafka.ca_file)
    return config


def reader(settings: Settings, principal: str, group: str) -> dict[str, str | int | float | bool]:
    """Return the configuration of a consumer that sees committed records only and commits by hand."""
    return base(settings, principal) | {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
    }


def writer(settings: Settings, principal: str) -> dict[str, str | int | float | bool]:
    """Return the configuration of an idempotent producer that partitions as Java does."""
    return base(settings, principal) | {
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "partitioner": "murmur2_random",
        # librdkafka's default of 100 ms is most of a small transaction's latency.
        "retry.backoff.ms": 10,
    }


def kafka_python(settings: Settings, principal: str) -> dict[str, Any]:
    """Return the connection settings of a principal for kafka-python; a request may take 20 s."""
    kafka = settings.kafka
    user = kafka.username or principal
    config: dict[str, Any] = {
        "bootstrap_servers": address(settings).split(","),
        "client_id": user,
        "security_protocol": kafka.security_protocol,
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": credentials.password(settings, user),
        "request_timeout_ms": 20_000,
        "reconnect_backoff_max_ms": 2000,
    }
    if kafka.ca_file:
        config["ssl_cafile"] = str(kafka.ca_file)
    return config


def answers(settings: Settings, principal: str, seconds: float = 2) -> bool:
    """Return whether Kafka lets this principal in and answers within `seconds`."""
    quiet = base(settings, principal) | {"log_level": 0}
    try:
        AdminClient(quiet).list_topics(timeout=seconds)
    except KafkaException:
        return False
    return True
