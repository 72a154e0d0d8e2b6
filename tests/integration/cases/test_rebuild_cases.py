"""`hub rebuild cases`: the same tables from the log; a damaged database is mended, and nothing is told."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hub.broker.registry_topic import read_registry
from hub.cli.app import app
from hub.contracts import topics
from hub.journeys.book import Book
from hub.launch.environment import child_environment
from hub.launch.rebuild import run
from hub.store import tables
from tests.integration.cases.house import anew
from tests.integration.cases.test_folding import busy_inbox
from tests.integration.cases.world import INBOX, World

pytestmark = pytest.mark.slow


@pytest.fixture
def filled(house):
    """Give a house whose database holds a busy inbox, folded in small batches; one notice of it was sent."""
    # A log that has lost its beginning, as others leave it here, gives nothing back.
    anew(house.settings, INBOX)
    house.deliver(busy_inbox(cases=12).records())
    world = live(house)
    records = house.read(INBOX)
    for number in range(0, len(records), 37):
        world.fold(records[number : number + 37])
    house.sql("INSERT INTO notice_sent SELECT id, now() FROM notice ORDER BY id LIMIT 1 RETURNING id")
    house.sql("DELETE FROM figure_due RETURNING month")
    return house


def live(house):
    """Return an instance that folds into the house's database, by the registry in force."""
    book = Book(read_registry(house.settings, topics.READER_PRINCIPAL).editions())
    world = World(house.engine)
    world.folding = world.runner(books=lambda: book)
    return world


def told(outcome):
    return {each.table: (each.only_live, each.only_rebuilt) for each in outcome.tables if not each.same}


def test_tables_are_built_again_from_the_log_as_they_were(filled):
    """--check finds no difference; damage is found by table and replaced, and figures are due again."""
    good = filled.content()
    same = run.rebuild(filled.settings, "cases", check=True, say=lambda _: None)
    assert (same.same, same.replaced, told(same)) == (True, False, {})
    assert same.records == len(filled.read(INBOX))
    assert {each.table for each in same.tables} == set(good)

    filled.sql("UPDATE journey_case SET holder = 'nobody' WHERE caseid = 'city/1' RETURNING caseid")
    filled.sql("DELETE FROM case_step WHERE caseid = 'city/2' AND step = 'check' RETURNING caseid")
    sent = filled.sql("SELECT id FROM notice_sent")
    unknown = filled.sql("DELETE FROM notice WHERE id = (SELECT max(id) FROM notice) RETURNING id")
    filled.sql("UPDATE handover SET count = count + 1 RETURNING count")
    pairs = len(good["handover"])
    damaged = {"journey_case": (1, 1), "case_step": (0, 1), "notice": (0, 1), "handover": (pairs, pairs)}
    outcome = run.rebuild(filled.settings, "cases", check=False, say=lambda _: None)
    assert (told(outcome), outcome.replaced) == (damaged, True)
    assert filled.content() == good
    # What the live cases did not come to counts as told: nobody publishes it now.
    assert filled.sql("SELECT id FROM notice_sent ORDER BY id") == sorted(sent + unknown)
    assert filled.ids(topics.outbox(topics.HUB)) == []
    assert ("licence", "2026-05") in filled.sql("SELECT journey, month FROM figure_due")


def test_the_live_folding_goes_on_after_a_rebuild(filled):
    """Places stay as they were; what comes next is folded into the new tables."""
    inbox = busy_inbox(cases=12)
    world = live(filled)
    run.rebuild(filled.settings, "cases", check=False, say=lambda _: None)
    more = [inbox.submit(f"city/new-{number}", 300) for number in range(8)]
    filled.deliver(more)
    world.fold(filled.read(INBOX))
    assert filled.sql("SELECT count(*) FROM journey_case WHERE caseid LIKE 'city/new-%'") == [(8,)]
    went_on = filled.content()
    assert went_on == filled.clean(filled.engine)


def test_the_command_names_every_table(filled, monkeypatch):
    """`hub rebuild cases --check --json` says of each table whether it is the same."""
    for name, value in child_environment(filled.settings).items():
        monkeypatch.setenv(name, value)
    filled.sql("UPDATE rating_tally SET count = 9 RETURNING count")
    result = CliRunner().invoke(app, ["rebuild", "cases", "--check", "--json"])
    assert result.exit_code == 1, result.output
    found = json.loads(result.stdout)["cases"]
    assert set(found["tables"]) == set(filled.content())
    different = {name for name, each in found["tables"].items() if not each["same"]}
    assert different == {tables.rating_tally.name}
