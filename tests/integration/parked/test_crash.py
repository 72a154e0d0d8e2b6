"""Killed in the middle: a replay and its record never come apart, and the tables are right in any order."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from uuid import uuid4

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from pydantic import SecretStr
from sqlalchemy import make_url, text

from hub.api import app as application
from hub.api import state as state_module
from hub.broker import clients
from hub.broker.desk import originals, settling
from hub.broker.desk.desk import Desk
from hub.broker.desk.people import Person
from hub.broker.desk.settling import SETTLING, Order, settle
from hub.contracts import topics
from hub.contracts.names import EventType
from hub.errors import FencedError
from hub.host.process import Stop
from hub.parked.place import Place
from hub.settings import PostgresSettings
from hub.store import parked as tables
from hub.store.engine import engine
from hub.store.migrate import migrate
from streams.projector_parked import ParkedWriter

pytestmark = [pytest.mark.slow, pytest.mark.destructive]

SUBMITTED = EventType("service.request.submitted.v1")
ALI = Person("ali", "operator.ali")
TABLES = ("parked", "parked_settlement", "parked_request", "consumer_position")


def _events(office, origins):
    places = [Place.parse(each) for each in origins]
    found = tables.by_origin(office.engine, places)
    return [found[each].event for each in places]


def test_a_desk_that_died_in_mid_transaction_leaves_nothing_behind(fresh_office):
    """Its replay was on the broker, not committed: the next desk ends it, and sends one."""
    office = fresh_office
    (origin,) = office.park(id="half-done")
    office.apply(SUBMITTED)
    (event,) = _events(office, [origin])
    ((_, record),) = originals.records(office.settings, [event])
    earlier = Desk(office.settings, ALI.principal, SETTLING).__enter__()
    dead = Desk(office.settings, ALI.principal, SETTLING).__enter__()
    dead._producer.begin_transaction()
    replay = originals.replay_of(office.settings, record)
    dead._producer.produce(topics.outbox(topics.HUB), replay.value, replay.key, headers=replay.headers)
    assert dead._producer.flush(30) == 0
    outcome = settle(office.settings, Order("replay", ALI, "granted"), [event])
    assert [str(each) for each in outcome.done] == [origin]
    with pytest.raises(FencedError):
        dead._repeat(lambda: dead._producer.commit_transaction(5))
    with pytest.raises(FencedError):
        earlier.write([replay])
    office.until(lambda: office.states([origin]) == ["replayed"], "the settlement")
    office.until(lambda: office.delivered(["half-done"])[0] == [1], "the delivery")


def test_an_interrupted_bulk_goes_on_where_it_stopped(fresh_office, monkeypatch):
    """Killed after two of five: the next run sends the other three, whatever the tables know."""
    office = fresh_office
    ids = [f"bulk-{uuid4()}" for _ in range(5)]
    origins = [office.park(id=each)[0] for each in ids]
    office.apply(SUBMITTED)
    events = _events(office, origins)
    monkeypatch.setattr(settling, "_CHUNK_EVENTS", 2)

    def die(_):
        raise KeyboardInterrupt

    order = Order("replay", ALI, "granted")
    with pytest.raises(KeyboardInterrupt):
        settle(office.settings, order, events, die)
    outcome = settle(office.settings, order, events)
    assert (len(outcome.before), len(outcome.done), outcome.failed) == (2, 3, {})
    office.until(lambda: office.states(origins) == ["replayed"] * 5, "the settlements")
    office.until(lambda: office.delivered(ids)[0] == [1] * 5, "the deliveries")


def test_a_projector_killed_in_mid_transaction_goes_on(fresh_office):
    """Rows wait for a lock, kill -9: the successor writes each once, and tells the figures."""
    office = fresh_office
    before = office.sql("SELECT count(*) FROM parked")[0][0]
    with office.engine.connect() as holder, holder.begin():
        holder.execute(text("LOCK TABLE parked IN EXCLUSIVE MODE"))
        origins = [office.publish(*office.event(), partition=number % 4) for number in range(40)]
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%parked%'"
        office.until(lambda: office.sql(waiting), "the projector to wait")
        office.kill("projector")
    assert office.sql("SELECT count(*) FROM parked")[0][0] == before
    office.start("projector")
    office.until(lambda: len(office.rows(origins)) == 40, "the successor")
    assert office.sql("SELECT count(*) FROM parked")[0][0] == before + 40
    figure = 'hub_parked_open{agency="city",reason="not-allowed"}'
    office.until(lambda: figure in _figures(office), "the figures")


def test_the_order_of_the_topics_makes_no_difference_and_a_rebuild_is_identical(fresh_office):
    """Settlements first, parked events first, and live: the same rows. A second writer is fenced off."""
    office = fresh_office
    (origin,) = office.park()
    office.run("parked", "discard", origin, "--note", "for the order", "--as", "bita")
    office.until(lambda: office.states([origin]) == ["discarded"], "the settlement")
    both = (topics.PARKED, topics.inbox(topics.HUB))
    records = {topic: office.read(topic) for topic in both}
    contents = []
    for order in (both, both[::-1]):
        with _database(office.settings) as (fresh, _):
            for topic in order:
                writer, late = ParkedWriter(fresh, topic), ParkedWriter(fresh, topic)
                writer.load(range(4))
                late.load(range(4))
                for start in range(0, len(records[topic]), 7):
                    writer.write(records[topic][start : start + 7])
                with pytest.raises(FencedError):
                    late.write(records[topic])
            contents.append(_contents(fresh))
    assert contents[0] == contents[1]
    live = _contents(office.engine)
    assert contents[0]["parked"]
    assert {name: contents[0][name] for name in TABLES[:3]} == {name: live[name] for name in TABLES[:3]}


def test_a_record_that_nobody_can_read_is_passed(fresh_office):
    """Rubbish in hub.parked is logged; what comes behind it is there."""
    office = fresh_office
    office._producer.produce(topics.PARKED, b"rubbish", b"x", 0)
    office._producer.flush(30)
    (origin,) = office.park()
    assert office.states([origin]) == ["open"]
    assert "a record was passed" in office.log()


def test_the_groups_of_both_topics_follow(fresh_office):
    """What the projector has read counts as delivered to agency hub."""
    office = fresh_office
    (origin,) = office.park()
    office.run("parked", "discard", origin, "--note", "x", "--as", "ali")
    for topic, group in ((topics.PARKED, topics.PARKED_GROUP), (topics.inbox(topics.HUB), "agency.hub")):
        office.until(lambda topic=topic, group=group: _lag(office, topic, group) == 0, f"{group} to follow")


def test_the_api_lists_pages_and_names_no_contents(fresh_office):
    """Pages by cursor without gap or repeat; one by its origin; requests; wrong questions are problems."""
    office = fresh_office
    office.park(3)
    database = engine(office.settings)
    state = state_module.make(office.settings, database, Stop())
    client = _Client(application.create(state))
    seen, asked = [], {"limit": 2, "state": "all", "agency": "city"}
    while True:
        page = client.get("/v1/parked", params=asked).json()
        seen += [each["origin"] for each in page["parked"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    question = tables.Question(agency="city", state=None)
    expected = [str(each.event.origin) for each in tables.page(database, question, 999)]
    assert seen == expected
    assert len(set(seen)) == len(seen) >= 3
    one = client.get(f"/v1/parked/{seen[0]}").json()
    assert (one["origin"], one["agency"]) == (seen[0], "city")
    assert client.get("/v1/parked/agency.city.outbox/0/999999").status_code == 404
    assert client.get("/v1/parked/nowhere/x/y").status_code == 404
    assert client.get("/v1/parked", params={"cursor": "x"}).json()["type"].endswith("bad-cursor")
    assert client.get("/v1/parked", params={"since": "yesterday"}).status_code == 422
    assert client.get("/v1/parked", params={"agency": "no agency"}).status_code == 422
    assert isinstance(client.get("/v1/parked-requests").json()["requests"], list)
    database.dispose()


class _Client:
    def __init__(self, app):
        self._transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))

    def get(self, path, params=None):
        async def ask():
            async with httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1") as client:
                return await client.get(path, params=params)

        return asyncio.run(ask())


def _figures(office):
    with urllib.request.urlopen(f"http://127.0.0.1:{office.metrics_port}/metrics") as answer:
        return answer.read().decode()


def _lag(office, topic, group):
    consumer = Consumer(clients.reader(office.settings, topics.ADMIN_PRINCIPAL, group))
    places = consumer.committed([TopicPartition(topic, each) for each in range(4)], timeout=10)
    ends = [consumer.get_watermark_offsets(each, timeout=10)[1] for each in places]
    consumer.close()
    # A transaction's marker stands behind the last record; the group may stop before it.
    return sum(end > max(place.offset, 0) + 1 for place, end in zip(places, ends, strict=True))


def _contents(database):
    with database.connect() as connection:
        found = {name: connection.execute(text(f"SELECT * FROM {name}")).all() for name in TABLES}
    return {name: sorted(map(repr, rows)) for name, rows in found.items()}


@contextlib.contextmanager
def _database(settings):
    name = f"parked_{uuid4().hex[:12]}"
    server = engine(settings).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(settings.postgres.url.get_secret_value()).set(database=name)
    own = settings.model_copy(
        update={"postgres": PostgresSettings(url=SecretStr(url.render_as_string(hide_password=False)))}
    )
    migrate(own)
    fresh = engine(own)
    yield fresh, own
    fresh.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
