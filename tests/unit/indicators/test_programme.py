"""Obligations from their events: state, degree, forecast, overlaps, the ratio and the scorecard."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.indicators import figures, programme, scorecard
from hub.indicators.breakdown import ALL, breakdown
from hub.indicators.inputs import Frame, Inputs, RatingCount, StepGroup
from hub.indicators.obligations import DECLARED, OBJECTED, PROGRESSED, fold, overlaps
from hub.indicators.standing import standing
from tests.unit.indicators.makers import event, group, moment

AGENCIES = frozenset({"tax", "bank", "registry"})


def nothing(_indicator, _agency, _period):
    return None


@pytest.fixture
def declared(make_event, at):
    def make(id_="o1", owner="tax", when="2026-01-01", **data):
        data = {"deadline_at": at("2026-12-31"), "target": "0.9", "measure": "share in time", **data}
        return make_event(
            DECLARED,
            "supervision",
            when,
            obligation_id=id_,
            owner_agency=owner,
            consequence="budget cut",
            **data,
        )

    return make


@pytest.fixture
def reported(make_event):
    def make(when, value=None, state="under_way", id_="o1", agency="tax"):
        told = {} if value is None else {"value": str(value)}
        return make_event(PROGRESSED, agency, when, obligation_id=id_, state=state, **told)

    return make


def one(events, moment, measured=None):
    (obligation,) = fold(events, moment)
    return standing(obligation, moment, measured)


def test_any_order_of_arrival_gives_the_same_obligations(declared, reported, make_event):
    """The fold sorts by time and place: shuffled events make the same obligations."""
    events = [
        declared(),
        declared("o2", "bank"),
        declared(when="2026-02-01", target="0.8"),
        *(reported(f"2026-0{month}-01", month / 10) for month in range(2, 8)),
        make_event(OBJECTED, "tax", "2026-05-05", obligation_id="o1", grounds_en="miscounted"),
    ]
    expected = fold(events)
    for seed in range(20):
        shuffled = list(events)
        random.Random(seed).shuffle(shuffled)
        assert fold(shuffled) == expected
    assert expected[0].target == 0.8
    assert [each.grounds_en for each in expected[0].objections] == ["miscounted"]


@pytest.mark.parametrize(
    ("value", "state", "clock", "expected"),
    [
        (0.5, "under_way", "2026-06-01", "open"),
        (0.9, "under_way", "2026-06-01", "fulfilled"),
        (0.5, "fulfilled", "2026-06-01", "open"),
        (None, "fulfilled", "2026-06-01", "fulfilled"),
        (0.5, "failed", "2026-06-01", "failed"),
        (0.95, "dropped", "2026-06-01", "dropped"),
        (0.5, "under_way", "2027-01-11", "overdue"),
        (None, "not_started", "2026-12-31", "open"),
    ],
)
def test_the_state_at_a_clock(declared, reported, at, value, state, clock, expected):
    """A value decides by the target before what is told; what is told drops it; the deadline passes it."""
    assert one([declared(), reported("2026-03-01", value, state)], at(clock)).state == expected


def test_an_overdue_obligation_tells_its_days_and_consequence(declared, at):
    """Whole days since the deadline, and what follows."""
    found = one([declared()], at("2027-01-11T12:00"))
    assert (found.overdue_days, found.obligation.consequence) == (11, "budget cut")


def test_a_measured_value_decides_and_the_declared_one_stands_beside(declared, reported, at):
    """The agency says 0.95 of 0.9, the hub measures 0.6: open, by measure, and both are shown."""
    events = [declared(measured_by="completion.in-time"), reported("2026-03-01", 0.95, "fulfilled")]
    found = one(events, at("2026-06-01"), measured=0.6)
    assert (found.state, found.basis, found.degree) == ("open", "measured", pytest.approx(0.6 / 0.9))
    assert (found.declared_value, found.measured_value, found.declared_state) == (0.95, 0.6, "fulfilled")


def test_at_most_and_a_baseline(declared, reported, at):
    """From a baseline of 100 days down to 20: 60 days are half of the way; 20 fulfil it."""
    events = [declared(target="20", baseline="100"), reported("2026-03-01", 60)]
    assert one(events, at("2026-06-01")).degree == pytest.approx(0.5)
    assert one([*events, reported("2026-04-01", 19)], at("2026-06-01")).state == "fulfilled"


def test_reports_of_strangers_change_nothing(declared, reported, at):
    """Only the owner and who declared it report; others are counted."""
    found = one([declared(), reported("2026-03-01", 1.0, agency="bank")], at("2026-06-01"))
    assert (found.value, found.obligation.strangers, found.degree) == (None, 1, 0)


@given(st.lists(st.floats(-10, 10), max_size=6), st.floats(-5, 5), st.none() | st.floats(-5, 5))
def test_a_degree_lies_between_nothing_and_all(values, target, baseline):
    """Whatever is reported, 0 <= degree <= 1."""
    more = {} if baseline is None else {"baseline": str(baseline)}
    events = [event(DECLARED, "tax", "2026-01-01", obligation_id="o", target=str(target), **more)]
    events += [event(PROGRESSED, "tax", "2026-02-01", obligation_id="o", value=str(each)) for each in values]
    assert 0 <= one(events, moment("2026-06-01")).degree <= 1


def test_a_forecast_needs_three_reports_and_tells_its_uncertainty(declared, reported, at):
    """A steady pace reaches the target in time, a slow one late; two reports say nothing."""
    months = ("2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01")
    two = [declared(), *(reported(month, 0.1) for month in months[:2])]
    assert one(two, at("2026-06-01")).forecast is None
    steady = [declared(), *(reported(month, 0.1 * n) for n, month in enumerate(months, 1))]
    found = one(steady, at("2026-06-01")).forecast
    assert (found.outlook, found.reports) == ("in_time", 4)
    assert found.low < found.value < found.high
    assert at("2026-09-01") < found.reaches_target_at < at("2026-11-30")
    slow = [declared(), *(reported(month, 0.01 * n) for n, month in enumerate(months, 1))]
    assert one(slow, at("2026-06-01")).forecast.outlook == "late"
    wild = [
        declared(),
        *(reported(month, value) for month, value in zip(months, (0.1, 0.5, 0.2, 0.6), strict=True)),
    ]
    assert one(wild, at("2026-06-01")).forecast.outlook == "uncertain"


def test_overlapping_owners_are_found_by_id_and_by_source_and_measure(declared):
    """The same id of two owners, and two ids with one legal source and measure; one owner twice is none."""
    law = {"legal_source": "Smart Government Act, article 3", "measure": "services connected"}
    events = [
        declared("o1", "tax"),
        declared("o1", "bank"),
        declared("o2", "tax", **law),
        declared("o3", "registry", **{**law, "measure": "Services  Connected"}),
        declared("o4", "bank", legal_source="x", measure="y"),
        declared("o5", "bank", legal_source="x", measure="y"),
    ]
    found = overlaps(fold(events))
    assert [(each.why, each.obligations) for each in found] == [
        ("id", (("o1", "bank"), ("o1", "tax"))),
        ("source and measure", (("o2", "tax"), ("o3", "registry"))),
    ]


def test_the_realisation_ratio_leaves_dropped_ones_out(declared, reported, at):
    """Two of three: one fulfilled by value, one by word, one open; the dropped one counts nowhere."""
    events = [
        *(declared(f"o{n}") for n in range(1, 5)),
        reported("2026-02-01", 0.95, id_="o1"),
        reported("2026-02-01", None, "fulfilled", id_="o2"),
        reported("2026-02-01", None, "dropped", id_="o4"),
    ]
    inputs = Inputs(Frame(at("2026-06-01"), AGENCIES), programme=tuple(events))
    values = {value.place: value for value in programme.values(inputs, nothing)}
    by = {(place.indicator, place.breakdown): value for place, value in values.items()}
    ratio = by["programme.realisation-ratio", ALL]
    assert (ratio.value, ratio.numerator, ratio.denominator, ratio.basis) == (2 / 3, 2, 3, "declared")
    assert by["programme.realisation-ratio", breakdown(agency="tax")].value == 2 / 3
    assert by["programme.obligations", breakdown(state="dropped")].value == 1
    assert by["programme.obligations", ALL].value == sum(
        by["programme.obligations", breakdown(state=state)].value
        for state in ("open", "fulfilled", "overdue", "failed", "dropped")
    )


def test_a_scorecard_can_be_computed_again_from_its_parts(declared, reported, at):
    """Degree, speed and quality stand in the details with their weights; the score follows from them."""
    inputs = Inputs(
        Frame(at("2026-06-01"), AGENCIES),
        steps=(StepGroup("loan", "check", "tax", "2026-02", done=20, done_with_deadline=20, done_late=5),),
        ratings=(RatingCount("s1", "tax", "", "2026-03", 4, 5, 10),),
        programme=(declared(), reported("2026-02-01", 0.45)),
    )
    cards = [value for value in figures.published(inputs) if value.place.indicator == "programme.scorecard"]
    (card,) = cards
    assert card.place.breakdown == breakdown(agency="tax")
    parts = {name: card.details[name] for name in ("degree", "speed", "quality")}
    assert parts == {"degree": pytest.approx(0.5), "speed": 0.75, "quality": 0.75}
    assert card.value == scorecard.score(parts) == pytest.approx(0.4 * 0.5 + 0.3 * 0.75 + 0.3 * 0.75)
    assert card.details["weights"] == {"degree": 0.4, "speed": 0.3, "quality": 0.3}
    assert scorecard.score({"degree": None, "speed": 0.5, "quality": None}) == pytest.approx(0.5)
    assert scorecard.score({}) is None


def test_an_obligation_measured_by_a_suppressed_figure_reveals_nothing(declared, at):
    """Three cases are too few to be published: then nothing is measured, and the declared word counts."""
    rows = (group("tax", "IR-01", "2026-02", completed=3, late=1),)
    owed = declared(measured_by="completion.in-time")
    inputs = Inputs(Frame(at("2026-06-01"), AGENCIES), cases=rows, programme=(owed,))
    one_ = next(v for v in figures.published(inputs) if v.place.indicator == "programme.obligation")
    assert (one_.details["measured_value"], one_.basis) == (None, "declared")
    many = replace(inputs, cases=(group("tax", "IR-01", "2026-02", completed=40, late=2),))
    other = next(v for v in figures.published(many) if v.place.indicator == "programme.obligation")
    assert (other.details["measured_value"], other.details["state"]) == (0.95, "fulfilled")
