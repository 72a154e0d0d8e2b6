"""Journeys and calendars as files: what they come to, and each fault with its line."""

from __future__ import annotations

from datetime import date, time

import pytest

from hub import resources
from hub.errors import ConfigError
from hub.registry.files import load
from hub.registry.journeys import Deadline, End, Escalation, Match, Reopening, Span, Start

SUBMITTED, DECIDED = "service.request.submitted.v1", "service.request.decided.v1"
COMPLETED, STEP = "service.request.completed.v1", "service.step.completed.v1"
J, C, S = "journeys/permit.yaml", "calendars/plain.yaml", "agreements/supervision.yaml"

AGENCIES = """\
code: office
title: {fa: دفتر, en: Office}
publishes: [service.request.submitted.v1, service.request.decided.v1, service.request.completed.v1]
---
code: helper
title: {fa: همکار, en: Helper}
publishes: [service.step.completed.v1]
---
code: small
title: {fa: کوچک, en: Small}
publishes: [service.step.completed.v1]
partitions: 2
"""
AGREEMENTS = """\
id: seen-requests
from: office
to: supervision
purpose: {code: supervision, fa: نظارت, en: Supervision}
legal_basis: "Act, article 1"
events:
  service.request.submitted.v1: {withhold: [opened_at]}
  service.request.decided.v1: all
  service.request.completed.v1: {withhold: [result]}
subject: drop
case_id: pass
valid: {from: 2026-03-21T00:00:00+03:30}
---
id: seen-steps
from: [helper, small]
to: supervision
purpose: {code: supervision, fa: نظارت, en: Supervision}
legal_basis: "Act, article 1"
events: {service.step.completed.v1: {withhold: [answer, due_at]}}
subject: drop
case_id: pass
valid: {from: 2026-03-21T00:00:00+03:30}
---
id: hub-seen
from: hub
to: supervision
purpose: {code: supervision, fa: نظارت, en: Supervision}
legal_basis: "Act, article 1"
events: {hub.step.escalated.v1: all, hub.sub-case.ended.v1: all}
subject: drop
case_id: pass
valid: {from: 2026-03-21T00:00:00+03:30}
"""
CALENDAR = """\
id: plain
title: {fa: ساده, en: Plain}
zone: Asia/Tehran
weekend: [thursday, friday]
hours: {from: "08:00", until: "14:30"}
years: {from: 2026, until: 2027}
country: IR
extra_holidays: [2026-12-30]
extra_working_days: [2026-06-24]
"""
JOURNEY = """\
id: permit
title: {fa: پروانه, en: Permit}
calendar: plain
services: permit
openers: office
starts:
  - event: service.request.submitted.v1
    where: {applicant_kind: [person, organisation]}
    at: submitted_at
steps:
  - id: checked
    title: {fa: بررسی, en: Checked}
    owners: helper
    completed_by: {event: service.step.completed.v1, where: {activity_code: "7", complete: true}}
    deadline: 5 working days
    warn: 1 working day
    escalations:
      - {after: 2 working days, agency: supervision}
      - {after: 4 working days, agency: supervision}
  - id: advised
    title: {fa: نظر, en: Advised}
    owners: helper
    completed_by: {event: service.step.completed.v1, where: {activity_code: advised}}
    optional: true
  - id: decided
    title: {fa: تصمیم, en: Decided}
    completed_by: service.request.decided.v1
    after: [checked, {any: [checked, advised]}]
    deadline: {field: deadline_at, rule: "Act, article 2"}
ends:
  - {event: service.request.completed.v1, at: completed_at, outcome: outcome}
reopenings: {event: service.request.decided.v1, where: {decision: refused}, steps: decided}
deadline: {within: 60 days, from: case}
"""


@pytest.fixture
def journeys(folder):
    """Return a registry folder with one journey, its calendar, agencies and agreements."""
    folder.write("agencies/journeys.yaml", AGENCIES)
    folder.write(S, AGREEMENTS)
    folder.write(C, CALENDAR)
    folder.write(J, JOURNEY)
    return folder


