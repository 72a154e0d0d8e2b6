"""Any XES log: odd files are read as the rules say, and nothing is left out without being counted."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError
from hub.launch.demo import anylog, mapping, windows, xes
from hub.launch.demo.anylog import Source, local_id, spool

CONTRACTS = Contracts.load()
CODEC = Codec(CONTRACTS)
MAPPING = """
agency: town
service_id: things
zone: Europe/Amsterdam
events:
  - type: service.request.completed.v1
    when: {row: last, "case:end": present}
    fields: {completed_at: case:end}
  - {type: service.request.received.v1, when: {row: first}, fields: {received_at: "time:timestamp"}}
  - type: service.step.completed.v1
fields:
  activity_code: concept:name
  handled_by: {column: "org:resource", empty: [EMPTY]}
  group: org/unit
  retyped: again
  fee_amount: {column: fee, as: decimal}
  finished_at: done
first:
  deadline_at: case:due
channel: case:channel
"""


def trace(*events, **attributes):
    own = "".join(
        f'<string key="{key.replace("_", ":")}" value="{value}"/>' for key, value in attributes.items()
    )
    return f"<trace>{own}{''.join(events)}</trace>"


def event(time=None, name="act", more=""):
    when = f'<date key="time:timestamp" value="{time}"/>' if time else ""
    what = f'<string key="concept:name" value="{name}"/>' if name else ""
    return f"<event>{what}{when}{more}</event>"


def log(*traces, head=""):
    return f'<?xml version="1.0"?>{head}<log xmlns="http://www.xes-standard.org/">{"".join(traces)}</log>'


@pytest.fixture
def read(tmp_path):
    """Return a function: text of a log -> its events in the order of sending, and what was odd."""

    def read(text, rules=MAPPING, packed=False):
        path, at = tmp_path / "log.xes", tmp_path / "map.yaml"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        at.write_text(rules, encoding="utf-8")
        source = Source(path, mapping.load_checked(at, CONTRACTS), "town")
        made, told = spool(source, CODEC, tmp_path / "spool")
        return list(made.events()), told

    return read


DAY = "2026-03-0{}T00:00:00+01:00"


def test_equal_times_keep_the_order_of_the_file_and_cases_interleave(read):
    """By time over the log; where times tie the file's order counts, across traces too."""
    text = log(
        trace(
            event(DAY.format(2), "a1"),
            event(DAY.format(2), "a2"),
            event(DAY.format(3), "a3"),
            concept_name="a",
        ),
        trace(event(DAY.format(1), "b1"), event(DAY.format(2), "b2"), concept_name="b"),
    )
    events, told = read(text)
    assert [each.data["activity_code"] for each in events] == ["b1", "a1", "a2", "b2", "a3"]
    assert [each.id.rpartition("-")[2] for each in events] == ["1", "2", "3", "4", "5"]
    assert (told.events, told.odd) == (5, anylog.Oddities())
    assert read(text, packed=True)[0][0].caseid == "town/b"


def test_events_are_put_in_the_order_of_their_times_and_then_first_and_last_are_told(read):
    """A trace that runs backwards begins with its earliest event."""
    text = log(trace(event(DAY.format(3), "late"), event(DAY.format(1), "early"), concept_name="a"))
    events, _ = read(text)
    assert [each.type.split(".")[-2] for each in events] == ["received", "completed"]
    assert [each.data["activity_code"] for each in events] == ["early", "late"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T10:00:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-07-01T10:00:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00.1234567+03:30", datetime(2026, 3, 1, 6, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 2, 28, 23, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_their_offset_or_in_the_mappings_zone(read, text, moment):
    """Summer time and winter time by the zone's rules; microseconds are kept."""
    [found] = read(log(trace(event(text), concept_name="a")))[0]
    assert datetime.fromisoformat(found.time) == moment


def test_an_event_without_a_time_takes_that_of_the_event_before(read):
    """It is counted and kept; only a trace without any time is left out, and counted."""
    text = log(
        trace(event(None, "x"), event(DAY.format(2), "y"), event("soon", "z"), concept_name="a"),
        trace(event(None, "lost"), concept_name="b"),
        event(DAY.format(2), "outside"),
    )
    events, told = read(text)
    assert [each.data["activity_code"] for each in events] == ["x", "y", "z"]
    assert (told.odd.undated, told.odd.lost, told.odd.outside, told.odd.unreadable) == (2, 1, 1, 1)


def test_missing_names_nested_attributes_and_values_that_do_not_fit(read):
    """Nothing of that stops a log; what a field cannot hold is left out and counted by field."""
    more = (
        '<container key="org"><string key="unit" value="desk"/>'
        '<string key="concept:name" value="no"/></container>'
        '<boolean key="again" value="True"/><float key="fee" value="abc"/><string key="done" value="never"/>'
        '<string key="org:resource" value="EMPTY"/>'
    )
    text = log(
        '<extension name="Concept" prefix="concept" uri="x"/>',
        '<global scope="event"><string key="concept:name" value="default"/></global>',
        trace(event(DAY.format(1)), event(DAY.format(2), None, more), channel="pigeon"),
    )
    [first, found], told = read(text)
    assert first.caseid == found.caseid == "town/trace-1"
    assert (found.data["group"], found.data["retyped"], found.channel) == ("desk", True, None)
    assert found.data.keys().isdisjoint({"activity_code", "handled_by", "fee_amount", "finished_at"})
    assert told.unfit == {"channel": 2, "fee_amount": 1, "finished_at": 1}
    assert told.odd.unnamed == 1


def test_two_traces_of_one_name_are_one_case_with_ids_of_its_own(read):
    """As other tools read it: the case id decides."""
    text = log(*(trace(event(DAY.format(day)), concept_name="same") for day in (1, 2)))
    events, _ = read(text)
    assert Counter(each.caseid for each in events) == {"town/same": 2}
    assert len({each.id for each in events}) == 2


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("case-1", "case-1"), ("پرونده ۱", "پرونده ۱"), ("a/b c", "a/b c"), (" x ", "%20x%20"),
        ("50%", "50%25"), ("a\tb", "a%09b"), ("\u200f7", "%E2%80%8F7"),
    ],
)  # fmt: skip
def test_names_of_cases_become_ids_that_the_hub_takes(name, local):
    """Only what may not stand in an id is encoded."""
    assert local_id(name) == local
    assert envelope.split_case(f"town/{local_id(name)}")[1] == local


