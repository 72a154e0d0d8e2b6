"""The journeys' routes over the example registry, without a server."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
import pytest

from hub import resources
from hub.api import app
from hub.contracts.schemas import Contracts
from hub.registry.files import load
from hub.registry.records import RegistryReader, encode_edition, number


@pytest.fixture(scope="module")
def get():
    """Return a function: path -> response."""
    reader = RegistryReader()
    for record in encode_edition(number(load(resources.folder("registry"), Contracts.load()), reader)):
        reader.feed(*record)
    state = SimpleNamespace(registry=lambda: reader.current)
    transport = httpx.ASGITransport(app.create(state))

    async def ask(path):
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    return lambda path: asyncio.run(ask(path))


def test_journeys_are_listed_with_steps_owners_and_deadlines(get):
    """The list says of each journey who does what until when, by which version and calendar."""
    document = get("/v1/journeys").json()
    assert document["registry"] == 1
    found = {each["id"]: each for each in document["journeys"]}
    assert sorted(found) == [each["id"] for each in document["journeys"]]
    loan = found["loan"]
    assert (loan["version"], loan["calendar"]) == (1, "iran-offices@1")
    assert loan["title"]["fa"]
    income = next(step for step in loan["steps"] if step["id"] == "income")
    assert (income["owners"], income["deadline"]["within"]) == (["tax"], "3 working days")
    assert found["permit-receipt"]["deadline"]["field"] == "deadline_at"


def test_one_journey_shows_the_days_of_its_calendar(get):
    """A reader can check a deadline by hand: weekend, hours and every holiday are there."""
    document = get("/v1/journeys/birth").json()
    assert document["starts"][0]["proactive"]
    assert document["days"]["weekend"] == ["friday"]
    assert "2026-03-21" in document["days"]["holidays"]


def test_an_unknown_journey_is_not_found(get):
    """A problem, as everywhere."""
    answer = get("/v1/journeys/none")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
