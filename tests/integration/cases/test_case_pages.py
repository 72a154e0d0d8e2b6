"""Cases over HTTP, on a real PostgreSQL: pages, filters by the programme's clock, one case's timeline."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
import pytest

from hub.api import app
from hub.api.state import State
from hub.contracts.schemas import Contracts
from tests.integration.cases.world import BOOK, DECIDED, WITHDRAWN, Inbox

CLOCK = 24.0 * 60


@pytest.fixture
def ask(world):
    """Return a function: path -> status and document, over ten cases as of a clock sixty days on."""
    inbox = Inbox()
    for number in range(10):
        caseid = f"city/{number:02}"
        inbox.submit(caseid, number)
        if number < 4:
            inbox.step(caseid, "check", "tax", 30 if number else 300, data={"handled_by": "secret-7"})
            inbox.step(caseid, "visit", "health", 60 if number else 400)
            inbox.deliver(DECIDED, caseid, hours=70 if number else 500, data={"service_id": "licence"})
        elif number == 4:
            inbox.deliver(WITHDRAWN, caseid, hours=9, data={"service_id": "licence"})
    inbox.deliver("service.step.completed.v1", "tax/a b/%", agency="tax", data={"service_id": "other"})
    inbox.tick(CLOCK)
    world.fold(inbox.records())
    watch = SimpleNamespace(registry="read", book=BOOK, start=lambda: None)
    served = app.create(State(None, world.engine, Contracts.load(), watch, None))
    transport = httpx.ASGITransport(served, client=("127.0.0.1", 1))

    async def get(path, params):
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            found = await client.get(path, params=params)
        return found.status_code, found.json()

    return lambda path, **params: asyncio.run(get(path, params))


def ids(document):
    return [each["id"] for each in document["cases"]]


def test_pages_give_every_case_once_in_order(ask):
    """With a cursor that belongs to its filters."""
    seen, cursor = [], None
    while True:
        given = {"cursor": cursor} if cursor else {}
        _, page = ask("/v1/cases", limit=3, agency="city", **given)
        seen += ids(page)
        cursor = page["next"]
        if cursor is None:
            break
        kept = cursor
    assert seen == [f"city/{number:02}" for number in range(10)]
    status, problem = ask("/v1/cases", cursor=kept, agency="tax")
    assert (status, problem["type"].rsplit("/", 1)[-1]) == (400, "bad-cursor")


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"state": "completed"}, {0, 1, 2, 3}),
        ({"state": "withdrawn"}, {4}),
        ({"late": "true"}, {0, 5, 6, 7, 8, 9}),
        ({"late": "true", "state": "open"}, {5, 6, 7, 8, 9}),
        ({"late": "false"}, {1, 2, 3, 4}),
        ({"stuck": "true"}, {5, 6, 7, 8, 9}),
        ({"stuck": "false", "state": "open"}, set()),
    ],
)
def test_filters_judge_open_cases_by_the_clock(ask, filters, numbers):
    """Late is who ended after the deadline, or is open with it behind; stuck is who is open and silent."""
    _, page = ask("/v1/cases", agency="city", **filters)
    assert {int(each.partition("/")[2]) for each in ids(page)} == numbers


def test_one_case_is_told_with_what_is_next_and_without_persons(ask):
    """By the ids as they are, with spaces, slashes and percent signs."""
    status, case = ask("/v1/cases/city/05")
    assert status == 200
    assert case["next"][0]["step"] == "check"
    assert (case["next"][0]["rule"], case["next"][0]["late"]) == ("Tax Act, article 3", True)
    assert [each["means"][0]["kind"] for each in case["timeline"][:1]] == ["opened"]
    assert "secret-7" not in str(ask("/v1/cases/city/01"))
    assert ask("/v1/cases/tax/a%20b/%25")[1]["id"] == "tax/a b/%"
    assert ask("/v1/cases/city/none")[0] == 404
    assert ask("/v1/cases", agency="No Agency")[0] in (400, 422)
    assert ask("/v1/cases", wrong="x")[0] == 422
