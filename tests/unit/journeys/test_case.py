"""A case through its journey: steps, alternatives, ends, reopening, deadlines, holders, hand-offs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.contracts.names import AgencyCode
from hub.journeys.case import Fold
from hub.journeys.rows import Watch
from hub.journeys.tally import Pair
from hub.registry.journeys import Deadline, End, Span
from tests.unit.journeys.making import (
    CASE,
    CHANGED,
    COMPLETED,
    DECIDED,
    HANDED_OVER,
    RATING,
    REOPENED,
    START,
    STEP,
    SUB_CASE_ENDED,
    SUBMITTED,
    WITHDRAWN,
    book,
    done,
    event,
    journey,
    licence,
    match,
    rows,
    states,
    step,
    step_row,
)

TEHRAN_CLOSING = timedelta(hours=12, minutes=30)


def closing(month, day):
    return datetime(2026, month, day, tzinfo=UTC) + TEHRAN_CLOSING


def to_decision():
    return [event(SUBMITTED), done("check", "tax", 2), done("visit", "city", 5), event(DECIDED, "city", 8)]


def to_end():
    ended = event(SUB_CASE_ENDED, "hub", 20, journey="inspection")
    return [*to_decision(), ended, done("pay", "bank", 30)]


def test_a_step_is_entered_when_its_groups_are_satisfied():
    """The first step at the start; alternatives together; the decision after one of them, advice or not."""
    found = rows([event(SUBMITTED)])
    assert states(found) == {
        "check": "open",
        **dict.fromkeys(["visit", "photo", "advice", "decide", "inspect", "pay"], "waiting"),
    }
    found = rows([event(SUBMITTED), done("check", "tax", 2), done("visit", "city", 5)])
    assert step_row(found, "photo").entered_at == START + timedelta(hours=2)
    assert step_row(found, "decide").entered_at == START + timedelta(hours=5)
    assert states(found) == {
        "check": "done",
        "visit": "done",
        "photo": "skipped",
        "advice": "open",
        "decide": "open",
        "inspect": "waiting",
        "pay": "waiting",
    }


def test_an_optional_step_is_skipped_once_what_follows_it_is_done():
    """Nobody waits for advice; when the decision is there it is not wanted any more."""
    assert states(rows(to_decision()))["advice"] == "skipped"


def test_an_optional_last_step_is_open_until_the_case_ends():
    """Nothing comes after it that would make it needless; nobody is asked to take it either."""
    last = journey(
        step("a"), step("b", after=[["a"]], optional=True), ends=(End(match(COMPLETED), "completed"),)
    )
    events = [event(SUBMITTED), done("a", "city", 1)]
    assert states(rows(events, last))["b"] == "open"
    assert states(rows([*events, event(COMPLETED, "city", 2)], last))["b"] == "skipped"


def test_an_optional_step_that_is_done_late_is_done():
    """A skipped step whose event comes counts as done, and is not odd."""
    found = rows([*to_decision(), done("advice", "health", 9)])
    assert states(found)["advice"] == "done"
    assert found.case.notes == ()


def test_a_step_that_only_leads_to_a_skipped_one_is_skipped_too():
    """What comes before an alternative that was not taken is needless with it."""
    branching = journey(
        step("draw", owners=["city"]),
        step("model", owners=["city"], after=[["draw"]]),
        step("measure", owners=["city"]),
        step("build", owners=["city"], after=[["model", "measure"]]),
    )
    found = rows([event(SUBMITTED), done("measure", "city", 1)], branching)
    assert states(found) == {"draw": "skipped", "model": "skipped", "measure": "done", "build": "open"}
    assert rows(
        [event(SUBMITTED), done("measure", "city", 1), done("build", "city", 2)], branching
    ).case.state == ("completed")


def test_a_case_without_an_end_by_event_completes_when_nothing_is_waited_for():
    """The last step ends it; skipped and optional steps do not hold it up."""
    found = rows(to_end())
    assert (found.case.state, found.case.ended_at) == ("completed", START + timedelta(hours=30))
    assert found.case.holder is None
    assert found.watches == ()
    assert rows(to_end()[:-1]).case.state == "open"


def test_a_case_with_an_end_by_event_waits_for_it():
    """All steps done is not the end there; the event's fields say when and how it really ended."""
    promised = replace(
        licence(),
        steps=(step("check", owners=["tax"]),),
        reopenings=(),
        ends=(End(match(COMPLETED), "completed", at="completed_at", outcome="outcome"),),
    )
    events = [event(SUBMITTED), done("check", "tax", 2)]
    assert rows(events, promised).case.state == "open"
    ended = START + timedelta(hours=1)
    found = rows([*events, event(COMPLETED, "city", 4, completed_at=ended, outcome="delivered")], promised)
    assert (found.case.state, found.case.ended_at, found.case.outcome) == ("completed", ended, "delivered")


