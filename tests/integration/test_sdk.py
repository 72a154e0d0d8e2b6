"""The SDK on a real broker, over an agency's own login."""

from __future__ import annotations

import gc
import time

import confluent_kafka
import pytest
from kafka.partitioner.default import murmur2

from connectors.sdk import Config, Event, Publisher, Receipts, SequenceError, Subscriber
from hub.broker import clients, credentials
from hub.broker.desired import acls, admin, users
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, ContractError

STEP = "service.step.completed.v1"
SUBMITTED = "service.request.submitted.v1"


@pytest.fixture(scope="module")
def contracts():
    return Contracts.load()


@pytest.fixture
def agency(engines, fresh_agency_code):
    """Connect an agency: topics, login, permissions."""
    code = fresh_agency_code("sdk")
    admin.ensure_topics(engines.settings, topics.agency_topics(code))
    users.ensure_users(engines.settings, [code])
    acls.ensure_acls(engines.settings, acls.agency_acls(code), [code])
    kafka = engines.settings.kafka
    return Config(code, kafka.bootstrap, credentials.password(engines.settings, code))


@pytest.fixture
def deliver(engines, agency, contracts):
    """Return a function that writes deliveries as the gate does: in one transaction, committed or aborted."""
    codec = Codec(contracts)
    producer = confluent_kafka.Producer(
        clients.writer(engines.settings, "hub.admin") | {"transactional.id": f"test.{agency.agency}"}
    )
    producer.init_transactions()

    def write(seqs, *, partition=0, commit=True, type_=STEP):
        producer.begin_transaction()
        for seq in seqs:
            value = codec.encode(EventType(type_), {"service_id": f"s-{seq}"})
            event = Event(type=type_, data={}, id=f"event-{seq}", caseid="other/1").envelope("other")
            headers = [
                *event.to_headers(),
                (envelope.ROUTE, f"a/{type_}".encode()),
                (envelope.AGREEMENT, b"a@1"),
                (envelope.PURPOSE, b"test"),
                (envelope.SEQ, str(seq).encode()),
                (envelope.ORIGIN, f"agency.other.outbox/{partition}/{seq + 10}".encode()),
                (envelope.ACCEPTED_AT, b"2026-01-01T00:00:00.000Z"),
                (envelope.MASKED, b"handled_by,answer"),
            ]
            producer.produce(
                topics.inbox(agency.agency), value, b"other/1", partition=partition, headers=headers
            )
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()

    return write


def receive(subscriber, count, seconds=20):
    """Collect `count` deliveries, or what came within `seconds`."""
    found, end = [], time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        delivery = subscriber.next(0.5)
        if delivery is not None:
            found.append(delivery)
    return found


def outbox(engines, config):
    """Return every record of the agency's outbox."""
    reader = confluent_kafka.Consumer(
        clients.reader(engines.settings, "hub.admin", "sdk-test") | {"enable.partition.eof": True}
    )
    topic = topics.outbox(config.agency)
    partitions = range(topics.DEFAULT_PARTITIONS)
    reader.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])
    found, ended = [], 0
    while ended < len(partitions):
        record = reader.poll(10)
        assert record is not None
        if record.error():
            ended += 1
        else:
            found.append(record)
    reader.close()
    return found


def test_publish_returns_the_place_where_the_event_really_lies(engines, agency):
    """`publish` is confirmed: the record at the returned place is the event, header for header."""
    event = Event(
        type=SUBMITTED,
        data={"service_id": "loan"},
        caseid=f"{agency.agency}/77",
        channel="online",
        subsystem="desk",
    )
    with Publisher(agency) as publisher:
        place = publisher.publish(event)
    [record] = outbox(engines, agency)
    assert (place.topic, place.partition, place.offset) == (
        record.topic(),
        record.partition(),
        record.offset(),
    )
    assert place.appended_ms == record.timestamp()[1]
    assert record.key() == f"{agency.agency}/77".encode()
    assert place.partition == (murmur2(record.key()) & 0x7FFFFFFF) % topics.DEFAULT_PARTITIONS
    read = envelope.read_headers(record.headers())
    assert (read.id, read.source, read.channel) == (event.id, f"/agency/{agency.agency}/desk", "online")