def test_a_journey_is_read_with_all_its_parts(journeys):
    """Short forms and long forms come to the same values; what is not said has its default."""
    registry = journeys.load()
    permit = registry.journeys["permit"]
    checked, advised, decided = permit.steps
    kinds = frozenset({"person", "organisation"})
    assert permit.starts == (Start(Match(SUBMITTED, (("applicant_kind", kinds),)), at="submitted_at"),)
    assert (permit.services, permit.openers, permit.version) == ({"permit"}, {"office"}, 0)
    assert checked.completed_by == (
        Match(STEP, (("activity_code", frozenset({"7"})), ("complete", frozenset({"true"})))),
    )
    assert checked.deadline == Deadline(Span(5, "working_days"))
    assert (checked.warn, advised.optional) == (Span(1, "working_days"), True)
    assert checked.escalations[1] == Escalation(Span(4, "working_days"), "supervision")
    assert decided.after == (frozenset({"checked"}), frozenset({"checked", "advised"}))
    assert decided.deadline == Deadline(field="deadline_at", rule="Act, article 2")
    assert permit.ends == (End(Match(COMPLETED), "completed", "completed_at", "outcome"),)
    refused = Match(DECIDED, (("decision", frozenset({"refused"})),))
    assert permit.reopenings == (Reopening(refused, frozenset({"decided"})),)
    assert permit.deadline == Deadline(Span(60, "days"), "case")
    assert permit.stuck_after == Span(30, "working_days")


def test_a_calendar_holds_dates_and_no_country(journeys):
    """The library's holidays are written out; own days are added, and holidays that are worked taken away."""
    plain = journeys.load().calendars["plain"]
    assert (plain.zone, plain.weekend, plain.opens, plain.closes) == (
        "Asia/Tehran", {3, 4}, time(8), time(14, 30),
    )  # fmt: skip
    assert {date(2026, 3, 21), date(2026, 12, 30), date(2027, 3, 21)} <= plain.holidays
    assert date(2026, 6, 24) not in plain.holidays
    assert {day.year for day in plain.holidays} == {2026, 2027}


