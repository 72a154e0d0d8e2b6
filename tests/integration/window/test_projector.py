"""The projector on real Kafka and PostgreSQL: every delivery once, whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import text

from hub.broker import clients
from hub.contracts import envelope, topics
from hub.contracts.names import EventType

INBOX = topics.inbox(topics.WINDOW)
DECLARED = EventType("catalogue.service.declared.v1")
CHANGED = EventType("catalogue.service.changed.v1")


def parked(settings, seen=()):
    """Return the records of hub.parked as (headers, key, value), without those seen before."""
    consumer = Consumer(
        clients.reader(settings, topics.ADMIN_PRINCIPAL, "hub.tests") | {"enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topics.PARKED, each, 0) for each in range(topics.DEFAULT_PARTITIONS)])
    found, ends = [], 0
    while ends < topics.DEFAULT_PARTITIONS:
        for message in consumer.consume(500, 1):
            if message.error():
                ends += 1
            else:
                found.append((message.headers(), message.key(), message.value()))
    consumer.close()
    return [each for each in found if each not in seen]


def committed(settings):
    """Return the sum of what the window's group has committed."""
    consumer = Consumer(clients.reader(settings, topics.ADMIN_PRINCIPAL, topics.group(topics.WINDOW)))
    places = consumer.committed(
        [TopicPartition(INBOX, each) for each in range(topics.DEFAULT_PARTITIONS)], timeout=10
    )
    ends = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]
    consumer.close()
    return all(end in (place.offset, 0) for place, end in zip(places, ends, strict=True))


def test_every_delivery_becomes_one_row_and_its_offset_is_committed(window, step, poll_until):
    """Rows hold what the delivery said; the Kafka group follows, so that the ledger says *delivered*."""
    for number in range(1, 201):
        window.deliver(step(number, channel="online"), seq=number, masked="handled_by,supervised_by")
    window.flush()
    window.start()
    poll_until(lambda: len(window.seqs()) == 200, window.log)
    (row,) = window.sql(
        "SELECT agency, type, time, caseid, channel, masked, data->>'service_id', purpose, origin_topic,"
        " subsystem FROM feed WHERE event_id = 'e-town-3'"
    )
    assert row == (
        "town",
        "service.step.completed.v1",
        "2026-03-21T08:30:00+03:30",
        "town/c-3",
        "online",
        ["handled_by", "supervised_by"],
        "s-1",
        "single-window",
        "agency.town.outbox",
        None,
    )
    poll_until(lambda: committed(window.settings), window.log)
    assert window.sql("SELECT count(*) FROM sequence_fault") == [(0,)]


def test_a_restart_goes_on_where_the_database_says(window, step, poll_until):
    """SIGTERM ends it cleanly with code 0; the second start reads nothing twice."""
    for number in range(1, 51):
        window.deliver(step(number), seq=number)
    window.flush()
    first = window.start()
    poll_until(lambda: len(window.seqs()) == 50, window.log)
    first.terminate()
    assert first.wait(20) == 0, window.log()
    for number in range(51, 101):
        window.deliver(step(number), seq=number)
    window.flush()
    window.start()
    poll_until(lambda: len(window.seqs()) == 100, window.log)
    assert window.seqs() == list(range(1, 101))


@pytest.mark.destructive
def test_kill_between_flush_and_commit_loses_and_doubles_nothing(window, step, poll_until):
    """Rows are written, the transaction waits for a lock; kill -9 there: the successor writes them once."""
    for number in range(1, 501):
        window.deliver(step(number), seq=number)
    window.flush()
    with window.engine.connect() as holder, holder.begin():
        holder.execute(text("LOCK TABLE route_sequence IN EXCLUSIVE MODE"))
        victim = window.start(batch_events=100)
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%route_sequence%'"
        )
        poll_until(lambda: window.sql(waiting), window.log)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    assert window.seqs() == []
    window.start()
    poll_until(lambda: len(window.seqs()) == 500, window.log)
    assert window.seqs() == list(range(1, 501))
    assert window.sql("SELECT count(*) FROM sequence_fault") == [(0,)]


@pytest.mark.destructive
def test_a_zombie_cannot_write_after_its_successor_has_taken_over(window, step, poll_until):
    """A projector that was stopped while another took its place leaves with an error, and adds no row."""
    for number in range(1, 11):
        window.deliver(step(number), seq=number)
    window.flush()
    zombie = window.start()
    poll_until(lambda: len(window.seqs()) == 10, window.log)
    zombie.send_signal(signal.SIGSTOP)
    window.start()
    for number in range(11, 111):
        window.deliver(step(number), seq=number)
    window.flush()
    poll_until(lambda: len(window.seqs()) == 110, window.log)
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(60) == 1, window.log()
    assert "another process" in window.log() or "no longer the one" in window.log(), window.log()
    assert window.seqs() == list(range(1, 111))


