"""The real broker refuses every agency what is not its own, and the hub's principals what is not theirs."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from hub.broker import clients
from hub.broker.desired.apply import apply
from hub.contracts import topics
from hub.registry.model import Agency, Registry, system_agencies

SECONDS = 15
KINDS = (topics.outbox, topics.inbox, topics.receipts)
HUB_TOPICS = (topics.REGISTRY, topics.PARKED, topics.LEDGER, topics.INDICATORS)


@pytest.fixture(scope="module")
def agencies(engines, fresh_agency_code):
    """Register two agencies beside the system's own; return the codes of all."""
    codes = [fresh_agency_code("acl") for _ in range(2)]
    own = {code: Agency(code, 0, "آزمون", "Test") for code in codes}
    apply(engines.settings, Registry(0, system_agencies() | own, {}), remove_agencies=True)
    return [*codes, topics.WINDOW, topics.SUPERVISION, topics.HUB]


@pytest.fixture(scope="module")
def login(engines):
    """Return a function: principal -> connection settings."""
    return lambda principal: clients.base(engines.settings, principal) | {"log_level": 0}


def _write_refusals(config, names, *, idempotent=True):
    """Try to write a record to each topic; return the names of those that were refused."""
    outcomes = {}
    producer = Producer(config | {"enable.idempotence": idempotent, "message.timeout.ms": SECONDS * 1000})
    for name in names:
        producer.produce(
            name, b"x", partition=0, on_delivery=lambda error, _, name=name: outcomes.update({name: error})
        )
    assert producer.flush(SECONDS) == 0
    return {name for name, error in outcomes.items() if error is not None and "AUTHORIZATION" in error.name()}


def _read_refusals(config, names, group):
    """Read each topic from its beginning; return those refused. The rest must show their end."""
    consumer = Consumer(
        config
        | {
            "group.id": group,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(names)
    answered, refused, deadline = set(), set(), time.monotonic() + SECONDS
    while answered | refused != set(names) and time.monotonic() < deadline:
        message = consumer.poll(0.1)
        if message is None or message.error() is None:
            continue
        outcome = refused if "AUTHORIZATION" in message.error().name() else answered
        outcome.add(message.topic())
    consumer.close()
    assert answered | refused == set(names)
    return refused


def _describe_refusals(config, names):
    """Ask for each topic's metadata; return those that were refused."""
    admin = AdminClient(config)
    found = {name: admin.list_topics(name, timeout=SECONDS).topics[name].error for name in names}
    return {name for name, error in found.items() if error is not None and "AUTHORIZATION" in error.name()}


def _commit(config, group, topic):
    """Commit an offset for a group that has no members."""
    admin = AdminClient(config)
    places = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 0)])
    (future,) = admin.alter_consumer_group_offsets([places]).values()
    for place in future.result(SECONDS).topic_partitions:
        if place.error is not None:
            raise KafkaException(place.error)


def _error_name(function):
    with pytest.raises(KafkaException) as caught:
        function()
    return caught.value.args[0].name()


def _foreign(code, agencies):
    return {kind(other) for other in agencies if other != code for kind in KINDS} | set(HUB_TOPICS)


def test_no_agency_writes_what_is_not_its_outbox(agencies, login):
    """Other agencies' topics, the hub's topics, and even its own inbox and receipts cannot be written."""
    for code in agencies:
        closed = _foreign(code, agencies) | {topics.inbox(code), topics.receipts(code)}
        assert _write_refusals(login(code), sorted(closed)) == closed


def test_no_agency_reads_what_is_not_addressed_to_it(agencies, login):
    """Other agencies' topics, the hub's topics, and its own outbox are closed for reading."""
    for code in agencies:
        closed = _foreign(code, agencies) | {topics.outbox(code)}
        assert _read_refusals(login(code), sorted(closed), topics.group(code)) == closed


def test_no_agency_sees_the_topics_of_others(agencies, login):
    """Not even partition counts of another agency's topics are told."""
    for code in agencies:
        closed = _foreign(code, agencies)
        assert _describe_refusals(login(code), sorted(closed)) == closed


def test_no_agency_commits_for_the_group_of_another(agencies, login):
    """A commit is what *delivered* means, so nobody makes one for somebody else or for the gate."""
    for code in agencies:
        for other in [each for each in agencies if each != code]:
            for group in (topics.group(other), f"{topics.group(other)}.copy", topics.GATE_GROUP):
                name = _error_name(lambda: _commit(login(code), group, topics.inbox(code)))  # noqa: B023
                assert name == "GROUP_AUTHORIZATION_FAILED"