CALENDAR_FAULTS = [
    ("id: plain", "id: Plain", f"{C}:1: id: 'Plain' is no calendar id"),
    ("Asia/Tehran", "Asia/Teheran", f"{C}:3: zone: no time zone is called 'Asia/Teheran'. Did you mean"),
    ("thursday", "thurs", f"{C}:4: weekend.0: 'thurs' is no day of the week"),
    (
        "[thursday, friday]",
        "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
        f"{C}:4: weekend: leaves no working day",
    ),
    ('"14:30"', '"07:30"', f"{C}:5: hours.until: must be later than hours.from"),
    ('"14:30"', "14:30", f"{C}:5: hours.until: must be a time of day in quotes"),
    ("until: 2027", "until: 2025", f"{C}:6: years.until: must not be before years.from"),
    ("country: IR", "country: IX", f"{C}:7: country: the library `holidays` knows no country 'IX'"),
    ("country: IR", "country: NL\nsubdivision: Nord", f"{C}:8: subdivision: NL has no part 'Nord'"),
    ("country: IR", "subdivision: Nord", f"{C}:7: subdivision: needs a `country`"),
    ("2026-12-30", "2028-12-30", f"{C}:8: extra_holidays.0: 2028-12-30 is outside of the years 2026 to 2027"),
    ("2026-12-30", "30 Azar", f"{C}:8: extra_holidays.0: must be a day, such as 2026-03-21"),
    ("2026-06-24", "2026-06-26", f"{C}:9: extra_working_days.0: 2026-06-26 is a friday; a weekend cannot"),
    ("2026-06-24", "2026-06-23", f"{C}:9: extra_working_days.0: 2026-06-23 is no holiday"),
    ("years: {from: 2026", "years: {from: 1950", f"{C}:6: years: the library `holidays` knows no holiday of"),
    ("weekend:", "weekends:", f"{C}:4: weekends: unknown field. Did you mean 'weekend'?"),
]
JOURNEY_FAULTS = [
    ("id: permit", "id: Permit", f"{J}:1: id: 'Permit' is no journey id"),
    ("calendar: plain", "calendar: plane", f"{J}:3: calendar: no calendar has the id 'plane'. Did you mean"),
    ("openers: office", "openers: ofice", f"{J}:5: openers.0: no agency has the code 'ofice'. Did you mean"),
    ("openers: office", "openers: [office, office]", f"{J}:5: openers: office stands twice"),
    ("openers: office", "openers: helper", f"{J}:5: openers.0: helper is not granted {SUBMITTED}; add it"),
    (
        "  - event: service.request.sub",
        "  - event: service.reqest.sub",
        f"{J}:7: starts.0.event: no contract",
    ),
    ("applicant_kind:", "aplicant_kind:", f"{J}:8: starts.0.where.aplicant_kind: {SUBMITTED} has no field"),
    ("[person, organ", "[persons, organ", f"{J}:8: starts.0.where.applicant_kind: is one of agency, "),
    ("[person, organisation]", "[]", f"{J}:8: starts.0.where.applicant_kind: must not be empty"),
    (
        "at: submitted_at",
        "at: fee_currency",
        f"{J}:9: starts.0.at: fee_currency holds no moment; fields that",
    ),
    (
        "at: submitted_at",
        "at: submited_at",
        f"{J}:9: starts.0.at: {SUBMITTED} has no field 'submited_at'. Did",
    ),
    (
        "at: submitted_at",
        "at: opened_at",
        f"{J}:7: starts.0.event: agreement seen-requests withholds opened_at",
    ),
    ("at: submitted_at", "from: helper", f"{J}:7: starts.0.event: helper is not granted {SUBMITTED}"),
    ("id: checked", "id: case", f"{J}:11: steps.0.id: no step may be called case"),
    ("id: checked", "id: Checked", f"{J}:11: steps.0.id: 'Checked' is no step id"),
    ("id: advised", "id: checked", f"{J}:20: steps.1.id: step 'checked' stands twice"),
    (
        "owners: helper",
        "owners: office",
        f"{J}:14: steps.0.completed_by.0.event: office may not publish {STEP}",
    ),
    (
        "owners: helper",
        "owners: [helper, office]",
        f"{J}:13: steps.0.owners.1: office is not granted {STEP}; add it to `publishes`",
    ),
    (
        "owners: helper",
        "owners: small",
        f"{J}:13: steps.0.owners.0: small has 2 partitions and supervision 4: its events would miss",
    ),
    (
        "owners: helper",
        "owners: source",
        f"{J}:14: steps.0.completed_by.0.event: no agreement brings {STEP} from source to supervision",
    ),
    ('"7"', "7", f"{J}:14: steps.0.completed_by.0.where.activity_code: is text; put quotes around 7"),
    ("complete: true", "complete: yes!", f"{J}:14: steps.0.completed_by.0.where.complete: is true or false"),
    (
        "complete: true",
        "answer: a",
        f"{J}:14: steps.0.completed_by.0.event: agreement seen-steps-helper withh",
    ),
    ("complete: true", "due_at: a", f"{J}:14: steps.0.completed_by.0.where.due_at: due_at holds no text"),
    (
        "complete: true}",
        "complete: true}, from: office",
        f"{J}:14: steps.0.completed_by.0.from: office does not",
    ),
    (
        "    completed_by: {event: service.step.completed.v1, where: {activity_code: advised}}\n",
        "",
        f"{J}:20: steps.1: needs `completed_by`, or a `sub_case`",
    ),
    (
        "5 working days",
        "5 workdays",
        f"{J}:15: steps.0.deadline.within: must be a length of time, such as `5 w",
    ),
    ("5 working days", "0 days", f"{J}:15: steps.0.deadline.within: must be a length of time"),
    (
        "warn: 1 working",
        "warn: 5 working",
        f"{J}:16: steps.0.warn: must be shorter than the deadline, 5 working",
    ),
    ("    deadline: 5 working days\n", "", f"{J}:15: steps.0.warn: needs a `deadline`"),
    ("after: 4 working", "after: 2 working", f"{J}:19: steps.0.escalations.1.after: must be later than the"),
    (
        "after: 4 working days, agency: supervision",
        "after: 4 working days, agency: helper",
        f"{J}:19: steps.0.escalations.1.agency: no agreement brings hub.step.escalated.v1 from hub to helper",
    ),
    (
        "[checked, {any",
        "[cheked, {any",
        f"{J}:28: steps.2.after.0: no step has the id 'cheked'. Did you mean",
    ),
    ("{any: [checked,", "{any: [cheked,", f"{J}:28: steps.2.after.1: no step has the id 'cheked'. Did you"),
    ("{any: [checked, advised]}", "{all: [advised]}", f"{J}:28: steps.2.after.1.all: unknown field"),
    (
        "    optional: true\n",
        "    optional: true\n    after: decided\n",
        f"{J}:25: steps.1.after: advised → decided → advised: these steps wait for each other",
    ),
    (
        "    deadline: 5 working days\n",
        "    after: checked\n    deadline: 5 working days\n",
        f"{J}:15: steps.0.after: checked → checked: these steps wait",
    ),
    (
        "    deadline: 5 working days\n",
        "    after: checked\n    deadline: 5 working days\n",
        f"{J}:29: steps.2.after: can never be reached: it waits for steps that wait for each other",
    ),
    (
        "field: deadline_at",
        "field: deadline",
        f"{J}:29: steps.2.deadline.field: no event type of this journey",
    ),
    ("field: deadline_at", "field: parts", f"{J}:29: steps.2.deadline.field: parts holds no moment"),
    ("field: deadline_at", "rule: none", f"{J}:29: steps.2.deadline.rule: stands twice"),
    ("field: deadline_at, ", "", f"{J}:29: steps.2.deadline: say `within` a length of time, or the `field`"),
    (
        "field: deadline_at",
        "field: deadline_at, from: case",
        f"{J}:29: steps.2.deadline.from: belongs to `wit",
    ),
    ("outcome: outcome", "outcome: completed_at", f"{J}:31: ends.0.outcome: completed_at holds no text"),
    (
        "outcome: outcome",
        "outcome: result",
        f"{J}:31: ends.0.event: agreement seen-requests withholds result",
    ),
    (
        "{event: service.request.completed.v1,",
        f"{{event: {STEP}, from: office,",
        f"{J}:31: ends.0.event: office is",
    ),
    ("outcome: outcome", "state: done", f"{J}:31: ends.0.state: should be 'completed' or 'withdrawn'"),
    ("steps: decided", "steps: decide", f"{J}:32: reopenings.0.steps: no step has the id 'decide'. Did you"),
    ("decision: refused", "decision: refuse", f"{J}:32: reopenings.0.where.decision: is one of granted, "),
    ("services: permit", "services: [permit, permit]", f"{J}:4: services: permit stands twice"),
]


