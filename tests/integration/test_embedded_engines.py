"""The embedded engines: real Kafka and PostgreSQL as our children."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hub.broker import clients
from hub.broker.embedded.kafka import HUB_PRINCIPALS, EmbeddedKafka
from hub.settings import GateSettings, Settings


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


def test_gates_that_start_together_share_each_outbox(tmp_path):
    """A broker for two waits for the second: each has half of each topic, not one half of the topics."""
    kafka = EmbeddedKafka(Settings(data_dir=tmp_path, gate=GateSettings(count=2)))
    kafka.format()
    kafka.start()
    members = []
    try:
        admin = AdminClient(clients.base(kafka.settings, "hub.admin"))
        names = ["one", "two"]
        for made in admin.create_topics([NewTopic(name, 4, 1) for name in names]).values():
            made.result(20)
        for _ in range(2):
            config = clients.reader(kafka.settings, "hub.admin", "gates")
            members.append(Consumer(config | {"partition.assignment.strategy": "cooperative-sticky"}))
            members[-1].subscribe(names)
        end = time.monotonic() + 60
        while sum(len(each.assignment()) for each in members) < 8 and time.monotonic() < end:
            for each in members:
                each.poll(0.1)
        shares = [[place.topic for place in each.assignment()] for each in members]
        assert [sorted(each) for each in shares] == [["one", "one", "two", "two"]] * 2
    finally:
        for each in members:
            each.close()
        kafka.stop()