def test_a_log_that_is_cut_short_is_refused(tmp_path):
    """Half a gzipped file is no log."""
    path = tmp_path / "log.xes.gz"
    whole = gzip.compress(
        log(*(trace(event(DAY.format(1)), concept_name=str(n)) for n in range(900))).encode()
    )
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="cannot be read"):
        list(xes.traces(path, {"concept:name"}, UTC, xes.Oddities()))


def test_long_names_stay_apart():
    """They keep their beginning, and a digest tells them apart."""
    one, two = (local_id("x" * 300 + end) for end in "ab")
    assert one != two
    assert envelope.split_case(f"town/{one}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<log><trace></log>", "line 1: this is no XML"),
        ("<html></html>", "no XES log"),
        ("", "no XML"),
        ("<log></log>", "no event with a time"),
        ('<!DOCTYPE log [<!ENTITY a "aaaa">]><log>&a;</log>', "declares an entity"),
    ],
)
def test_what_is_no_log_is_refused(read, text, told):
    """With what is wrong and where; entities are never expanded."""
    with pytest.raises(ConfigError, match=told):
        read(text)


def test_runs_on_disk_are_merged_into_one_order(read, monkeypatch):
    """However small the runs, the order and the ids are the same."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    text = log(
        *(
            trace(
                *(event((start + timedelta(hours=n * k % 7)).isoformat(), f"{k}-{n}") for n in range(5)),
                concept_name=str(k),
            )
            for k in range(9)
        )
    )
    whole, _ = read(text)
    monkeypatch.setattr(anylog, "RUN_EVENTS", 6)
    assert read(text)[0] == whole


@pytest.mark.parametrize(
    ("change", "line", "told"),
    [
        (("received_at:", "received_at_all:"), 9, "no such field"),
        (("service.step.completed.v1", "service.step.finished.v1"), 10, "service.step.finished.v1"),
        (("  handled_by:", "  handeld_by:"), 13, "Did you mean 'handled_by'"),
        (("zone: Europe/Amsterdam", "zone: Europe/Nowhere"), 4, "no time zone"),
        (("agency: town", "agency: Town"), 2, "no agency code"),
        (("deadline_at:", "deadline:"), 19, "no such field"),
    ],
)
def test_faults_of_a_mapping_name_file_line_and_field(tmp_path, change, line, told):
    """Before anything is read or started."""
    path = tmp_path / "map.yaml"
    path.write_text(MAPPING.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as caught:
        mapping.load_checked(path, CONTRACTS)
    assert f"map.yaml:{line}:" in str(caught.value)


def test_windows_end_where_something_happens_and_with_the_last_event():
    """Empty windows have no end; a moment at midnight belongs to the window that it ends."""
    first = datetime(2026, 1, 1, 9, tzinfo=UTC)
    times = [first, datetime(2026, 1, 8, tzinfo=UTC), first + timedelta(days=60)]
    ends = windows.ends(times[0], times[-1], {windows.day_number(each) for each in times}, 7)
    assert ends == [datetime(2026, 1, 8, tzinfo=UTC), times[-1]]
    split = [list(items) for items in windows.split([(each, each) for each in times], ends)]
    assert split == [times[:2], times[2:]]