def test_no_agency_opens_a_transaction(agencies, login):
    """A hanging transaction would hold the gate back; neither a foreign id nor one of its own is allowed."""
    for code in agencies:
        for id_ in (topics.gate_transactional_id(0), topics.REGISTRY, f"agency.{code}"):
            producer = Producer(login(code) | {"transactional.id": id_})
            name = _error_name(lambda: producer.init_transactions(SECONDS))  # noqa: B023
            assert name == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


def test_no_agency_creates_a_topic(agencies, login):
    """Topics come from the agency registry, also such as would bear the agency's own name."""
    for code in agencies:
        names = ["anything", f"agency.{code}.more"]
        admin = AdminClient(login(code))
        answers = admin.create_topics([NewTopic(name, 1, 1) for name in names])
        for future in answers.values():
            assert "AUTHORIZATION" in _error_name(future.result)


def test_an_agency_does_what_it_is_for(agencies, login):
    """It writes its outbox, reads its inbox and receipts, and commits for its own groups."""
    for code in agencies:
        own = login(code)
        readable = [topics.inbox(code), topics.receipts(code)]
        assert _write_refusals(own, [topics.outbox(code)]) == set()
        assert _describe_refusals(own, [topics.outbox(code), *readable]) == set()
        for group in (topics.group(code), f"{topics.group(code)}.copy"):
            assert _read_refusals(own, readable, group) == set()
            _commit(own, group, topics.inbox(code))


def test_a_code_that_begins_like_another_opens_nothing(engines, fresh_agency_code, login):
    """The group prefix of `a-1` ends in a dot, so it does not cover `a-10`'s groups."""
    short = fresh_agency_code("pre")
    long = f"{short}0"
    own = {code: Agency(code, 0, "آزمون", "Test") for code in (short, long)}
    apply(engines.settings, Registry(0, system_agencies() | own, {}), remove_agencies=True)
    name = _error_name(lambda: _commit(login(short), topics.group(long), topics.inbox(short)))
    assert name == "GROUP_AUTHORIZATION_FAILED"
    assert _read_refusals(login(short), [topics.inbox(long)], topics.group(short)) == {topics.inbox(long)}


def test_the_gate_writes_inboxes_and_its_own_topics_but_not_the_registry(agencies, login):
    """Who may receive what is not the gate's to change."""
    gate = login(topics.GATE_PRINCIPAL)
    writable = [topics.inbox(agencies[0]), topics.receipts(agencies[0]), topics.PARKED, topics.LEDGER]
    assert _write_refusals(gate, [*writable, topics.REGISTRY]) == {topics.REGISTRY}
    assert _read_refusals(gate, [topics.outbox(agencies[0]), topics.REGISTRY], topics.GATE_GROUP) == set()
    Producer(gate | {"transactional.id": topics.gate_transactional_id(63)}).init_transactions(SECONDS)


def test_the_projector_reads_the_windows_inbox_and_parks(agencies, login):
    """It sees no other inbox, writes to no agency, and commits for the window alone."""
    projector, window = login(topics.PROJECTOR_PRINCIPAL), topics.inbox(topics.WINDOW)
    others = {topics.inbox(agencies[0]), topics.REGISTRY}
    assert _read_refusals(projector, sorted({window} | others), topics.group(topics.WINDOW)) == others
    assert _write_refusals(projector, [window, topics.PARKED]) == {window}
    _commit(projector, topics.group(topics.WINDOW), window)
    name = _error_name(lambda: _commit(projector, topics.group(agencies[0]), window))
    assert name == "GROUP_AUTHORIZATION_FAILED"


def test_the_reader_reads_everything_and_writes_nothing(agencies, login):
    """API, CLI and audit run under it: no fault of theirs can change a log or move a group."""
    reader = login(topics.READER_PRINCIPAL)
    every = {kind(code) for code in agencies for kind in KINDS} | set(HUB_TOPICS)
    assert _read_refusals(reader, sorted(every), f"{topics.READER_PRINCIPAL}.test") == set()
    # Without a single topic to write to, it does not even get the id of an idempotent producer.
    assert _write_refusals(reader, sorted(every), idempotent=False) == every
    name = _error_name(lambda: _commit(reader, topics.group(agencies[0]), topics.inbox(agencies[0])))
    assert name == "GROUP_AUTHORIZATION_FAILED"
    asked = AdminClient(reader)
    (future,) = asked.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(topics.group(agencies[0]))]
    ).values()
    assert future.result(SECONDS).group_id == topics.group(agencies[0])
