"""The demo's tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ConfigError
from hub.launch.demo import plan, tables

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=3, minutes=30))])
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=ZONES).map(  # noqa: DTZ001
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)


@given(st.lists(st.tuples(st.none() | st.text(), st.none() | TIMES), min_size=1))
def test_a_table_comes_back_as_it_was_written(tmp_path_factory, rows):
    """Text, times with their offsets and empty cells survive, whatever they are."""
    path = tmp_path_factory.mktemp("table") / "t.json.gz"
    table = tables.Table({"text": [row[0] for row in rows], "time": [row[1] for row in rows]})
    tables.write_table(table, path)
    read = tables.read_table(path)
    assert read.columns == table.columns
    offsets = [[cell and cell.utcoffset() for cell in each.columns["time"]] for each in (table, read)]
    assert offsets[0] == offsets[1]


def test_the_same_table_gives_the_same_bytes(tmp_path):
    """A derivation that is run again changes no file."""
    table = tables.Table({"a": ["x", None, "x"]})
    tables.write_table(table, tmp_path / "one")
    tables.write_table(table, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_damaged_table_is_one_sentence(tmp_path):
    """A broken installation names the file."""
    (tmp_path / "t.json.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigError, match=r"t\.json\.gz"):
        tables.read_table(tmp_path / "t.json.gz")


def test_the_data_stay_within_three_megabytes():
    """What the project carries of the logs is small."""
    sizes = [path.stat().st_size for path in plan.data_folder().rglob("*") if path.is_file()]
    assert sum(sizes) < 3_000_000


@pytest.mark.parametrize(
    ("agency", "cases", "events"),
    [
        ("municipality-1", 1199, 52217),
        ("municipality-2", 832, 44354),
        ("municipality-3", 1409, 59681),
        ("permit-office", 1434, 8577),
    ],
)
def test_every_case_and_event_of_the_logs_is_there(agency, cases, events):
    """The counts are those that an independent tool finds in the raw logs."""
    log = tables.read_log(plan.data_folder() / f"{agency}.json.gz")
    assert (log.cases.length, log.events.length, sum(log.sizes)) == (cases, events, events)
