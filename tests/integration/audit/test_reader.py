"""The audit's reader on real Kafka: everything once, in the broker's order, in bounded memory."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.audit.books import Place
from hub.broker import clients
from hub.broker.auditing import reader as readers
from hub.broker.auditing.asking import Questions
from hub.broker.auditing.reader import Reader
from hub.contracts import topics

MESSAGES_AT_ONCE = 1000


@pytest.fixture
def read(hub):
    """Give a function that makes a reader; they are closed at the end."""
    made = []

    def make(budget_bytes=1_000_000, idle=lambda: None):
        made.append(Reader(hub.settings, "test", idle, budget_bytes))
        return made[-1]

    yield make
    for reader in made:
        reader.close()


@pytest.fixture
def place(hub):
    """Give a function that makes an agency with an outbox of four partitions, and returns one of these."""

    def make():
        code = hub.agency("read")
        hub.apply()
        return Place(topics.outbox(code), 0)

    return make


@pytest.mark.slow
def test_a_backlog_in_one_place_neither_fills_the_memory_nor_holds_up_another(hub, read, place):
    """Far more than the budget waits in the first; the second is read at once, then both in order of time."""
    big, small = place(), place()
    for number in range(4000):
        hub._producer.produce(big.topic, bytes(2000), b"%d" % number, partition=0)
    hub.flush()
    for number in range(10):
        hub.produce(small.topic, b"%d" % number, b"small")
    questions, reader = Questions(hub.settings), read()
    reader.follow({big: 0, small: 0})
    assert [record.key for record in reader.upto(small, 5)] == [b"%d" % number for number in range(5)]
    assert reader.position(small) == 5
    ends, most, given = questions.highs([big, small]), 0, []
    for record in reader.merged(ends):
        most = max(most, reader.held_bytes)
        given.append((record.timestamp, record.topic, record.offset))
    assert most < 1_000_000 + MESSAGES_AT_ONCE * 4100
    assert [moment for moment, _, _ in given] == sorted(moment for moment, _, _ in given)
    assert [offset for _, topic, offset in given if topic == big.topic] == list(range(4000))
    assert [offset for _, topic, offset in given if topic == small.topic] == list(range(5, 10))
    assert reader.positions == ends


@pytest.mark.slow
def test_a_tight_budget_does_not_have_the_broker_send_everything_again_and_again(
    hub, read, place, monkeypatch
):
    """A pause throws away what the client has fetched: it stays a part of what is read, not many times it."""
    told = []

    def counting(config, logger):
        counted = {"statistics.interval.ms": 100, "stats_cb": lambda text: told.append(json.loads(text))}
        return Consumer(config | counted, logger=logger)

    monkeypatch.setattr(readers, "Consumer", counting)
    whole = place()
    places = [Place(whole.topic, partition) for partition in range(4)]
    for number in range(20_000):
        for each in places:
            hub._producer.produce(each.topic, b"%0100d" % number, b"%d" % number, partition=each.partition)
        hub._producer.poll(0)
    hub.flush()
    reader, ends = read(30_000_000), Questions(hub.settings).highs(places)
    reader.follow(dict.fromkeys(places, 0))
    given = sum(1 for _ in reader.merged(ends))
    assert given == 80_000
    seen = len(told)
    while len(told) < seen + 2:
        list(reader.merged(ends))
        reader._consumer.poll(0.1)
    received = told[-1]["rxmsgs"]
    assert received < 3 * given


def test_what_was_rolled_back_is_not_given_and_an_open_transaction_is_waited_for(hub, read, place):
    """The end is the high watermark, markers included; the wait is interrupted by what `idle` raises."""
    first = place()
    hub.produce(first.topic, b"1", b"good")
    open_ = hub.transaction(first.topic)
    hub.produce(first.topic, b"2", b"good")
    questions = Questions(hub.settings)

    given = []

    def idle():
        if given:
            raise TimeoutError

    reader = read(idle=idle)
    reader.follow({first: 0})
    ends = questions.highs([first])
    assert ends[first] == 3
    with pytest.raises(TimeoutError):
        given.extend(iter_keys(reader.merged(ends), given))
    assert given == [b"1"]
    open_.abort_transaction(30)
    reader._idle = lambda: None
    assert [record.key for record in reader.merged(ends)] == [b"2"]
    assert reader.position(first) == 3
    assert list(reader.merged(questions.highs([first]))) == []
    assert reader.position(first) == 4


def test_what_retention_took_is_known_by_its_place(hub, read, place):
    """A reader that stands before the log's beginning says so, and goes on where the log begins."""
    first = place()
    for number in range(10):
        hub.produce(first.topic, b"%d" % number, b"x")
    admin = AdminClient(clients.base(hub.settings, "hub.admin"))
    (done,) = admin.delete_records([TopicPartition(first.topic, 0, 6)]).values()
    done.result()
    questions, reader = Questions(hub.settings), read()
    reader.follow({first: 2})
    low = questions.lows([first])[first]
    assert low == 6
    assert reader.stands_before(first, low)
    reader.skip(first, low)
    assert reader.heads(questions.ends([first]))[first].key == b"6"
    assert [record.offset for record in reader.upto(first, 10)] == [6, 7, 8, 9]


def iter_keys(records, given):
    """Note the keys one by one, so that those before an interruption stay noted."""
    for record in records:
        given.append(record.key)
    return ()
