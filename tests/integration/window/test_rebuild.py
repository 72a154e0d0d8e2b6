"""`hub rebuild projector` beside a live projector: the same tables, at once or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import text

from hub.broker import clients
from hub.broker.desired import admin
from hub.contracts import topics
from hub.contracts.names import EventType
from hub.launch.environment import child_environment
from hub.store.shadow import SCHEMA
from hub.store.tables import metadata

INBOX = topics.inbox(topics.WINDOW)
DISCARDED = EventType("hub.parked.discarded.v1")
DECLARED = EventType("catalogue.service.declared.v1")
COMMAND = [sys.executable, "-c", "from hub.cli import main; main()", "rebuild", "projector", "--json"]
CONTENT = (
    'SELECT md5(string_agg(f::text, chr(10) ORDER BY partition, "offset")) FROM feed f',
    "SELECT md5(string_agg(c::text, chr(10) ORDER BY kind, agency, id)) FROM catalogue c",
    "SELECT md5(string_agg(r::text, chr(10) ORDER BY r::text)) FROM route_sequence r",
    "SELECT string_agg(concat_ws('/', partition, kind, expected, found), ' ') FROM sequence_fault",
)


def start(window, *arguments):
    """Start `hub rebuild projector` on the window's database."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=child_environment(window.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Return exit code, the JSON object (None where there is none) and what was said on stderr."""
    out, errors = process.communicate(timeout=60)
    return process.returncode, json.loads(out)["projector"] if out else None, errors


def content(window):
    return [window.sql(query)[0][0] for query in CONTENT]


def leftovers(window):
    return window.sql("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:name)", name=SCHEMA)


@pytest.fixture
def whole(window):
    """Give the window an inbox whose log begins at offset 0."""
    client = AdminClient(clients.base(window.settings, topics.ADMIN_PRINCIPAL))
    for future in client.delete_topics([INBOX]).values():
        future.result()
    deadline = time.monotonic() + 30
    while INBOX in client.list_topics(timeout=10).topics:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    admin.ensure_topics(window.settings, topics.agency_topics(topics.WINDOW))
    return window


@pytest.fixture
def filled(whole, step, poll_until):
    """Fill tables by a live projector: rows, a broken sequence, the catalogue, what is parked and settled."""
    for number in range(1, 301):
        data = {"service_id": "bad\x00id"} if number == 17 else None
        whole.deliver(step(number), seq=number + (number > 200), data=data)
    whole.deliver(step(301), seq=302, value=b"\x00\x00\x00\x00\x01\xff")
    for number in range(5):
        event = step(1000 + number, type_=DECLARED, caseid=None, subject=f"s-{number % 3}")
        data = {"service_id": f"s-{number % 3}", "title_en": str(number)}
        whole.deliver(event, seq=number + 1, partition=1, data=data)
    whole.deliver(
        step(1, agency="hub", type_=DISCARDED, caseid=None),
        seq=1,
        topic=topics.inbox(topics.HUB),
        data={"origin": f"{INBOX}/0/16", "discarded_by": "a-person"},
    )
    whole.flush()
    whole.start()
    places = "SELECT partition, next FROM consumer_position WHERE consumer = 'projector' ORDER BY partition"
    poll_until(lambda: whole.sql(places) == [(0, 301), (1, 5)], whole.log)
    settled = (
        "SELECT 1 FROM parked WHERE origin_topic = :topic AND state = 'discarded' AND origin_offset = 16"
    )
    poll_until(lambda: whole.sql(settled, topic=INBOX), whole.log)
    return whole