@pytest.mark.parametrize(("old", "new", "expected"), [*CALENDAR_FAULTS, *JOURNEY_FAULTS])
def test_a_fault_is_named_with_file_line_and_field(journeys, old, new, expected):
    """One broken place in a sound journey or calendar gives one sentence that leads straight to it."""
    journeys.replace(expected.partition(":")[0], old, new)
    with pytest.raises(ConfigError) as caught:
        journeys.load()
    assert expected in str(caught.value)


def test_all_faults_are_named_in_one_pass(journeys):
    """Faults of calendars and journeys, of form, order and sight come together."""
    journeys.replace(C, "Asia/Tehran", "Tehran")
    journeys.replace(J, "id: advised", "id: case")
    journeys.replace(J, "at: submitted_at", "at: opened_at")
    journeys.write("journeys/second.yaml", "id: second\n")
    with pytest.raises(ConfigError) as caught:
        journeys.load()
    text = str(caught.value)
    for expected in (
        f"{C}:3: zone",
        f"{J}:20: steps.1.id",
        f"{J}:7: starts.0.event",
        "second.yaml:1: starts",
    ):
        assert expected in text


def test_a_fault_elsewhere_is_not_named_again_by_the_journey(journeys):
    """An agreement, a calendar or an agency with a fault of its own does not make its journeys faulty."""
    journeys.replace(S, "subject: drop", "subject: hide")
    journeys.replace(C, "zone: Asia/Tehran", "zone: Tehran")
    journeys.replace("agencies/journeys.yaml", "partitions: 2", "partitions: 3")
    with pytest.raises(ConfigError, match="has 3 faults:"):
        journeys.load()


