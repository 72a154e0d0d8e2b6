"""What an agency may do to an outbox on purpose or by mistake, and the gate lives on."""

from __future__ import annotations

import hashlib

from confluent_kafka import Consumer, TopicPartition
from kafka import KafkaProducer

from hub.broker import clients, credentials
from hub.broker.records import record_of
from hub.contracts import topics


class RawName(str):
    """A header name whose bytes are no UTF-8."""

    __slots__ = ()

    def encode(self, *_):
        return b"\xff\xfe-name"


def kafka_python(hub, **options):
    return KafkaProducer(
        bootstrap_servers=hub.settings.kafka.bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="hub.admin",
        sasl_plain_password=credentials.password(hub.settings, "hub.admin"),
        max_request_size=400_000_000,
        **options,
    )


def parked_of(hub, source):
    """Return what was parked of an agency's outbox."""
    return [each for each in hub.read(topics.PARKED) if topics.outbox(source) in each.header("hub-origin")]


def test_a_header_name_that_is_no_utf8_parks_the_event_and_stops_nothing(hub):
    """The client cannot read such a header; the event is parked as envelope and the next one flows."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    producer = kafka_python(hub)
    key, value, headers = hub.event(source)
    bad = [*headers, (RawName("x"), b"1")]
    producer.send(topics.outbox(source), key=key, value=value, headers=bad, partition=0).get(20)
    producer.close()
    hub.publish(source, 1)
    position = hub.until_decided(source, 2)
    assert (position.routed, dict(position.parked)) == (1, {"envelope": 1})
    (parked,) = [
        each for each in hub.read(topics.PARKED) if topics.outbox(source) in each.header("hub-origin")
    ]
    assert (parked.key, parked.value) == (key, value)


def test_twenty_megabytes_that_were_compressed_are_parked_by_digest(hub):
    """Size limits of Kafka are on compressed batches; the gate measures what comes out."""
    source = hub.agency("source")
    hub.apply()
    hub.start_gate()
    value = bytes(20_000_000)
    producer = kafka_python(hub, compression_type="gzip")
    producer.send(topics.outbox(source), key=b"k", value=value, partition=0).get(20)
    producer.close()
    hub.publish(source, 1)
    position = hub.until_decided(source, 2)
    assert (position.unclaimed, dict(position.parked)) == (1, {"too-large": 1})
    (parked,) = [
        each for each in hub.read(topics.PARKED) if topics.outbox(source) in each.header("hub-origin")
    ]
    assert parked.header("hub-digest") == "sha-256:" + hashlib.sha256(value).hexdigest()
    assert parked.header("hub-size") == "20000001"
    assert parked.value == bytes(4096)


def test_a_decompression_bomb_does_not_stop_its_partition(hub):
    """A batch that unpacks to more than the client takes must not hold the partition for ever."""
    source = hub.agency("source")
    hub.apply()
    hub.start_gate()
    producer = kafka_python(hub, compression_type="gzip")
    producer.send(topics.outbox(source), key=b"k", value=bytes(250_000_000), partition=0).get(60)
    producer.close()
    hub.publish(source, 1)
    position = hub.until_decided(source, 2)
    assert (position.read, position.unclaimed, dict(position.parked)) == (2, 1, {"too-large": 1})


def test_reading_such_headers_again_and_again_fails_cleanly_every_time(hub):
    """The library leaves an error pending that may surface in an innocent call; `record_of` never lets it."""
    source = hub.agency("source")
    hub.apply()
    key, value, headers = hub.event(source)
    producer = kafka_python(hub)
    for number in range(400):
        bad = [*headers, (RawName("x") if number % 2 else "x", b"1")]
        producer.send(topics.outbox(source), key=key, value=value, headers=bad, partition=0)
    producer.flush()
    producer.close()
    consumer = Consumer(clients.reader(hub.settings, "hub.admin", "test"))
    consumer.assign([TopicPartition(topics.outbox(source), 0, 0)])
    readable = []
    while len(readable) < 400:
        readable += [record_of(message).readable for message in consumer.consume(400, 1)]
    consumer.close()
    assert readable == [True, False] * 200