def test_a_bulk_of_events_keeps_the_order_of_each_case(engines, agency):
    """`publish_nowait` confirms every event, and events of one case lie in the order of sending."""
    with Publisher(agency, linger_ms=5) as publisher:
        pending = [
            publisher.publish_nowait(
                Event(type=STEP, data={"service_id": "s"}, id=f"e-{n:04}", caseid=f"{agency.agency}/{n % 7}")
            )
            for n in range(2000)
        ]
        publisher.flush()
        places = {one.event_id: one.result() for one in pending}
    assert len(set(map(str, places.values()))) == 2000
    by_case = {}
    for record in sorted(outbox(engines, agency), key=lambda one: (one.partition(), one.offset())):
        by_case.setdefault(record.key(), []).append(dict(record.headers())["ce_id"])
    assert all(ids == sorted(ids) for ids in by_case.values())
    assert sum(map(len, by_case.values())) == 2000


def test_all_of_many_events_are_confirmed_up_to_the_first_faulty_one(engines, agency):
    """`publish_all` says how many it confirmed; at a fault it names the event and sends nothing behind it."""
    events = [
        Event(type=STEP, data={"service_id": "s"}, id=f"e-{n:04}", caseid=f"{agency.agency}/{n % 7}")
        for n in range(450)
    ]
    faulty = Event(type=STEP, data={"service_id": "s", "handled_by": 5}, id="faulty")
    with Publisher(agency, linger_ms=5) as publisher:
        assert publisher.publish_all(iter(events[:250])) == 250
        with pytest.raises(ContractError, match=r"event faulty, .*handled_by"):
            publisher.publish_all([*events[250:400], faulty, *events[400:]])
    records = outbox(engines, agency)
    assert sorted(dict(one.headers())["ce_id"] for one in records) == [
        event.id.encode() for event in events[:400]
    ]
    for record in records:
        assert record.partition() == (murmur2(record.key()) & 0x7FFFFFFF) % topics.DEFAULT_PARTITIONS


def test_an_event_that_breaks_its_contract_is_not_sent(engines, agency):
    """The error names the field, and nothing reaches the outbox."""
    with Publisher(agency) as publisher:
        with pytest.raises(ContractError, match="handled_by"):
            publisher.publish(Event(type=STEP, data={"service_id": "s", "handled_by": 5}))
        with pytest.raises(ContractError, match="900000"):
            publisher.publish(Event(type=STEP, data={"service_id": "s" * 900_000}))
    assert outbox(engines, agency) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_wrong_password_is_one_clear_sentence(agency):
    """A refused login is a BrokerError, not a trace of the client library."""
    wrong = Config(agency.agency, agency.bootstrap, "not-the-password")
    with pytest.raises(BrokerError, match="login"), Publisher(wrong) as publisher:
        publisher.publish(Event(type=STEP, data={"service_id": "s"}))
    # kafka-python leaves sockets of a failed start to the garbage collector.
    gc.collect()


def test_deliveries_come_decoded_and_numbered_without_those_of_aborted_transactions(agency, deliver):
    """A reader sees what the gate committed, and only that."""
    deliver([1, 2])
    deliver([3, 4], commit=False)
    deliver([3])
    with Subscriber(agency) as subscriber:
        found = receive(subscriber, 3)
        assert subscriber.next(1.0) is None
    assert [one.seq for one in found] == [1, 2, 3]
    assert [one.data["service_id"] for one in found] == ["s-1", "s-2", "s-3"]
    first = found[0]
    assert first.masked == ("handled_by", "answer")
    assert (first.route, first.agreement, first.purpose) == (f"a/{STEP}", "a@1", "test")
    assert str(first.origin) == "agency.other.outbox/0/11"


def test_what_was_not_acknowledged_comes_again(agency, deliver):
    """Only the unbroken run of acknowledged deliveries is committed: a hole holds back what follows it."""
    deliver([1, 2, 3, 4])
    with Subscriber(agency) as subscriber:
        first, _second, third, fourth = receive(subscriber, 4)
        assert subscriber.ack(first)
        assert subscriber.ack(third)
        assert subscriber.ack(fourth)
        assert not subscriber.ack(first)
    with Subscriber(agency) as subscriber:
        again = receive(subscriber, 3)
        assert [one.seq for one in again] == [2, 3, 4]
        for delivery in again:
            subscriber.ack(delivery)
    with Subscriber(agency) as subscriber:
        assert subscriber.next(3.0) is None