def test_a_damaged_database_is_built_again_while_deliveries_flow_and_readers_read(filled, step, poll_until):
    """--check names table and counts and changes nothing; without it the new tables take over at once."""
    good = content(filled)
    assert finish(start(filled, "--check"))[:2][0] == 0
    with filled.engine.begin() as connection:
        connection.execute(text('DELETE FROM feed WHERE "offset" % 10 = 3 AND partition = 0'))
        connection.execute(text("UPDATE feed SET purpose = 'other' WHERE seq = 8"))
        connection.execute(text("UPDATE catalogue SET events = events + 1 WHERE id = 's-1'"))
        connection.execute(text("UPDATE route_sequence SET last = 7"))
        connection.execute(text("UPDATE parked SET state = 'open' WHERE state = 'discarded'"))
    bad = content(filled)
    code, told, _ = finish(start(filled, "--check"))
    assert code == 1
    found = {name: (each["only_live"], each["only_rebuilt"]) for name, each in told["tables"].items()}
    parked = found.pop("parked")
    assert parked[0] == parked[1] > 0
    assert {name: each for name, each in found.items() if each != (0, 0)} == {
        "feed": (1, 31),
        "catalogue": (1, 1),
        "route_sequence": (2, 2),
    }
    assert (content(filled), leftovers(filled)) == (bad, [])

    counts, flowing = [], threading.Event()
    reader = threading.Thread(target=_read_on, args=(filled, counts, flowing))
    writer = threading.Thread(target=_deliver_on, args=(filled, step, flowing))
    flowing.set()
    reader.start()
    writer.start()
    try:
        code, told, errors = finish(start(filled))
    finally:
        flowing.clear()
        writer.join()
        reader.join()
    assert code == 0, errors
    assert told["replaced"]
    last = int(filled.sql("SELECT coalesce(max(seq), 0) FROM feed WHERE agreement = 'flow@1'")[0][0])
    assert last > 0
    assert counts == sorted(counts), "a reader saw fewer rows than before"
    poll_until(lambda: filled.seqs("flow") == list(range(1, _sent + 1)), filled.log)
    with filled.engine.begin() as connection:
        connection.execute(text("DELETE FROM feed WHERE agreement = 'flow@1'"))
        connection.execute(text("DELETE FROM route_sequence WHERE route LIKE 'flow/%'"))
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert content(filled) == good
    assert [child.poll() for child in filled.children] == [None], filled.log()
    assert leftovers(filled) == []


_sent = 0


def _deliver_on(window, step, flowing):
    global _sent  # noqa: PLW0603 - one thread counts
    _sent = 0
    while flowing.is_set():
        _sent += 1
        window.deliver(step(2000 + _sent), seq=_sent, route="flow", partition=3)
        window.flush()
        time.sleep(0.01)


def _read_on(window, counts, flowing):
    while flowing.is_set():
        counts.append(window.sql("SELECT count(*) FROM feed WHERE partition = 3")[0][0])


@pytest.mark.destructive
@pytest.mark.parametrize(
    ("lock", "arguments"),
    [("ACCESS EXCLUSIVE", ["--check"]), ("ACCESS SHARE", [])],
    ids=["compares", "takes over"],
)
def test_killed_in_the_middle_it_leaves_the_live_tables_whole(filled, step, poll_until, lock, arguments):
    """Another is refused meanwhile; after kill -9 the projector goes on, and the next one clears up."""
    good = content(filled)
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query ILIKE '%feed%'"
    )
    with filled.engine.connect() as holder, holder.begin():
        holder.execute(text(f"LOCK TABLE feed IN {lock} MODE"))
        victim = start(filled, *arguments)
        poll_until(lambda: filled.sql(waiting), "the rebuild to wait")
        code, _, errors = finish(start(filled, "--check"))
        assert (code, errors) == (
            1,
            "hub: another rebuild is at work on this database. Wait for its end.\n",
        )
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
    assert leftovers(filled) != []
    filled.deliver(step(302), seq=302)
    filled.flush()
    poll_until(lambda: 302 in filled.seqs(), filled.log)
    code, told, errors = finish(start(filled))
    assert (code, told["same"]) == (0, True), errors
    assert "interrupted rebuild" in errors
    with filled.engine.begin() as connection:
        connection.execute(text("DELETE FROM feed WHERE seq = 302"))
        connection.execute(text("UPDATE route_sequence SET last = 301 WHERE last = 302"))
    assert content(filled) == good


def test_what_the_log_has_lost_is_not_thrown_away(filled):
    """The log begins later now: the live rows of before are all there is, and stay."""
    client = AdminClient(clients.base(filled.settings, topics.ADMIN_PRINCIPAL))
    for future in client.delete_records([TopicPartition(INBOX, 0, 100)]).values():
        future.result()
    good = content(filled)
    code, _, errors = finish(start(filled))
    assert code == 1
    assert f"{INBOX}/0 begins at offset 100" in errors
    assert "99 of feed" in errors
    assert content(filled) == good


def test_a_database_of_another_log_is_refused(filled):
    """A position beyond the log's end: one sentence, nothing is changed."""
    with filled.engine.begin() as connection:
        connection.execute(text("UPDATE consumer_position SET next = 9999 WHERE partition = 1"))
    code, _, errors = finish(start(filled, "--check"))
    assert code == 1
    assert "do not belong together" in errors
    assert leftovers(filled) == []
