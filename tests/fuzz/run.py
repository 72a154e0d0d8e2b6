"""Events of the fuzzer through the real gate on a real broker, batch by batch, each batch judged whole."""

from __future__ import annotations

import time
from collections import Counter

from confluent_kafka import Producer
from kafka import KafkaProducer

from hub.broker import clients, credentials
from hub.broker.records import record_of
from hub.broker.tail import Tail
from hub.contracts import ledger, topics
from tests.fuzz.cases import Fuzzer
from tests.fuzz.judge import Judge, origin_of
from tests.fuzz.world import PARTITIONS

DECIDE_SECONDS = 120
LAND_SECONDS = 15
PRINCIPAL = topics.ADMIN_PRINCIPAL


class RawName(str):
    """A header name whose bytes are no UTF-8."""

    __slots__ = ()

    def encode(self, *_):
        return b"\xff\xfe-name"


class Line:
    """One seed's events on their way through the gate. `alive` raises where the gate has ended.

    The registry of `world` is in force and its topics are not written to by anybody else.
    """

    def __init__(self, settings, world, seed, alive):
        self._settings = settings
        self._world = world
        self._alive = alive
        self._fuzzer = Fuzzer(world, seed)
        self.judge = Judge(world, seed)
        self._places = [(topic, part) for topic in world.outboxes for part in range(PARTITIONS)]
        self._producer = Producer(
            clients.writer(settings, PRINCIPAL)
            # A batch of noise larger than an outbox takes would be refused whole.
            | {"message.max.bytes": 60_000_000, "batch.size": 200_000, "linger.ms": 5}
        )
        self._raw = KafkaProducer(
            bootstrap_servers=settings.kafka.bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=PRINCIPAL,
            sasl_plain_password=credentials.password(settings, PRINCIPAL),
            compression_type="gzip",
            max_request_size=60_000_000,
        )
        self._tail = Tail(settings, PRINCIPAL, "fuzz")
        found = [(name, part) for name in (*world.inboxes, topics.PARKED) for part in range(4)]
        self._tail.follow(self._tail.ends(found))
        self._ledger = Tail(settings, PRINCIPAL, "fuzz-ledger")
        self._ledger.follow_all([(topics.LEDGER, part) for part in range(4)])
        self._positions = {}
        self._read_positions()

    def close(self):
        self._producer.flush(30)
        self._raw.close()
        self._tail.close()
        self._ledger.close()

    def batch(self, count):
        """Send so many events, wait until they are decided, judge them; return the counts."""
        before = self._totals()
        self._send(count)
        self._wait_decided()
        deadline = time.monotonic() + LAND_SECONDS
        while True:
            self._take()
            if self.judge.complete() or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        counts = self.judge.settle()
        self._read_positions()
        self._compare(counts, self._totals() - before)
        return counts

    def _send(self, count):
        refused = []
        for _ in range(count):
            event = self._fuzzer.next()
            topic = topics.outbox(event.agency)
            if not event.readable:
                # This client knows no null headers.
                headers = [*((name, value or b"") for name, value in event.headers), (RawName("x"), b"1")]
                future = self._raw.send(
                    topic, key=event.key, value=event.value, headers=headers, partition=event.partition
                )
                future.add_callback(self._landed, event)
                future.add_errback(refused.append)
                continue
            self._produce(topic, event, refused)
        assert self._producer.flush(60) == 0
        self._raw.flush(60)
        assert not refused, refused[0]

    def _produce(self, topic, event, refused):
        def told(error, message):
            if error is not None:
                refused.append(error)
            else:
                self.judge.sent(origin_of(topic, message.partition(), message.offset()), event)

        while True:
            try:
                self._producer.produce(
                    topic,
                    event.value,
                    event.key,
                    event.partition,
                    headers=list(event.headers),
                    on_delivery=told,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def _landed(self, event, place):
        self.judge.sent(origin_of(place.topic, place.partition, place.offset), event)

    def _wait_decided(self):
        ends = self._tail.ends(self._places)
        deadline = time.monotonic() + DECIDE_SECONDS
        while True:
            self._alive()
            committed = self._tail.committed(topics.GATE_GROUP, self._places)
            if all(committed[place] >= end for place, end in ends.items()):
                return
            assert time.monotonic() < deadline, f"not decided in {DECIDE_SECONDS} s: {committed} of {ends}"
            time.sleep(0.1)

    def _take(self):
        for message in self._tail.to_end():
            record = record_of(message)
            if record.topic == topics.PARKED:
                self.judge.parked(record)
            else:
                self.judge.delivered(record)

    def _read_positions(self):
        for message in self._ledger.to_end():
            found = ledger.parse(message.key(), message.value())
            if isinstance(found, ledger.Position):
                self._positions[found.topic, found.partition] = found

    def _totals(self):
        """Return what the hub's ledger has counted on our outboxes, by verdict and class."""
        totals = Counter()
        for place, position in self._positions.items():
            if place in self._places:
                totals["routed", ""] += position.routed
                totals["unclaimed", ""] += position.unclaimed
                totals["duplicate", ""] += position.duplicate
                totals.update({("parked", reason): count for reason, count in position.parked.items()})
        return totals

    def _compare(self, sent, counted):
        if sent != counted:
            self.judge.findings.append(f"sent: {dict(sent)}; the ledger counted: {dict(counted)}")