def test_a_subscriber_knows_its_partitions_before_it_joins(agency, deliver):
    """Otherwise kafka-python joins twice, and hangs where a poll gives up in the second join."""
    deliver([1])
    with Subscriber(agency) as subscriber:
        known = subscriber._consumer._coordinator._metadata_snapshot
        found, end = None, time.monotonic() + 20
        while found is None and time.monotonic() < end:
            found = subscriber.next(0.02)
    assert known == {topics.inbox(agency.agency): set(range(topics.DEFAULT_PARTITIONS))}
    assert found is not None


def test_an_inbox_that_is_not_there_is_named(engines, fresh_agency_code):
    """A subscriber of an agency without topics or permissions fails at once and names the inbox."""
    code = fresh_agency_code("nobody")
    users.ensure_users(engines.settings, [code])
    config = Config(code, engines.settings.kafka.bootstrap, credentials.password(engines.settings, code))
    with pytest.raises(BrokerError, match=topics.inbox(code)):
        Subscriber(config)


def test_a_gap_in_the_numbers_is_raised_and_names_the_line(agency, deliver):
    """A missing delivery is found by the recipient alone, also when it is the very first."""
    deliver([1, 2, 4])
    deliver([2], partition=1)
    gaps = []
    with Subscriber(agency, on_gap=gaps.append) as subscriber:
        assert len(receive(subscriber, 4)) == 4
    assert sorted((gap.expected, gap.delivery.seq, gap.missing) for gap in gaps) == [(1, 2, 1), (3, 4, 1)]
    with Subscriber(agency) as subscriber, pytest.raises(SequenceError, match=r"where [13] was due"):
        receive(subscriber, 4)


def test_a_rejection_is_published_with_origin_route_and_reason(engines, agency, deliver, contracts):
    """`reject` writes hub.delivery.rejected.v1 to the agency's own outbox and acknowledges the delivery."""
    deliver([1])
    with Subscriber(agency) as subscriber:
        [delivery] = receive(subscriber, 1)
        subscriber.reject(delivery, "unknown-service", "This register has no such service.")
    [record] = outbox(engines, agency)
    contract, data = Codec(contracts).decode(record.value())
    assert contract.event_type == "hub.delivery.rejected.v1"
    assert data["origin"] == "agency.other.outbox/0/11"
    assert data["route"] == f"a/{STEP}"
    assert data["reason_code"] == "unknown-service"
    with Subscriber(agency) as subscriber:
        assert subscriber.next(3.0) is None


def test_two_subscribers_of_one_agency_share_its_partitions(agency, deliver):
    """Each gets what comes to its half, and after the hand-over nothing acknowledged comes again."""
    by = [0, 0]
    for partition in range(4):
        deliver([1, 2], partition=partition)
    with Subscriber(agency) as first:
        seen = receive(first, 8)
        for delivery in seen:
            first.ack(delivery)
        first.commit()
        with Subscriber(agency) as second:
            more, end, both = [], time.monotonic() + 30, (first, second)
            while [len(one._consumer.assignment()) for one in both] != [2, 2]:
                assert time.monotonic() < end
                assert [one.next(0.1) for one in both] == [None, None]
            for partition in range(4):
                deliver([3], partition=partition)
            while len(more) < 4 and time.monotonic() < end:
                for number, one in enumerate(both):
                    delivery = one.next(0.1)
                    if delivery is not None:
                        more.append(delivery)
                        one.ack(delivery)
                        by[number] += 1
    assert by == [2, 2]
    assert sorted((one.partition, one.seq) for one in seen) == [(p, n) for p in range(4) for n in (1, 2)]
    assert sorted((one.partition, one.seq) for one in more) == [(p, 3) for p in range(4)]


def test_receipts_are_read_from_the_first_kept_one(engines, agency, contracts):
    """A source reads what the hub tells it about its events."""
    value = Codec(contracts).encode(
        EventType("hub.receipt.v1"),
        {"kind": "progress", "topic": topics.outbox(agency.agency), "partition": 2, "next": 9, "routed": 8,
         "decided_at": 1_700_000_000_000},
    )  # fmt: skip
    producer = confluent_kafka.Producer(clients.writer(engines.settings, "hub.admin"))
    producer.produce(topics.receipts(agency.agency), value)
    assert producer.flush(10) == 0
    with Receipts(agency) as receipts:
        end, found = time.monotonic() + 20, []
        while not found and time.monotonic() < end:
            found = list(receipts.read())
    assert [(one.data["kind"], one.data["next"], one.data["routed"]) for one in found] == [("progress", 9, 8)]
