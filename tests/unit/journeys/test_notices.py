"""What the hub tells of cases: data as the contracts want them, and ids that follow from what is said."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.journeys.notices import notice, sub_case_ended
from tests.unit.journeys.making import (
    CASE,
    REOPENED,
    START,
    SUBMITTED,
    WITHDRAWN,
    done,
    event,
    licence,
    rows,
    step_row,
)

CODEC = Codec(Contracts.load())
NOW = START + timedelta(days=30)


def told(found, kind, whose="check", level=0, moment=NOW):
    watch = next(each for each in found.watches if (each.step, each.kind, each.level) == (whose, kind, level))
    step = None if whose == "case" else step_row(found, whose, watch.run)
    return notice(CASE, watch, found.case, step, licence(), moment)


def as_read(made):
    """Return a notice's data after the contract's bytes."""
    contract, raw = CODEC.decode(CODEC.encode(EventType(made.type), made.data))
    return CODEC.to_python(contract, raw)


def test_a_deadline_near_or_missed_names_the_step_the_holder_and_the_rule():
    """What a clerk who is told needs to know, as the contracts have it."""
    found = rows([event(SUBMITTED, service_id="licence")])
    common = {
        "journey": "licence",
        "journey_version": 1,
        "step_id": "check",
        "service_id": "licence",
        "holder_agency": "tax",
        "due_at": step_row(found, "check").due_at,
        "rule": "Tax Act, article 3",
    }
    for kind, type_, field in (
        ("due", "hub.step.due.v1", "told_at"),
        ("overdue", "hub.step.overdue.v1", "detected_at"),
    ):
        made = told(found, kind)
        assert (made.type, made.caseid) == (type_, CASE)
        assert as_read(made) == {**common, field: NOW}


def test_an_escalation_names_whom_it_is_brought_before():
    """By its level: the agency and the office that the journey names."""
    found = rows([event(SUBMITTED)])
    first, second = (as_read(told(found, "escalated", level=level)) for level in (1, 2))
    assert (first["level"], first["escalated_to_agency"], first["escalated_to_role"]) == (
        1,
        "ministry",
        "director",
    )
    assert (second["level"], second["escalated_to_agency"], second["escalated_to_role"]) == (
        2,
        "cabinet",
        None,
    )
    assert first["escalated_at"] == NOW


def test_the_whole_case_has_the_step_case_and_its_holder():
    """Its own deadline, rule and escalations."""
    found = rows([event(SUBMITTED)])
    made = as_read(told(found, "escalated", "case", 1))
    assert (made["step_id"], made["holder_agency"], made["rule"]) == ("case", "tax", "Licence Act, article 9")
    assert (made["due_at"], made["escalated_to_agency"]) == (found.case.deadline_at, "ministry")


def test_an_id_follows_from_what_is_told_and_not_from_when():
    """The same is told once; another run, kind, level, deadline or case is another thing to tell."""
    found = rows([event(SUBMITTED)])
    assert told(found, "overdue").id == told(found, "overdue", moment=NOW + timedelta(days=1)).id
    moved = rows([event(SUBMITTED, submitted_at=START - timedelta(days=7))])
    kinds = [("due", 0), ("overdue", 0), ("escalated", 1), ("escalated", 2)]
    ids = {told(each, kind, level=level).id for each in (found, moved) for kind, level in kinds}
    assert len(ids) == 8
    assert all(str(UUID(id_)) == id_ for id_ in ids)


def test_a_parent_hears_that_its_sub_case_ended_each_time_that_it_does():
    """Not while it is open; with the outcome that its agency gave, else how it ended."""
    events = [event(SUBMITTED, parent_case="city/7", service_id="x")]
    assert rows(events).ended is None
    events.append(event(WITHDRAWN, "city", 2))
    found = rows(events)
    assert (found.ended.type, found.ended.caseid) == ("hub.sub-case.ended.v1", "city/7")
    assert as_read(found.ended) == {
        "journey": "licence",
        "sub_case": CASE,
        "service_id": "x",
        "outcome": "withdrawn",
        "ended_at": START + timedelta(hours=2),
    }
    reopened = [*events, event(REOPENED, "city", 3)]
    assert rows(reopened).ended is None
    again = rows([*reopened, event(WITHDRAWN, "city", 4, result="moved away")])
    assert again.ended.data["outcome"] == "moved away"
    assert again.ended.id != found.ended.id
    assert rows([done("check", "tax", 1), *events[1:]]).ended is None
    assert sub_case_ended(rows([event(SUBMITTED), event(WITHDRAWN, "city", 1)]).case) is None