def test_withdrawal_ends_a_case_and_drops_what_was_not_done():
    """Open and waiting steps are dropped, optional ones skipped; nothing is watched any more."""
    found = rows([event(SUBMITTED), done("check", "tax", 2), event(WITHDRAWN, "city", 3, result="by phone")])
    assert (found.case.state, found.case.outcome) == ("withdrawn", "by phone")
    assert states(found) == {
        "check": "done",
        "advice": "skipped",
        **dict.fromkeys(["visit", "photo", "decide", "inspect", "pay"], "dropped"),
    }
    assert found.watches == ()


def test_a_reopened_case_has_the_named_steps_taken_again():
    """Both runs of the decision stand; the case is open again and completes anew."""
    events = [*to_end(), event(REOPENED, "city", 40)]
    found = rows(events)
    assert (found.case.state, found.case.reopened, found.case.ended_at) == ("open", 1, None)
    assert step_row(found, "decide").state == "done"
    assert step_row(found, "decide", 2).state == "open"
    assert step_row(found, "decide", 2).entered_at == START + timedelta(hours=40)
    assert step_row(found, "pay", 2).state == "waiting"
    found = rows([*events, event(DECIDED, "city", 50), done("pay", "bank", 60)])
    assert (found.case.state, found.case.ended_at) == ("completed", START + timedelta(hours=60))


def test_a_case_withdrawn_and_reopened_goes_on_where_it_was():
    """Steps that were dropped wait again, in their first run where they had not been begun."""
    events = [
        event(SUBMITTED),
        done("check", "tax", 2),
        event(WITHDRAWN, "city", 3),
        event(REOPENED, "city", 4),
    ]
    found = rows(events)
    assert found.case.state == "open"
    assert states(found)["visit"] == "open"
    assert step_row(found, "visit").entered_at == START + timedelta(hours=2)
    assert step_row(found, "pay").state == "waiting"


def test_a_sub_case_that_ended_completes_its_step():
    """The hub's word that a case of the journey named has ended; of another journey it is not."""
    found = rows([*to_decision(), event(SUB_CASE_ENDED, "hub", 20, journey="inspection")])
    assert (step_row(found, "inspect").state, step_row(found, "inspect").completed_by) == ("done", "hub")
    found = rows([*to_decision(), event(SUB_CASE_ENDED, "city", 20, journey="inspection")])
    assert step_row(found, "inspect").state == "open"
    found = rows([*to_decision(), event(SUB_CASE_ENDED, "hub", 20, journey="hunting")])
    assert (step_row(found, "inspect").state, found.case.notes) == ("open", ("unknown journey",))


def test_a_life_event_starts_a_case_proactively():
    """A birth in the register, not a request; the value named in `where` has to be there."""
    assert rows([event(CHANGED, register="births")]).case.proactive
    assert rows([event(CHANGED, register="deaths")]).case.state == "unstarted"
    assert not rows([event(SUBMITTED)]).case.proactive


def test_a_case_starts_when_its_field_says_so():
    """Deadlines and durations count from when the applicant really asked."""
    asked = START - timedelta(days=1)
    found = rows([event(SUBMITTED, submitted_at=asked)])
    assert found.case.started_at == step_row(found, "check").entered_at == asked
    assert step_row(found, "check").due_at == closing(5, 5)
    assert (found.case.first_at, found.case.last_at) == (START, START)


def test_a_step_without_an_owner_belongs_to_the_agency_that_opened_the_case():
    """Of several owners too the opener comes first, else the first one named."""
    found = rows([event(SUBMITTED)])
    assert [step_row(found, id_).owner for id_ in ("decide", "visit", "pay")] == ["city", "city", "bank"]
    assert step_row(rows([event(SUBMITTED)], caseid="village/1"), "visit").owner == "health"


