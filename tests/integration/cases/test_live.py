"""The live cases on real Kafka and PostgreSQL: every delivery once, whatever happens to the process."""

from __future__ import annotations

import signal
import time

import pytest
from confluent_kafka import Producer
from sqlalchemy import make_url, text

from hub.broker import clients
from hub.contracts import envelope, topics
from tests.integration.cases.house import OUTBOX, empty, memory, until
from tests.integration.cases.test_folding import busy_inbox
from tests.integration.cases.world import INBOX, Inbox

pytestmark = pytest.mark.slow
MIB = 2**20


def cases(house):
    return {caseid for (caseid,) in house.sql("SELECT caseid FROM journey_case")}


def submitted(*numbers, inbox=None, **given):
    """Return deliveries that open cases of these numbers."""
    inbox = inbox or Inbox()
    return [inbox.submit(f"city/{each}", each / 100, **given) for each in numbers]


def test_the_live_tables_are_those_of_a_clean_rebuild(house, database):
    """Through Faust in small batches; the group's offsets follow; SIGTERM drains and ends with code 0."""
    house.deliver(busy_inbox().records())
    child = house.start(batch_events=50)
    until(house.caught_up, house.log)
    child.terminate()
    assert child.wait(40) == 0, house.log()
    assert house.content() == house.clean(database)
    assert house.sql("SELECT count(*) FROM notice")[0][0] > 10
    assert house.mirrored() == house.places()


def test_what_was_rolled_back_is_never_seen(house):
    """Records of an aborted transaction lie in the log between others and are passed over, markers too."""
    inbox = Inbox()
    house.deliver(submitted(1, inbox=inbox))
    config = clients.writer(house.settings, topics.ADMIN_PRINCIPAL) | {"transactional.id": "hub.gate.aborts"}
    writer = Producer(config)
    writer.init_transactions(30)
    for numbers, end in (((2, 3), writer.abort_transaction), ((4,), writer.commit_transaction)):
        writer.begin_transaction()
        # The numbers of what is rolled back are given again.
        sequel = inbox if 4 in numbers else Inbox()
        house.deliver(submitted(*numbers, inbox=sequel), writer)
        end(30)
    house.start()
    until(lambda: cases(house) == {"city/1", "city/4"}, house.log)
    until(house.caught_up, house.log)
    assert cases(house) == {"city/1", "city/4"}


def test_what_cannot_be_handled_is_parked_and_the_rest_goes_on(house):
    """Undecodable bytes, a text that PostgreSQL cannot hold: class `processor`, and the next is folded."""
    inbox = Inbox()
    good, bad, worse, last = (
        *submitted(1, 2, inbox=inbox),
        *submitted(3, inbox=inbox, data={"province": "a\x00b"}),
        *submitted(4, inbox=inbox),
    )
    bad = bad.replace(value=b"\x00\x00\x00\x00\x01\xff")
    before = len(house.read(topics.PARKED))
    house.deliver([good, bad, worse, last])
    house.start()
    until(lambda: cases(house) == {"city/1", "city/4"}, house.log)
    news = [envelope.text_headers(each.headers) for each in house.read(topics.PARKED)][before:]
    refused = {envelope.text_headers(each.headers)["ce_id"] for each in (bad, worse)}
    assert {each["ce_id"] for each in news} == refused
    assert {each[envelope.REASON] for each in news} == {"processor"}
    assert all(each[envelope.ORIGIN].startswith(INBOX) for each in news)


@pytest.mark.destructive
def test_a_zombie_ends_and_writes_nothing(house, database):
    """Stopped while another takes its place, then continued: it ends by itself, and the rows hold."""
    records = busy_inbox(cases=8).records()
    middle = max(each.offset for each in records) // 2
    early = [each for each in records if each.offset <= middle]
    late = [each for each in records if each.offset > middle]
    house.deliver(early)
    zombie = house.start(batch_events=20)
    until(house.caught_up, house.log)
    zombie.send_signal(signal.SIGSTOP)
    successor = house.start(batch_events=20)
    house.deliver(late)
    until(house.caught_up, house.log)
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(60) == 1, house.log()
    assert "no longer" in house.log()
    # The place was not taken back, in turns, by one from the other.
    assert house.log().count("partitions taken over") == 2
    assert successor.poll() is None, house.log()
    assert house.content() == house.clean(database)


