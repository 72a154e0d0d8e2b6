"""The embedded engines: real Kafka and PostgreSQL as our children."""

from __future__ import annotations

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from hub.broker import clients
from hub.broker.embedded.kafka import HUB_PRINCIPALS


def test_every_principal_of_the_hub_can_log_in(engines):
    """The SCRAM users of the hub exist after formatting, each with a password of its own."""
    refused = [each for each in HUB_PRINCIPALS if not clients.answers(engines.settings, each)]
    assert (refused, len(HUB_PRINCIPALS)) == ([], 7)


def test_a_wrong_password_is_refused(engines):
    """A client that knows a principal's name but no password gets nothing."""
    config = clients.base(engines.settings, "hub.admin") | {"sasl.password": "guess", "log_level": 0}
    refusals = []
    admin = AdminClient(config | {"error_cb": refusals.append})
    admin.poll(5)
    assert refusals
    assert "_AUTHENTICATION" in {error.name() for error in refusals}


def test_a_principal_without_acl_may_write_nothing(engines):
    """Deny by default: the reader cannot write to a topic, and no topic springs up by a typing error."""
    outcome = []
    producer = Producer(
        clients.base(engines.settings, "hub.reader") | {"message.timeout.ms": 5000, "log_level": 0}
    )
    producer.produce("no.such.topic", b"x", on_delivery=lambda error, _: outcome.append(error))
    producer.flush(10)
    assert outcome[0] is not None
    names = AdminClient(clients.base(engines.settings, "hub.admin")).list_topics(timeout=10).topics
    assert "no.such.topic" not in names