def test_a_deadline_by_span_counts_working_days_from_entering():
    """Two working days from Monday 4 May end on Wednesday at closing; the case's ten on Saturday 16."""
    found = rows([event(SUBMITTED)])
    check = step_row(found, "check")
    assert (check.due_at, check.due_rule) == (closing(5, 6), "Tax Act, article 3")
    assert (found.case.deadline_at, found.case.deadline_rule) == (closing(5, 16), "Licence Act, article 9")


def test_a_deadline_by_field_is_the_latest_word_until_the_step_is_done():
    """A later event moves it; once done it stands."""
    first, second, third = (START + timedelta(days=days) for days in (5, 6, 1))
    events = [
        event(SUBMITTED, due_at=first),
        done("check", "tax", 2, due_at=second),
        done("visit", "city", 5),
    ]
    assert step_row(rows(events), "decide").due_at == second
    events += [event(DECIDED, "city", 24 * 6 + 1), event(STEP, "city", 24 * 6 + 2, due_at=third)]
    decide = step_row(rows(events), "decide")
    assert (decide.due_at, decide.late, decide.due_rule) == (second, True, "As the city promised")


def test_a_deadline_told_after_the_step_was_done_is_none_of_its():
    """Nobody could keep it."""
    events = [event(SUBMITTED), done("check", "tax", 1), done("visit", "city", 2), event(DECIDED, "city", 3)]
    decide = step_row(rows([*events, event(STEP, "city", 4, due_at=START)]), "decide")
    assert (decide.due_at, decide.late) == (None, None)


def test_late_is_what_is_done_after_its_deadline():
    """At the deadline's moment is in time, a second after is late; without a deadline it is neither."""
    to_deadline = (closing(5, 6) - START).total_seconds() / 3600
    for hours, late in ((to_deadline, False), (to_deadline + 1 / 3600, True)):
        check = step_row(rows([event(SUBMITTED), done("check", "tax", hours)]), "check")
        assert (check.state, check.late, check.seconds) == ("done", late, hours * 3600)
    assert step_row(rows(to_decision()), "visit").late is None
    assert step_row(rows([event(SUBMITTED)]), "check").late is None


def test_a_case_is_late_by_what_its_end_says_and_keeps_its_deadline():
    """The end's field against the deadline's, as told before the end; what comes after changes nothing."""
    receipt = journey(
        deadline=Deadline(field="deadline_at"), ends=(End(match(COMPLETED), "completed", at="completed_at"),)
    )
    due = START + timedelta(days=3)
    for days, late in ((2, False), (4, True)):
        ended = START + timedelta(days=days)
        events = [
            event(SUBMITTED, deadline_at=due),
            event(COMPLETED, "city", 1, completed_at=ended),
            event(STEP, "city", 9, deadline_at=START),
        ]
        found = rows(events, receipt)
        assert (found.case.late, found.case.deadline_at) == (late, due)
    assert rows([event(SUBMITTED, deadline_at=due)], receipt).case.late is None


def test_open_steps_and_the_open_case_are_watched():
    """Near, passed, and brought before others: for each step with a deadline, and for the case."""
    assert set(rows([event(SUBMITTED)]).watches) == {
        Watch("check", 1, "due", 0, closing(5, 5)),
        Watch("check", 1, "overdue", 0, closing(5, 6)),
        Watch("check", 1, "escalated", 1, closing(5, 7)),
        Watch("check", 1, "escalated", 2, closing(5, 10)),
        Watch("case", 1, "due", 0, closing(5, 13)),
        Watch("case", 1, "overdue", 0, closing(5, 16)),
        Watch("case", 1, "escalated", 1, closing(5, 19)),
    }
    # The decision's deadline is known already, but nobody can take it before its turn.
    found = rows([event(SUBMITTED, due_at=START), done("check", "tax", 2)])
    assert step_row(found, "decide").due_at == START
    assert {watch.step for watch in found.watches} == {"case"}


def test_an_open_case_is_stuck_so_long_after_its_last_event():
    """Five working days after Tuesday 5 May; an ended case is never stuck."""
    assert rows([event(SUBMITTED), done("check", "tax", 24)]).case.stuck_at == closing(5, 11)
    assert rows(to_end()).case.stuck_at is None


def test_the_holder_is_the_owner_of_the_open_step_that_is_due_first():
    """A step with a deadline before one without; the journey's order where nothing else decides."""
    assert rows([event(SUBMITTED)]).case.holder == "tax"
    assert rows(to_decision()).case.holder == "bank"
    assert rows([*to_decision(), done("pay", "bank", 30)]).case.holder == "city"