def test_a_delivery_that_cannot_be_understood_is_parked_and_the_rest_goes_on(window, step, poll_until):
    """Undecodable bytes and a missing header: class `processor`, original bytes kept, the place passed."""
    before = parked(window.settings)
    window.deliver(step(1), seq=1)
    window.deliver(step(2), seq=2, value=b"\x00\x00\x00\x00\x01\xff")
    window.deliver(step(3), seq=2, accepted_at=None)
    window.deliver(step(4), seq=2)
    window.flush()
    window.start()
    poll_until(lambda: window.seqs() == [1, 2], window.log)
    news = parked(window.settings, before)
    assert len(news) == 2
    headers, key, value = next(each for each in news if each[2].endswith(b"\xff"))
    assert (key, value) == (b"town/c-2", b"\x00\x00\x00\x00\x01\xff")
    told = dict(headers)
    assert told[envelope.REASON] == b"processor"
    assert told[envelope.ORIGIN].startswith(INBOX.encode())
    assert told["ce_id"] == b"e-town-2"
    assert window.sql("SELECT count(*) FROM sequence_fault") == [(0,)]


def test_a_value_that_the_database_cannot_hold_is_parked_alone(window, step, poll_until):
    """A NUL in a text is valid Avro and no PostgreSQL text; of its batch only that delivery is parked."""
    before = parked(window.settings)
    for number in range(1, 41):
        data = {"service_id": "bad\x00id" if number == 17 else "s-1"}
        window.deliver(step(number), seq=number, data=data)
    window.flush()
    window.start()
    poll_until(lambda: len(window.seqs()) == 39, window.log)
    assert window.seqs() == [number for number in range(1, 41) if number != 17]
    assert len(parked(window.settings, before)) == 1
    assert window.sql("SELECT count(*) FROM sequence_fault") == [(0,)]


def test_a_break_in_the_sequence_is_told_and_hides_nothing(window, step, poll_until):
    """A gap and a repeat each leave a row, a log line; the deliveries are kept."""
    for seq in (1, 2, 5, 5, 6):
        window.deliver(step(seq), seq=seq)
    window.flush()
    window.start()
    poll_until(lambda: len(window.seqs()) == 5, window.log)
    assert window.sql("SELECT kind, expected, found FROM sequence_fault ORDER BY id") == [
        ("gap", 3, 5),
        ("repeat", 6, 5),
    ]
    assert '"kind": "gap"' in window.log()


@pytest.mark.destructive
def test_a_database_that_goes_away_is_waited_for(window, step, poll_until):
    """Connections are cut in mid-work again and again; every delivery is there once, none is parked."""
    before = parked(window.settings)
    window.start(batch_events=20)
    for number in range(1, 401):
        window.deliver(step(number), seq=number)
        if number % 50 == 0:
            window.flush()
            window.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    window.flush()
    poll_until(lambda: len(window.seqs()) == 400, window.log)
    assert window.seqs() == list(range(1, 401))
    assert parked(window.settings, before) == []


def test_the_catalogue_holds_what_was_accepted_last(window, step, poll_until):
    """The change arrives before the declaration, from another partition: the later acceptance wins."""
    later, earlier = "2026-11-22T06:00:00.000Z", "2026-11-22T05:00:00.000Z"
    change = step(1, type_=CHANGED, caseid=None, subject="s-1")
    declare = step(2, type_=DECLARED, caseid=None, subject="s-1")
    new = {"service_id": "s-1", "title_en": "New", "state": "connected"}
    window.deliver(change, seq=1, partition=1, data=new, accepted_at=later)
    window.flush()
    window.start()
    poll_until(lambda: window.sql("SELECT 1 FROM catalogue"), window.log)
    window.deliver(declare, seq=1, data={"service_id": "s-1", "title_en": "Old"}, accepted_at=earlier)
    window.flush()
    poll_until(lambda: window.sql("SELECT 1 FROM catalogue WHERE events = 2"), window.log)
    rows = window.sql("SELECT kind, agency, id, type, data->>'title_en', data->>'state' FROM catalogue")
    assert rows == [("service", "town", "s-1", CHANGED, "New", "connected")]
    (first,) = window.sql("SELECT first_accepted_at < accepted_at FROM catalogue")
    assert first == (True,)


def test_a_database_of_another_log_is_refused_in_one_sentence(window, step):
    """The position is beyond the log's end: exit 1 with what to do, nothing written."""
    with window.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO consumer_position VALUES ('projector', :topic, 0, 999999999)"), {"topic": INBOX}
        )
    window.deliver(step(1), seq=1)
    window.flush()
    child = window.start()
    assert child.wait(30) == 1
    told = json.loads(window.log().strip().splitlines()[-1])
    assert "do not belong together" in told["error"]
    assert window.seqs() == []


def test_eight_thousand_rows_a_second_are_in_reach(window, step, poll_until, capsys):
    """Not a timed promise: prints the speed of a catch-up so that a change for the worse is seen."""
    total = 20_000
    for number in range(1, total + 1):
        window.deliver(step(number), seq=(number - 1) // 4 + 1, partition=number % 4)
    window.flush()
    started = time.monotonic()
    window.start()
    count = lambda: window.sql("SELECT count(*), count(DISTINCT (partition, seq)) FROM feed")[0]  # noqa: E731
    poll_until(lambda: count() == (total, total), window.log)
    with capsys.disabled():
        print(f" [projector: {total / (time.monotonic() - started):,.0f} events/s with its start]")  # noqa: T201