@pytest.mark.destructive
def test_a_database_away_is_waited_for_in_the_group(house):
    """Longer than a session: it keeps its place and its memory; asked to stop meanwhile, it stops."""
    child = house.start(batch_events=100)
    inbox = Inbox()
    house.deliver(submitted(1, inbox=inbox))
    until(lambda: cases(house) == {"city/1"}, house.log)
    name = make_url(house.settings.postgres.url.get_secret_value()).database
    server = house.engine.execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT 0"))
        _turn_away(connection, name)
        before = memory(child)
        house.deliver(submitted(*range(2, 6002), inbox=inbox, data={"service_id": "licence" + "x" * 5000}))
        time.sleep(12)
        assert child.poll() is None, house.log()
        assert memory(child) - before < 120 * MIB
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT -1"))
        until(lambda: len(cases(house)) == 6001, house.log)
        assert house.log().count("partitions taken over") == 1
        _turn_away(connection, name)
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT 0"))
        house.deliver(submitted(7000, inbox=inbox))
        time.sleep(1)
        child.terminate()
        assert child.wait(40) == 0, house.log()
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT -1"))


def _turn_away(connection, name):
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    connection.execute(text(f"{query} AND pid <> pg_backend_pid()"), {"name": name})


def test_a_notice_is_published_once_whatever_is_known_of_it(house):
    """Marked or not, on the outbox, or long gone from there but received: it is not said again."""
    inbox = busy_inbox(cases=12)
    house.deliver(inbox.records())
    child = house.start()
    count = lambda: house.sql("SELECT count(*) FROM notice")[0][0]  # noqa: E731
    unsent = "SELECT count(*) FROM notice WHERE id NOT IN (SELECT id FROM notice_sent)"
    until(lambda: house.caught_up() and house.sql(unsent) == [(0,)], house.log)
    told = sorted(house.ids(OUTBOX))
    assert told == sorted(id_ for (id_,) in house.sql("SELECT id FROM notice"))
    assert len(told) == count() > 10
    _again(house, child)
    child = house.start()
    until(lambda: house.sql(unsent) == [(0,)], house.log)
    assert sorted(house.ids(OUTBOX)) == told
    # What the gate delivered stays with supervision when the outbox has lost it.
    for each in house.read(OUTBOX):
        headers = envelope.text_headers(each.headers)
        type_, caseid, id_ = headers["ce_type"], headers["ce_caseid"], headers["ce_id"]
        house.deliver([inbox.deliver(type_, caseid, agency="hub", id=id_, data=DATA[type_])])
    until(house.caught_up, house.log)
    _again(house, child)
    empty(house.settings, OUTBOX)
    house.start()
    until(lambda: house.sql(unsent) == [(0,)], house.log)
    assert house.ids(OUTBOX) == []


def _again(house, child):
    """Let a process have died between publishing and marking."""
    child.terminate()
    child.wait(40)
    house.sql("DELETE FROM notice_sent RETURNING id")


DATA = {
    "hub.step.due.v1": {"journey": "licence", "step_id": "check"},
    "hub.step.overdue.v1": {"journey": "licence", "step_id": "check"},
    "hub.step.escalated.v1": {"journey": "licence", "step_id": "check", "level": 1},
    "hub.sub-case.ended.v1": {"journey": "inspection", "sub_case": "health/0"},
}


def test_the_clock_is_told_once_by_everybody_who_tells_it(house):
    """Two processes in real time share the partitions; a tick told again at a hand-over is the same."""
    for slot in range(2):
        house.start(slot=slot, tick_seconds=2)
    until(lambda: len({each.partition for each in house.read(OUTBOX)}) == 4, house.log)
    time.sleep(5)
    found = house.read(OUTBOX)
    ids = [envelope.text_headers(each.headers)["ce_id"] for each in found]
    assert [id_.split("/")[2] for id_ in ids] == [str(each.partition) for each in found]
    assert len({(id_, each.value) for id_, each in zip(ids, found, strict=True)}) == len(set(ids))
    moments = {id_.split("/")[1] for id_ in ids}
    assert len(moments) >= 2