def test_a_case_with_no_step_open_is_held_by_who_acted_last():
    """Also where it follows no journey; who was handed such a case holds it until somebody acts."""
    waiting = journey(ends=(End(match(COMPLETED), "completed"),))
    assert rows([event(SUBMITTED), event(STEP, "tax", 2)], waiting).case.holder == "tax"
    events = [event(STEP, "city"), event(HANDED_OVER, "city", 1, to_agency="bank")]
    assert rows(events).case.holder == "bank"
    assert rows([*events, event(STEP, "tax", 2), event(STEP, "bank", 3)]).case.holder == "bank"


def test_a_case_that_is_handed_over_is_held_by_the_taker_until_a_step_is_done():
    """The journey would have the tax office act; the city gave the case to the bank."""
    events = [event(SUBMITTED), event(HANDED_OVER, "city", 1, to_agency="bank"), event(STEP, "bank", 2)]
    assert rows(events).case.holder == "bank"
    assert rows([*events, done("check", "tax", 3)]).case.holder == "city"


def test_a_step_that_is_handed_over_by_name_changes_its_owner():
    """Only to another of its owners; anybody else just holds the case."""
    events = [event(SUBMITTED), done("check", "tax", 2)]
    given = event(HANDED_OVER, "city", 3, to_agency="health", step_id="visit")
    assert step_row(rows([*events, given]), "visit").owner == "health"
    given = event(HANDED_OVER, "city", 3, to_agency="bank", step_id="visit")
    assert step_row(rows([*events, given]), "visit").owner == "city"


def test_a_change_of_agency_is_a_hand_off_that_waited_since_the_giver_acted():
    """From the giver's last event to the taker's first; the hub's notices and ratings are none."""
    events = [
        event(SUBMITTED),
        event("hub.step.overdue.v1", "hub", 1),
        event(RATING, "window", 1.5),
        done("check", "tax", 2),
        event(STEP, "tax", 3),
        event(STEP, "city", 7),
    ]
    found = rows(events)
    seen = [
        (each.number, each.giver, each.holder, each.waiting_seconds, each.step) for each in found.handoffs
    ]
    assert seen == [(1, "city", "tax", 7200.0, "check"), (2, "tax", "city", 14400.0, "visit")]
    assert found.case.agencies == ("city", "tax")
    assert found.case.events == 4


def test_a_hand_off_by_event_waits_for_the_taker():
    """Told at its own moment; others who act meanwhile do not take it."""
    passed = START + timedelta(minutes=30)
    given = event(HANDED_OVER, "city", 1, to_agency="bank", handed_over_at=passed, step_id="pay")
    events = [event(SUBMITTED), given]
    (waiting,) = rows(events).handoffs
    assert (waiting.at, waiting.taken_at, waiting.waiting_seconds, waiting.step) == (
        passed,
        None,
        None,
        "pay",
    )
    found = rows([*events, event(STEP, "tax", 2), event(STEP, "bank", 3.5)])
    seen = [(each.giver, each.holder, each.waiting_seconds) for each in found.handoffs]
    assert seen == [("city", "bank", 3 * 3600.0), ("city", "tax", 3600.0)]


def test_pairs_name_units_and_persons_of_events_that_follow_each_other():
    """The group; departments where no group is named and both have one; `-` for what is missing."""
    events = [
        event(SUBMITTED, department="front"),
        event(STEP, "city", 1, group="a", handled_by="p1"),
        event("hub.step.due.v1", "hub", 1.5),
        event(STEP, "city", 2, group="a", handled_by="p1"),
        event(STEP, "city", 3, department="front"),
        event(STEP, "city", 4, department="back", handled_by="p2"),
    ]
    fold = Fold.fold(CASE, events, book(licence()))
    assert [pair[1:] for pair in fold.pairs if pair.level == "unit"] == [
        ("-", "a"),
        ("a", "a"),
        ("a", "-"),
        ("front", "back"),
    ]
    persons = [("-", "p1"), ("p1", "p1"), ("p1", "-"), ("-", "p2")]
    assert [pair for pair in fold.pairs if pair.level == "person"] == [
        Pair("person", *each) for each in persons
    ]


