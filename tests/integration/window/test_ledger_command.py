"""`hub ledger` on the audit's books in PostgreSQL: honest before the first cut, and when figures are old."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from hub.audit import sheet as sheets
from hub.audit.account import Changes
from hub.audit.books import Intake, Lane, LaneKey
from hub.cli.app import app
from hub.errors import HubError
from hub.launch.environment import child_environment
from hub.store import audit
from hub.store.engine import engine

ROUTE = "town-reg/service.step.completed.v1"


@pytest.fixture
def books(database, monkeypatch):
    """Give a function that writes what an audit would; the command line is on the same database."""
    for name, value in child_environment(database).items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    server = engine(database)

    def write(seconds_ago=0.0, missing=0, repaired=0, delivered=10):
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        intake = Intake("agency.town.outbox", 0, read=165_000, routed=164_999, parked={"decode": 1})
        lane = Lane(ROUTE, "agency.town.outbox", 0, "reg", 0, 10, delivered, missing=missing)
        key = LaneKey(ROUTE, "agency.town.outbox", 0)
        rows = {
            "intakes": [intake],
            "lanes": [lane],
            "repaired": {key: repaired},
            "arrived": {},
            "resent": {},
        }
        sheet = sheets.make(at, at, 0.0, **rows, source_of=lambda _: "town")
        kept = audit.Books(server)
        kept.load()
        kept.save(Changes([], [], [], [], b""), {}, audit.Complete(at, at, 0.0, sheet.to_json()))

    yield write
    server.dispose()


def told(*arguments):
    """Return exit code, output and the text of an error."""
    done = CliRunner().invoke(app, ["ledger", *arguments])
    error = done.exception if isinstance(done.exception, HubError) else None
    return (error.exit_code if error else done.exit_code), done.stdout, str(error or "")


@pytest.mark.parametrize(
    ("figures", "code", "says"),
    [
        ({}, 0, "every sum holds, no fault is open"),
        ({"missing": 1, "delivered": 9}, 1, f"missing 1: hub ledger explain {ROUTE}"),
        ({"missing": 1, "delivered": 9, "repaired": 1}, 0, "unaccounted 1, repaired 1, open 0"),
        ({"delivered": 9}, 1, "a sum does not hold"),
    ],
    ids=["all well", "a fault", "repaired", "a sum"],
)
def test_the_exit_code_is_the_verdict(books, figures, code, says):
    """A fault that is repaired still counts and is no longer open; a broken sum is wrong without a fault."""
    books(**figures)
    found, out, error = told()
    assert (found, error) == (code, ""), out
    assert says in out
    assert "165,000" in out
    found, out, _ = told("--json")
    line = json.loads(out)["routes"][0]
    assert found == code
    assert (line["route"], line["balanced"]) == (ROUTE, code == 0)


def test_before_the_first_complete_cut_there_are_no_figures(books):
    """Neither zeros nor a verdict: exit 1 and what to do."""
    assert books is not None
    code, out, error = told("--json")
    assert (code, out) == (1, "")
    assert "not completed its first count" in error
    assert "audit.log" in error


def test_old_figures_are_shown_with_their_age_and_end_with_1(books):
    """What balanced five minutes ago proves nothing of now."""
    books(seconds_ago=301)
    code, out, error = told("--json")
    assert code == 1
    assert json.loads(out)["age_seconds"] > 300
    assert "5 min old" in error
    books(seconds_ago=100)
    assert told()[0] == 0


def test_options_of_the_sheet_do_not_stray_to_a_subcommand(books):
    """`hub ledger --json explain R` would silently drop the option."""
    assert books is not None
    code, _, error = told("--json", "explain", ROUTE)
    assert code == 2
    assert "behind `hub ledger explain`" in error
