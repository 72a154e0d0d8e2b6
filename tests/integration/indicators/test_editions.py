"""Editions: what is published, restated, sent, and shown over HTTP; on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import quote

import httpx
import pytest
from rdflib import QB, RDF, Graph

from hub.api import app
from hub.errors import BrokerUnavailableError
from hub.settings import Settings
from hub.store import figure_editions, indicators
from hub.store.indicators import Question
from streams.indicators import send
from tests.integration.cases.world import START
from tests.integration.indicators.conftest import rules, story

FIRST = datetime(2026, 11, 22, tzinfo=UTC)
STARTED = ("completion.started", "all", "all")


class Topic:
    """Takes what is sent; `fails` calls fail behind the last record, as when a broker goes away."""

    def __init__(self, fails=0):
        self.records = []
        self.fails = fails

    def publish(self, editions):
        self.records += [(each.key, each.document()) for each in editions]
        if self.fails:
            self.fails -= 1
            raise BrokerUnavailableError("hub.indicators could not be written: nothing answers.")


def publish(world, at=FIRST, **given):
    """Publish what differs."""
    return figure_editions.write(world.engine, rules(at=at, **given), publish=True)


def latest(world):
    """Return the newest editions by figure."""
    with world.engine.connect() as connection:
        return indicators.latest(connection)


def test_what_differs_becomes_an_edition_and_restates_the_one_before(told):
    """A second publication without news makes none; further cases make new editions, the old ones stay."""
    first = publish(told)
    assert len(first.editions) == len(first.figures.values)
    assert publish(told, FIRST + timedelta(hours=1)).editions == ()
    story(told.inbox, cases=6, first=40)
    told.fold(told.inbox.records())
    second = publish(told, FIRST + timedelta(hours=2))
    assert 0 < len(second.editions) < len(second.figures.values)
    found = latest(told)[STARTED]
    assert (found.number, found.restates, found.value.value) == (2, 1, 46)
    old = indicators.edition(told.engine, STARTED, 1)
    assert (old.restates, old.value.value, old.published_at) == (None, 40, FIRST)
    assert old.as_of.positions != found.as_of.positions
    assert dict(told.sql("SELECT partition, next FROM consumer_position")) == found.as_of.positions
    assert found.versions.journeys == ("licence@1",)


def test_a_figure_that_is_not_listed_any_more_is_restated_as_nothing(told):
    """Cases that were stuck went on: their figure was published, so its end is published too."""
    stuck = ("completion.stuck", "all", "agency=town")
    publish(told)
    assert latest(told)[stuck].value.value > 0
    told.sql("UPDATE journey_case SET stuck_at = NULL RETURNING 1")
    publish(told, FIRST + timedelta(hours=1))
    found = latest(told)[stuck]
    assert (found.number, found.value.value, found.value.suppressed) == (2, 0, False)


def test_an_edition_is_sent_again_until_it_is_marked(told):
    """A kill between writing to the topic and the mark sends the same keys and documents a second time."""
    written = publish(told)
    topic = Topic(fails=1)
    with pytest.raises(BrokerUnavailableError):
        send(told.engine, topic)
    assert send(told.engine, topic) == len(written.editions)
    assert send(told.engine, topic) == 0
    half = len(topic.records) // 2
    assert topic.records[:half] == topic.records[half:]
    assert len({key for key, _ in topic.records}) == half == len(written.editions)
    assert f"{'/'.join(STARTED)}/1" in dict(topic.records)


@pytest.fixture
def get(told):
    """Return a function: path -> response, over a world whose figures were published once."""
    publish(told, smallest=5)
    state = SimpleNamespace(engine=told.engine, settings=Settings())
    transport = httpx.ASGITransport(app.create(state))

    async def ask(path):
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    return lambda path: asyncio.run(ask(path))


def test_figures_over_http_are_the_newest_editions_page_by_page(get, told):
    """All pages together hold each figure once; filters narrow; live figures say as of when they stand."""
    listed, path = [], "/v1/indicators?limit=100"
    while path:
        page = get(path).json()
        listed += [(each["indicator"], each["period"], each["breakdown"]) for each in page["figures"]]
        path = page["next"] and f"/v1/indicators?limit=100&cursor={page['next']}"
    assert len(listed) == len(set(listed)) == len(latest(told))
    [figure] = get("/v1/indicators?id=completion.started&period=all&breakdown=all").json()["figures"]
    assert (figure["value"], figure["edition"], figure["title"]["fa"]) == (40, 1, "پرونده‌های آغازشده")
    live = get("/v1/indicators?live=true&id=completion.started&period=all&breakdown=all").json()
    assert live["figures"][0]["value"] == 40
    assert live["as_of"]["clock"] is not None
    assert get("/v1/indicators?id=completion.started&edition=2").json()["figures"] == []
    families = get("/v1/indicators?family=participation").json()
    assert {each["family"] for each in families["figures"]} == {"participation"}
    assert not any(each["measured_here"] for each in families["reference"])


def test_one_indicator_says_what_it_means_and_what_was_published(get):
    """The definition in both languages and every edition, also the replaced ones."""
    document = get("/v1/indicators/completion.in-time?period=all&breakdown=all").json()
    assert document["definition"]["title"]["en"] == "Share of cases ended in time"
    assert [each["edition"] for each in document["editions"]] == [1]
    assert document["editions"][0]["versions"]["definition"] == "completion.in-time@1"


def test_evidence_is_listed_and_hidden_where_the_figure_is(get, told):
    """A figure's link leads to its cases; a small group's figure lists none."""
    [figure] = get("/v1/indicators?id=completion.started&period=all&breakdown=all").json()["figures"]
    first = get(f"{figure['evidence']}&limit=30").json()
    second = get(f"{figure['evidence']}&limit=30&cursor={first['next']}").json()
    assert (len(first["evidence"]), len(second["evidence"]), second["next"]) == (30, 10, None)
    assert first["evidence"][0]["href"].startswith("/v1/cases/city/c")
    every = indicators.live(told.engine, Question(id="completion.started"), (), 1000)
    hidden = next(each for each in every if each["suppressed"])
    path = f"/v1/indicators/completion.started/evidence?period={hidden['period']}"
    answer = get(f"{path}&breakdown={quote(hidden['breakdown'])}").json()
    assert (answer["evidence"], answer["figure"]["value"]) == ([], None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/indicators/no.such", 404),
        ("/v1/indicators?id=no.such", 404),
        ("/v1/indicators?period=yesterday", 422),
        ("/v1/indicators?breakdown=nonsense", 422),
        ("/v1/indicators?family=none", 422),
        ("/v1/indicators?live=true&edition=1", 422),
        ("/v1/indicators?cursor=x", 400),
        ("/v1/indicators/completion.started/evidence?period=1999", 404),
        ("/v1/indicators/completion.started/evidence?cursor=W10", 400),
        ("/v1/obligations?state=none", 422),
        ("/v1/obligations?agency=UPPER", 422),
    ],
)
def test_what_cannot_be_asked_is_a_problem(get, path, status):
    """Each wrong question has its status, and a document that says why."""
    answer = get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_obligations_stand_with_degree_deadline_and_objections(told, get):
    """Who owes it, how far it has come, since when it is overdue, what follows, who objects."""
    deadline = START - timedelta(days=10)
    data = {
        "obligation_id": "o-1",
        "owner_agency": "city",
        "title_en": "Permits in time",
        "deadline_at": deadline,
        "measure": "share",
        "target": Decimal("0.9"),
        "consequence": "report to the board",
    }
    told.inbox.deliver("programme.obligation.declared.v1", agency="city", hours=-900, data=data)
    said = {"obligation_id": "o-1", "value": Decimal("0.45")}
    told.inbox.deliver("programme.obligation.progressed.v1", agency="city", hours=-800, data=said)
    against = {"obligation_id": "o-1", "indicator": "programme.degree", "grounds_en": "counted too early"}
    told.inbox.deliver("programme.obligation.objected.v1", agency="city", hours=-700, data=against)
    told.fold(told.inbox.records())
    publish(told, FIRST + timedelta(hours=1))
    document = get("/v1/obligations?agency=city").json()
    [found] = document["obligations"]
    assert document["states"] == {"overdue": 1}
    assert (found["obligation"], found["owner"], found["state"]) == ("o-1", "city", "overdue")
    assert (found["degree"], found["declared_value"], found["measured_value"]) == (0.5, 0.45, None)
    assert found["overdue_days"] > 100
    assert found["consequence"] == "report to the board"
    assert found["objections"][0]["grounds_en"] == "counted too early"
    assert get("/v1/obligations?agency=town").json()["obligations"] == []
    assert get("/v1/obligations?state=fulfilled").json()["obligations"] == []


def test_exports_hold_every_published_figure(get, told):
    """Rows as CSV and JSON have each figure once; the cube has those with a value."""
    every = latest(told)
    rows = list(csv.DictReader(io.StringIO(get("/exports/indicators.csv").text)))
    assert len(rows) == len(every)
    assert [each["flags"] for each in rows].count("c") == sum(
        each.value.suppressed for each in every.values()
    )
    document = get("/exports/indicators.json?family=completion&period=all").json()
    assert {each["period"] for each in document["rows"]} == {"all"}
    answer = get("/exports/indicators.ttl?id=completion.started")
    assert answer.headers["content-type"].startswith("text/turtle")
    cube = Graph().parse(data=answer.text, format="turtle")
    with_value = [
        each for key, each in every.items() if key[0] == STARTED[0] and each.value.value is not None
    ]
    assert len(list(cube.subjects(RDF.type, QB.Observation))) == len(with_value) > 3
