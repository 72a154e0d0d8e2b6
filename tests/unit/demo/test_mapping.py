"""From a log's rows to events."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hub.errors import ConfigError
from hub.launch.demo import mapping
from hub.launch.demo.tables import Log, Table

RULES = {
    "service_id": "permit",
    "case": "case:name",
    "time": "time",
    "events": [
        {
            "type": "service.request.submitted.v1",
            "when": {"row": "first"},
            "fields": {"submitted_at": "time"},
        },
        {"type": "service.request.completed.v1", "when": {"row": "last", "case:state": ["done"]}},
        {"type": "service.request.decided.v1", "when": {"what": ["decide"]}},
        {"type": "service.step.completed.v1"},
    ],
    "fields": {"activity_code": "what", "handled_by": {"column": "who", "empty": ["-"]}},
    "first": {"fee_amount": {"column": "case:fee", "as": "decimal"}},
    "last": {"case_status": {"column": "case:state", "map": {"done": "closed"}, "else": "open"}},
}


def day(number):
    return datetime(2026, 3, number, tzinfo=UTC)


LOG = Log(
    cases=Table({"name": ["a", "b"], "state": ["done", None], "fee": ["12.5", None]}),
    events=Table(
        {
            "what": ["ask", "decide", "close", "ask", "wait"],
            "who": ["x", "-", "y", "x", None],
            "time": [day(1), day(3), day(3), day(2), day(3)],
        }
    ),
    sizes=[3, 2],
)


def events(**changes):
    return list(mapping.events(mapping.Mapping.model_validate(RULES | changes), LOG, "town"))


def test_each_row_is_one_event_of_the_first_rule_that_fits():
    """First and last row, the case's state and the activity decide the type."""
    by_case = {}
    for event in events():
        by_case.setdefault(event.caseid, []).append(event.type.split(".")[-2])
    assert by_case == {"town/a": ["submitted", "decided", "completed"], "town/b": ["submitted", "completed"]}
    assert [event.type for event in events() if event.caseid == "town/b"][-1] == "service.step.completed.v1"


def test_events_go_by_time_and_where_times_tie_by_place_in_the_log():
    """Cases interleave; within a case the order of the log is kept."""
    assert [(event.caseid[-1], event.data["activity_code"]) for event in events()] == [
        ("a", "ask"),
        ("b", "ask"),
        ("a", "decide"),
        ("a", "close"),
        ("b", "wait"),
    ]


def test_fields_are_taken_as_the_mapping_says():
    """Empty cells are left out, words are mapped, what belongs to the first or last row stands only there."""
    first, other, decided, closed, waiting = (event.data for event in events())
    assert first == {
        "service_id": "permit",
        "activity_code": "ask",
        "handled_by": "x",
        "submitted_at": day(1),
        "fee_amount": Decimal("12.5"),
    }
    assert "fee_amount" not in other
    assert "handled_by" not in decided
    assert closed["case_status"] == "closed"
    assert "case_status" not in waiting


def test_ids_are_letters_and_depend_on_agency_case_and_place_alone():
    """Another run, or another mapping of the fields, gives the same ids; no digit occurs in them."""
    ids = [event.id for event in events()]
    assert ids == [event.id for event in events(fields={})]
    assert len(set(ids)) == 5
    assert all(name.isalpha() and len(name) == 32 for name in ids)
    assert mapping.letters("town", "a", 0) != mapping.letters("city", "a", 0)


def test_a_column_that_the_log_does_not_have_is_named():
    """A mapping for another log fails before anything is sent."""
    with pytest.raises(ConfigError, match="colour"):
        events(fields={"answer": "colour"})


def test_a_row_that_no_rule_fits_is_an_error():
    """Nothing is left out silently."""
    with pytest.raises(ConfigError, match="no rule"):
        events(events=RULES["events"][:2])


def test_every_fault_of_a_mapping_file_is_told_with_its_place(tmp_path):
    """One error names them all."""
    file = tmp_path / "m.yaml"
    file.write_text("service_id: [1]\ncase: c\ntime: t\nevents: [{typ: x}]\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        mapping.load(file)
    for place in ("m.yaml", "service_id", "events.0.type", "events.0.typ"):
        assert place in str(caught.value)