def test_a_case_id_that_is_dropped_cannot_be_followed(journeys):
    """Supervision would get the events and could not put them together."""
    journeys.replace(S, "case_id: pass", "case_id: drop")
    with pytest.raises(
        ConfigError, match=rf"{J}:7: starts.0.event: agreement seen-requests drops the case id"
    ):
        journeys.load()


def test_a_deadline_that_only_withheld_fields_tell_is_a_fault(journeys):
    """A field that no agreement passes on would never set the deadline."""
    journeys.replace(J, "field: deadline_at", "field: opened_at")
    for type_ in (SUBMITTED, DECIDED, COMPLETED, STEP):
        text = (journeys.path / S).read_text(encoding="utf-8")
        fine = f"{type_}: all"
        if fine in text:
            journeys.replace(S, fine, f"{type_}: {{withhold: [opened_at]}}")
    journeys.replace(S, "[result]", "[result, opened_at]")
    journeys.replace(S, "[answer, due_at]", "[answer, due_at, opened_at]")
    with pytest.raises(
        ConfigError, match=rf"{J}:29: steps.2.deadline.field: no agreement lets supervision see"
    ):
        journeys.load()


def test_a_case_that_nothing_would_complete_is_a_fault(journeys):
    """Without an end by event and with optional steps only, a case would end as it starts."""
    journeys.write(
        J,
        "id: permit\ntitle: {fa: پروانه, en: Permit}\ncalendar: plain\nopeners: office\n"
        f"starts: {SUBMITTED}\nends: {{event: {COMPLETED}, state: withdrawn}}\n",
    )
    with pytest.raises(ConfigError, match=rf"{J}:6: ends: nothing completes a case"):
        journeys.load()


def test_services_need_a_start_that_names_one(journeys):
    """A life event has no service; a journey of services could not start by it."""
    journeys.replace(
        "agencies/journeys.yaml",
        "publishes: [service.step",
        "publishes: [data.record.changed.v1, service.step",
    )
    journeys.replace(
        J,
        "    at: submitted_at\n",
        "    at: submitted_at\n  - event: data.record.changed.v1\n    from: helper\n",
    )
    with pytest.raises(ConfigError, match=rf"{J}:10: starts.1: data.record.changed.v1 has no service_id"):
        journeys.load()


OTHER = JOURNEY.replace("id: permit", "id: other", 1)


