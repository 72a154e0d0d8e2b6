"""A broker that dies, stalls or is misused: what the gate was told is kept, what was not is waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from hub.broker import clients
from hub.contracts import topics
from hub.launch.environment import child_environment
from tests.integration.faults.conftest import until

SMALL = {"HUB_GATE__BATCH_EVENTS": "40"}


@pytest.fixture
def pair(hub):
    """Make a source and a recipient that agree."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    return source, recipient


def queue(hub, source, sent, count):
    """Hand events for every partition to the client, which sends them when the broker lets it."""
    for partition, ids in sent.items():
        for number in range(count):
            ids.append(f"{partition}-{len(ids)}-{number}")
            hub.send(source, *hub.event(source, id=ids[-1], caseid=f"{source}/c"), partition)


@pytest.mark.slow
@pytest.mark.destructive
def test_a_broker_killed_under_load_costs_time_and_nothing_else(hub, pair):
    """SIGKILL in mid-batch, events sent meanwhile; gates wait or start again; all is there once."""
    source, recipient = pair
    hub.keep_gates(2, **SMALL)
    sent = {partition: [] for partition in range(4)}
    queue(hub, source, sent, 200)
    hub.flush()
    hub.until_next(source, {0: 40})
    hub.kafka.process.send_signal(signal.SIGKILL)
    hub.kafka.process.wait()
    queue(hub, source, sent, 100)
    hub.kafka.start()
    hub.flush()
    hub.until_next(source, {partition: len(ids) for partition, ids in sent.items()})
    hub.complete(recipient, sent)


@pytest.mark.slow
@pytest.mark.destructive
def test_a_broker_that_stalls_again_and_again_is_waited_for(hub, pair):
    """Pulses of silence, the last one longer than the gates' sessions: no gap, nothing twice."""
    source, recipient = pair
    hub.keep_gates(2, **SMALL)
    sent = {partition: [] for partition in range(4)}
    for seconds in (0.7, 0.7, 0.7, 9.0):
        queue(hub, source, sent, 60)
        hub.kafka.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        hub.kafka.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    hub.flush()
    hub.until_next(source, {partition: len(ids) for partition, ids in sent.items()})
    hub.complete(recipient, sent)


HANGING = """
import sys, time
from confluent_kafka import Producer
from hub import settings
from hub.broker import clients
producer = Producer(clients.writer(settings.load(), "hub.gate")
                    | {"transactional.id": "hub.gate.hanging", "transaction.timeout.ms": 10_000})
producer.init_transactions(20)
producer.begin_transaction()
producer.produce(sys.argv[1], b"never committed", partition=0)
producer.flush(20)
print("open", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.destructive
def test_a_transaction_that_is_left_open_holds_readers_up_for_a_moment_only(hub, pair):
    """Its writer was killed; what stands behind it is hidden, then shown: within 20 s, without a person."""
    source, recipient = pair
    inbox = topics.inbox(recipient)
    hub.keep_gates()
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, inbox],
        env=child_environment(hub.settings),
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout.readline() == b"open\n"
        writer.kill()
    began = time.monotonic()
    ids = hub.publish(source, 3)
    hub.until_next(source, {0: 3})
    # The broker ends such a transaction after 10 s at the earliest; a slow machine may come here later.
    assert hub.inbox(recipient) == [] or time.monotonic() - began > 9
    until(lambda: hub.inbox(recipient), hub.told)
    assert time.monotonic() - began < 20
    hub.complete(recipient, {0: ids})


@pytest.mark.slow
@pytest.mark.destructive
def test_a_broker_killed_over_an_open_transaction_ends_it_when_it_is_back(hub, pair):
    """No partition stays hidden behind it for ever: the broker fences its predecessor before it serves."""
    source, recipient = pair
    inbox = topics.inbox(recipient)
    producer = Producer(
        clients.writer(hub.settings, "hub.gate")
        | {"transactional.id": "hub.gate.short", "transaction.timeout.ms": 1000}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(inbox, b"never committed", partition=0)
    assert producer.flush(20) == 0
    hub.kafka.process.kill()
    hub.kafka.process.wait()
    hub.kafka.start()
    ids = hub.publish(source, 2)
    hub.keep_gates()
    hub.until_next(source, {0: 2})
    until(lambda: hub.inbox(recipient), hub.told, 30)
    hub.complete(recipient, {0: ids})


def test_records_stamped_2015_and_2035_are_taken_as_they_come(hub, pair):
    """The broker's clock counts: retention leaves them, order stays, and a duplicate is one."""
    source, recipient = pair
    hub.start_gate()
    producer = Producer(clients.writer(hub.settings, "hub.admin"))
    for id_, year in (("old", 2015), ("new", 2035), ("now", 2026), ("old", 2035), ("new", 2015)):
        key, value, headers = hub.event(source, id=id_)
        stamp = round(time.mktime((year, 1, 1, 0, 0, 0, 0, 1, 0)) * 1000)
        producer.produce(topics.outbox(source), value, key, 0, headers=headers, timestamp=stamp)
        assert producer.flush(20) == 0
    position = hub.until_decided(source, 5)
    assert (position.routed, position.duplicate) == (3, 2)
    hub.complete(recipient, {0: ["old", "new", "now"]})
    consumer = Consumer(clients.reader(hub.settings, "hub.admin", "test"))
    consumer.assign([TopicPartition(topics.outbox(source), 0, 0)])
    stamps = [message.timestamp()[1] / 1000 for message in consumer.consume(5, 20)]
    consumer.close()
    assert len(stamps) == 5
    assert all(abs(stamp - time.time()) < 300 for stamp in stamps)
    # Longer than the broker's pause between two looks for what retention may remove.
    time.sleep(2.5)
    assert hub.ends(topics.outbox(source)) == (0, 5)
    assert hub.ends(topics.inbox(recipient))[0] == 0


def test_an_event_too_large_for_the_outbox_is_refused_to_its_sender(hub, pair):
    """Twenty megabytes that do not compress: the client is told at once, nothing is appended."""
    source, _ = pair
    producer = Producer(
        clients.writer(hub.settings, "hub.admin")
        | {"message.max.bytes": 60_000_000, "compression.type": "none"}
    )
    told = []
    producer.produce(
        topics.outbox(source),
        bytes(20_000_000),
        b"k",
        0,
        on_delivery=lambda error, _: told.append(error.code()),
    )
    assert producer.flush(30) == 0
    assert told == [KafkaError.MSG_SIZE_TOO_LARGE]
    assert hub.ends(topics.outbox(source)) == (0, 0)