def test_a_variant_is_the_sequence_of_activities():
    """The agency's code, else the type; the same sequence has the same digest in whichever case."""

    def variant(*codes):
        events = [event(STEP, "city", hours, activity_code=code) for hours, code in enumerate(codes)]
        return rows(events).case.variant

    assert variant("a", "b") == variant("a", "b")
    assert (
        len({variant("a", "b"), variant("b", "a"), variant("a"), variant("a", "b", "b"), variant(None)}) == 5
    )
    found = rows([event(STEP, "city", 0, activity_code="a"), event(STEP, "city", 1)])
    assert (found.case.first_activity, found.case.last_activity) == ("a", STEP)


def test_what_a_case_is_about_is_what_its_start_says_else_who_says_so_first():
    """Service and channel by the starting event; province and parent by the first that names them."""
    found = rows(
        [
            event(STEP, "tax", -1, service_id="other", channel="batch"),
            event(SUBMITTED, service_id="licence", channel="mobile", parent_case="city/7"),
            event(STEP, "city", 1, service_id="third", province="IR-23", parent_case="city/8"),
        ]
    )
    case = found.case
    assert (case.service_id, case.channel, case.province, case.parent) == (
        "licence",
        "mobile",
        "IR-23",
        "city/7",
    )
    assert rows([event(SUBMITTED, parent_case=CASE)]).case.parent is None


def test_steps_say_whether_data_was_typed_again():
    """Counted over the steps whose event says so."""
    events = [
        event(SUBMITTED),
        done("check", "tax", 2, retyped=False),
        done("visit", "city", 3, retyped=True),
        event(DECIDED, "city", 4),
    ]
    found = rows(events)
    assert (found.case.steps_told, found.case.steps_retyped) == (2, 1)
    assert [step_row(found, id_).retyped for id_ in ("check", "visit", "decide")] == [False, True, None]


def test_only_the_sources_and_values_that_a_match_names_are_meant():
    """Text, numbers, booleans, and any item of a list; a field without a value never."""
    picky = journey(
        step("a", by=match(STEP, complete="true")),
        step("b", by=match(STEP, parts="felling")),
        step("c", by=match(STEP, ["tax"], level=frozenset({"1", "2"})), owners=["tax", "city"]),
    )
    begun = event(SUBMITTED)
    assert states(rows([begun, event(STEP, "city", 1, complete=True)], picky))["a"] == "done"
    assert states(rows([begun, event(STEP, "city", 1, complete=False)], picky))["a"] == "open"
    assert states(rows([begun, event(STEP, "city", 1)], picky))["a"] == "open"
    assert states(rows([begun, event(STEP, "city", 1, parts=["building", "felling"])], picky))["b"] == "done"
    assert states(rows([begun, event(STEP, "tax", 1, level=2)], picky))["c"] == "done"
    assert states(rows([begun, event(STEP, "city", 1, level=2)], picky))["c"] == "open"


def test_one_event_may_complete_several_open_steps_but_not_the_one_after():
    """The step that it makes open waits for another event of the same kind."""
    line = journey(
        step("a", by=match(STEP)), step("b", by=match(STEP), after=[["a"]]), step("c", by=match(STEP))
    )
    found = rows([event(SUBMITTED), event(STEP, "city", 1)], line)
    assert states(found) == {"a": "done", "b": "open", "c": "done"}
    assert (
        rows([event(SUBMITTED), event(STEP, "city", 1), event(STEP, "city", 2)], line).case.state
        == "completed"
    )


@pytest.mark.parametrize("agencies", [(), ("tax",)])
def test_owners_and_sources_are_agency_codes(agencies):
    """A step of another agency is not open to the opener, whether its match names sources or not."""
    single = journey(step("a", by=match(STEP, agencies), owners=["tax"]))
    found = rows([event(SUBMITTED), event(STEP, "city", 1)], single)
    assert step_row(found, "a").state == "open"
    assert step_row(rows([event(SUBMITTED), event(STEP, "tax", 1)], single), "a").completed_by == AgencyCode(
        "tax"
    )


def test_a_rule_is_the_deadlines_own_else_the_journeys_else_what_it_counts():
    """So that each deadline says where it comes from."""
    by_span = step("a", deadline=Deadline(Span(2, "working_days")))
    by_field = step("b", deadline=Deadline(field="due_at"))
    plain = journey(by_span, by_field)
    events = [event(SUBMITTED, due_at=START)]
    assert [row.due_rule for row in rows(events, plain).steps] == ["2 working days", "field due_at"]
    legal = replace(plain, legal_basis="Act 7")
    assert [row.due_rule for row in rows(events, legal).steps] == ["Act 7", "Act 7"]