@pytest.mark.parametrize(
    ("old", "new", "apart"),
    [
        ("id: other", "id: other", False),
        ("services: permit", "services: []", False),
        ("openers: office", "openers: []", False),
        ("[person, organisation]", "[organisation, agency]", False),
        ("{applicant_kind: [person, organisation]}", "{parts: [felling]}", False),
        ("services: permit", "services: another", True),
        ("[person, organisation]", "agency", True),
    ],
)
def test_two_journeys_cannot_claim_the_same_start(journeys, old, new, apart):
    """Services, openers, sources or values of one field keep journeys apart; else the later one is faulty."""
    assert old in OTHER
    journeys.write("journeys/zz-other.yaml", OTHER.replace(old, new, 1))
    if apart:
        assert journeys.load().journeys.keys() == {"permit", "other"}
    else:
        with pytest.raises(ConfigError, match=r"zz-other.yaml:7: starts.0: permit is started by the same"):
            journeys.load()


PART = """\
id: part
title: {fa: بخش, en: Part}
calendar: plain
services: part
openers: office
starts: service.request.submitted.v1
ends: service.request.completed.v1
"""
SUB_CASE = "    completed_by: {event: service.step.completed.v1, where: {activity_code: advised}}\n"


def test_a_sub_case_is_of_a_journey_that_can_name_its_parent(journeys):
    """It needs a known journey whose start has parent_case, and supervision has to hear of its end."""
    journeys.write("journeys/part.yaml", PART)
    journeys.replace(J, SUB_CASE, "    sub_case: part\n")
    assert journeys.load().journeys["permit"].steps[1].sub_case == "part"
    journeys.replace(J, "sub_case: part", "sub_case: prat")
    with pytest.raises(
        ConfigError, match=rf"{J}:23: steps.1.sub_case: no journey has the id 'prat'. Did you"
    ):
        journeys.load()
    journeys.replace(J, "sub_case: prat", "sub_case: part")
    journeys.replace("journeys/part.yaml", SUBMITTED, DECIDED)
    with pytest.raises(
        ConfigError, match=rf"{J}:23: steps.1.sub_case: the events that start part have no field"
    ):
        journeys.load()
    journeys.replace("journeys/part.yaml", DECIDED, SUBMITTED)
    journeys.replace(S, ", hub.sub-case.ended.v1: all", "")
    with pytest.raises(
        ConfigError, match=rf"{J}:23: steps.1.sub_case: no agreement brings hub.sub-case.ended"
    ):
        journeys.load()


def test_journeys_cannot_be_parts_of_each_other(journeys):
    """The circle is named."""
    journeys.write(
        "journeys/part.yaml",
        PART + "steps:\n  - id: whole\n    title: {fa: کل, en: Whole}\n    sub_case: permit\n",
    )
    journeys.replace(J, SUB_CASE, "    sub_case: part\n")
    with pytest.raises(ConfigError, match=r"part.yaml:8: steps: part → permit → part: a journey cannot be"):
        journeys.load()


@pytest.mark.parametrize("name", [J, C])
def test_an_id_stands_once(journeys, name):
    """Two documents of one id are named both."""
    text = (journeys.path / name).read_text(encoding="utf-8")
    journeys.write(name.replace(".yaml", "-2.yaml"), text)
    with pytest.raises(ConfigError, match=r"is declared already in (journeys/permit|calendars/plain)"):
        journeys.load()


def test_the_worked_journeys_are_sound(contracts):
    """The example registry has the five journeys, and what each promises."""
    registry = load(resources.folder("registry"), contracts)
    assert registry.journeys.keys() == {
        "loan",
        "birth",
        "business-licence",
        "permit-receipt",
        "building-permit",
    }
    birth, loan = registry.journeys["birth"], registry.journeys["loan"]
    assert birth.starts[0].proactive
    assert len({owner for step in birth.steps for owner in step.owners}) == 5
    assert {owner for step in loan.steps for owner in step.owners} == {
        "bank", "tax", "social-insurance", "civil-registry",
    }  # fmt: skip
    licence = registry.journeys["business-licence"]
    assert licence.reopenings
    assert any(step.optional for step in licence.steps)
    assert any(step.sub_case for step in licence.steps)
    assert any(len(group) > 1 for step in licence.steps for group in step.after)
    assert registry.journeys["permit-receipt"].deadline.field == "deadline_at"
