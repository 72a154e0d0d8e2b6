"""Completion, process, coordination and participation: what they count, laws between figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.indicators import coordination, figures, participation, process
from hub.indicators.breakdown import ALL, breakdown, read
from hub.indicators.definitions import ALL_DEFINITIONS, DEFINITIONS, FAMILIES
from hub.indicators.inputs import (
    Allowed,
    CaseGroup,
    ContributionCount,
    DurationGroup,
    Flow,
    Frame,
    HandOffGroup,
    HandoverCount,
    Inputs,
    ProcessGroup,
    RatingCount,
    ReachGroup,
    StepGroup,
)
from hub.indicators.model import Place
from hub.indicators.participation import CONCLUDED, OPENED
from hub.indicators.reference import REFERENCE

ORACLE = json.loads(
    (Path(__file__).parents[2] / "integration/cases/oracle.json").read_text(encoding="utf-8")
)["logs"]
FRAME = Frame(None, frozenset({"civil-registry", "insurance", "tax", "bank", "post"}))
MONTHS = ("2025-12", "2026-01", "2026-06")


@st.composite
def groups(draw):
    """Rows as SQL counts them: every case once by its start, and once by its end if it has ended."""
    made = {}
    for _ in range(draw(st.integers(0, 12))):
        key = (
            draw(st.sampled_from(["birth", "loan"])),
            draw(st.sampled_from(sorted(FRAME.agencies))),
            draw(st.sampled_from(["online", "none"])),
            draw(st.sampled_from(["IR-23", "none"])),
        )
        started, ended = draw(st.sampled_from(MONTHS)), draw(st.sampled_from(MONTHS))
        state, number = draw(st.sampled_from(["open", "completed", "withdrawn"])), draw(st.integers(1, 40))
        begun = made.setdefault((*key, started), {})
        begun["started"] = begun.get("started", 0) + number
        name = "open" if state == "open" else f"started_{state}"
        begun[name] = begun.get(name, 0) + number
        if state != "open":
            done = made.setdefault((*key, ended), {})
            late = draw(st.integers(0, number))
            for each, count in ((state, number), ("ended_with_deadline", number), ("ended_late", late)):
                done[each] = done.get(each, 0) + count
    return tuple(CaseGroup(*key, **counts) for key, counts in made.items())


def values_of(**inputs):
    found = figures.counted(Inputs(inputs.pop("frame", FRAME), **inputs))
    assert len({value.place for value in found}) == len(found)
    return {(v.place.indicator, v.place.period, v.place.breakdown): v for v in found}


@settings(deadline=None)
@given(groups())
def test_over_all_time_started_is_completed_withdrawn_and_open(rows):
    """For the whole and for each journey, agency, channel and province."""
    values = values_of(cases=rows)

    def number(name, broken):
        value = values.get((f"completion.{name}", "all", broken))
        return 0 if value is None else value.value

    for _, _, broken in [key for key in values if key[0] == "completion.started" and key[1] == "all"]:
        parts = sum(number(name, broken) for name in ("completed", "withdrawn", "open"))
        assert number("started", broken) == parts


@settings(deadline=None)
@given(groups())
def test_a_year_is_its_months_and_a_whole_its_parts(rows):
    """Counts add up, over periods and over breakdowns."""
    values = values_of(cases=rows)
    for (indicator, period, broken), value in values.items():
        if not DEFINITIONS[indicator].counts or indicator.partition(".")[0] != "completion":
            continue
        if period == "2026":
            months = [values.get((indicator, month, broken)) for month in MONTHS if month[:4] == "2026"]
            assert value.value == sum(each.value for each in months if each is not None)
        if broken == ALL:
            parts = [
                v
                for (i, p, b), v in values.items()
                if (i, p) == (indicator, period) and b.dimensions == ("agency",)
            ]
            assert value.value == sum(each.value for each in parts)


@settings(deadline=None)
@given(groups())
def test_ratios_lie_between_nothing_and_all(rows):
    """Every ratio is its numerator by its denominator, and within 0 and 1."""
    for value in values_of(cases=rows).values():
        if value.unit == "ratio" and value.value is not None:
            assert 0 <= value.value <= 1
            assert value.value == value.numerator / value.denominator


def test_of_the_births_registered_in_june():
    """How many reached all five agencies, in how many days, and who held them up."""
    june, birth = "2026-06", breakdown(journey="birth")
    values = values_of(
        cases=(
            CaseGroup(
                "birth",
                "civil-registry",
                "online",
                "IR-23",
                june,
                started=40,
                open=10,
                reached=170,
                started_completed=30,
            ),
        ),
        reach=(ReachGroup("birth", june, 5, 30), ReachGroup("birth", june, 2, 10)),
        durations=(
            DurationGroup("case", june, birth, 30, 86400.0 * 3, 86400.0 * 9),
            DurationGroup("hand-off", june, breakdown(holder="tax"), 30, 3600.0, 7200.0),
        ),
        handoffs=(HandOffGroup("birth", "civil-registry", "tax", june, 32, 30),),
        steps=(
            StepGroup(
                "birth", "tax-number", "tax", june, done=30, done_with_deadline=30, done_late=6, late_open=2
            ),
        ),
    )
    reached = values["coordination.agencies-per-case", june, birth]
    assert (reached.value, dict(reached.details["cases_by_agencies"])) == (4.25, {"2": 10, "5": 30})
    assert values["completion.completed-share", june, birth].value == 0.75
    assert values["completion.duration-median", june, birth].value == 3 * 86400
    assert values["coordination.handoffs", june, breakdown(giver="civil-registry", holder="tax")].value == 32
    assert values["coordination.handoff-p90", june, breakdown(holder="tax")].value == 7200
    assert values["coordination.late-steps", june, breakdown(holder="tax")].value == 8
    assert values["coordination.steps-in-time", june, breakdown(holder="tax")].value == 0.8
    assert values["completion.step-in-time", june, breakdown(journey="birth", step="tax-number")].value == 0.8
    assert values["completion.started", june, birth].coverage.agencies == 1
    assert values["completion.started", june, birth].coverage.of == 5


def test_islands_are_of_what_flowed_beside_what_is_agreed():
    """Two exchange both ways, one only gets; hub, window and supervision join nobody."""
    values = values_of(
        flows=(
            Flow("tax", "bank", "2026-06", 7),
            Flow("bank", "tax", "2026-06", 5),
            Flow("bank", "post", "2026-06", 3),
            *(Flow(agency, "window", "2026-06", 99) for agency in FRAME.agencies),
            *(Flow("hub", agency, "2026-06", 99) for agency in FRAME.agencies),
        ),
        allowed=(Allowed("a1", "tax", "bank"), Allowed("a2", "post", "tax"), Allowed("a3", "tax", "window")),
    )
    islands = values["coordination.islands", "2026-06", ALL]
    assert islands.value == 4
    assert islands.details["members"] == [["bank", "tax"], ["civil-registry"], ["insurance"], ["post"]]
    assert values["coordination.weak-components", "all", ALL].value == 3
    best = values["coordination.best-agreement", "2026", ALL]
    assert (best.value, best.details["source"], best.details["joins"]) == (
        1,
        "post",
        [["bank", "tax"], ["post"]],
    )
    assert (best.details["recipient"], best.details["agreement"]) == ("bank", None)
    used = values["coordination.agreements-used", "2026-06", ALL]
    assert (used.value, used.details["unused"]) == (0.5, [["post", "tax"]])
    assert used.details["not_agreed_now"] == [["bank", "post"], ["bank", "tax"]]
    assert values["coordination.exchanging-share", "2026-06", ALL].value == 0.6
    assert islands.events == 15


def test_without_flows_every_agency_is_an_island():
    """Nothing flowed: as many islands as agencies, and no single agreement joins any."""
    values = values_of()
    assert values["coordination.islands", "all", ALL].value == 5
    assert values["coordination.best-agreement", "all", ALL].value == 0


@pytest.mark.parametrize("log", sorted(ORACLE))
def test_hand_overs_are_counted_by_the_oracles_definition(log):
    """Pairs with and without self, and the most frequent ones, as the oracle's file lists them."""
    told = ORACLE[log]["handover"]["person"]
    listed = {(giver, taker): count for giver, taker, count in (*told["top"], *told["top_without_self"])}
    own = sum(count for (giver, taker), count in listed.items() if giver == taker)
    others = sum(listed.values()) - own
    # What the file does not list, as many single pairs as are missing: by definition they rank below.
    rest = [("?", f"?{n}", 1) for n in range(told["pairs_without_self"] - others)]
    rest += [(f"={n}", f"={n}", 1) for n in range(told["pairs"] - told["pairs_without_self"] - own)]
    counts = [HandoverCount("x", "none", "person", *pair, number) for pair, number in listed.items()]
    counts += [HandoverCount("x", "none", "person", *each) for each in rest]
    found = process.handovers(counts, "person")
    assert (found.pairs, found.excluding_self) == (told["pairs"], told["pairs_without_self"])
    for with_self, name in ((True, "top"), (False, "top_without_self")):
        assert [each[2] for each in found.top(10, with_self=with_self)] == [each[2] for each in told[name]]


def test_a_logs_figures_and_what_of_them_is_published():
    """Every count is there; of activities and pairs only what is not small, and no person at all."""
    group = ProcessGroup(
        ALL, 100, 640, 12, 90, {"receive": 98, "phone": 2}, {"close": 60, "send": 37, "lost": 3}
    )
    hands = (
        HandoverCount("tax", "none", "unit", "Group 1", "Group 2", 30),
        HandoverCount("tax", "none", "unit", "Group 1", "Group 1", 50),
        HandoverCount("tax", "none", "unit", "Group 2", "Group 3", 2),
        HandoverCount("tax", "none", "person", "p1", "p2", 44),
    )
    durations = (DurationGroup("throughput", "all", ALL, 100, 60.0, 600.0),)
    inputs = Inputs(FRAME, processes=(group,), handovers=hands, durations=durations)
    raw = {value.place.indicator: value for value in process.values(inputs)}
    assert (raw["process.variants"].value, raw["process.throughput-p90"].value) == (12, 600)
    assert (raw["process.completed-share"].value, raw["process.start-activities"].value) == (0.9, 2)
    assert raw["process.handovers-units"].value == 32
    assert raw["process.handovers-units"].details["pairs_including_self"] == 82
    shown = {value.place.indicator: value for value in figures.published(inputs)}
    assert shown["process.end-activities"].details["cases_by_activity"] == {"close": 60, "others": 40}
    assert shown["process.start-activities"].details["cases_by_activity"] == {"others": 100}
    assert "p1" not in json.dumps([value.document() for value in shown.values()])


def test_consultations_up_to_what_changed_because_of_them(make_event, at):
    """Three levels as facts; an outcome is in time by the day named, else 30 days after the end."""

    def opened(id_, **data):
        return make_event(OPENED, "tax", "2026-01-10", consultation_id=id_, **data)

    def concluded(id_, when, agency="tax", **data):
        return make_event(CONCLUDED, agency, when, consultation_id=id_, **data)

    events = (
        opened("c1", level="decision_making", question_fa="؟", closes_at=at("2026-02-01")),
        concluded("c1", "2026-02-20", decision="adopted_with_changes", effect_fa="مهلت بلندتر شد"),
        opened("c2", level="consultation", closes_at=at("2026-02-01")),
        concluded("c2", "2026-04-20", decision="rejected"),
        opened("c3", level="information", documents=["https://example.ir/d"], closes_at=at("2026-02-01")),
        opened("c4", level="consultation", decision_due_at=at("2027-01-01")),
        concluded("c4", "2026-03-01", decision="postponed", effect_en="none"),
        concluded("c4", "2026-03-01", agency="bank", decision="adopted", effect_en="not theirs to say"),
    )
    views = (ContributionCount("tax", "c1", "for", 9), ContributionCount("tax", "c2", "against", 6))
    inputs = Inputs(Frame(at("2026-06-01"), FRAME.agencies), participation=events, contributions=views)
    own = {
        value.place.indicator: value
        for value in participation.values(inputs)
        if value.place.period == "2026-01" and value.place.breakdown == breakdown(agency="tax")
    }
    assert own["participation.information"].value == 2
    assert own["participation.consultation"].value == 2
    assert own["participation.decision-making"].value == 1
    assert own["participation.contributions"].value == 15
    in_time = own["participation.outcome-in-time"]
    assert (in_time.numerator, in_time.denominator) == (1, 3)


def test_satisfaction_is_scaled_with_its_sample_and_interval():
    """Fours of five are 0.75, whatever the scale; aspects other than the whole are not mixed in."""
    ratings = (
        RatingCount("s1", "tax", "", "2026-01", 4, 5, 10),
        RatingCount("s1", "tax", "whole", "2026-01", 7, 9, 10),
        RatingCount("s1", "tax", "speed", "2026-01", 1, 5, 99),
    )
    values = values_of(ratings=ratings)
    value = values["participation.satisfaction", "2026", breakdown(service="s1")]
    assert (value.value, value.cases) == (0.75, 20)
    assert 0.5 < value.low < 0.75 < value.high < 0.95
    assert ("participation.satisfaction", "2026", breakdown(agency="tax")) in values


def test_every_definition_is_whole_and_bilingual():
    """Ids are unique and start with their family; titles and meanings are in both languages."""
    assert len(DEFINITIONS) == len(ALL_DEFINITIONS)
    for each in ALL_DEFINITIONS:
        assert each.id.partition(".")[0] == each.family
        assert each.family in FAMILIES
        assert all((each.title_en, each.meaning_en, each.formula, each.unit))
        assert all(
            any("\u0600" <= letter <= "\u06ff" for letter in text)
            for text in (each.title_fa, each.meaning_fa)
        )
        assert bool(each.group) or not each.people


@settings(deadline=None)
@given(groups())
def test_only_breakdowns_and_periods_of_the_definition_occur(rows):
    """No value is listed under a place that its definition does not name."""
    flows = (Flow("tax", "bank", "2026-06", 7),)
    for value in figures.published(Inputs(FRAME, cases=rows, flows=flows)):
        definition = DEFINITIONS[value.place.indicator]
        assert value.place.breakdown.dimensions in definition.breakdowns
        assert {7: "month", 4: "year", 3: "all"}[len(value.place.period)] in definition.periods


def test_reference_figures_are_the_briefs_and_marked_as_not_measured_here():
    """186 and 86 agencies, 3505, 2127 and 780 services, the index of three years; all apart from ours."""
    told = {(each.id.removeprefix("reference."), each.period): each for each in REFERENCE}
    baseline = ("agencies", "agencies-connected", "services", "services-connected", "services-smart")
    assert [told[name, None].value for name in baseline] == [186, 86, 3505, 2127, 780]
    assert [told["epi-score", year].value for year in ("2018", "2020", "2022")] == [0.5281, 0.4643, 0.1818]
    assert [told["epi-rank", year].value for year in ("2018", "2020", "2022")] == [111, 118, 167]
    assert told["e-decision-making", "2022"].value == 0
    assert not any(each.document()["measured_here"] for each in REFERENCE)
    assert not DEFINITIONS.keys() & {each.id for each in REFERENCE}


@given(
    st.lists(
        st.tuples(st.sampled_from(["journey", "agency", "service"]), st.text(min_size=1)),
        max_size=3,
        unique_by=lambda each: each[0],
    )
)
def test_a_breakdown_reads_back_from_its_text(parts):
    """Whatever the values are, the text has no slash and names the same breakdown."""
    broken = breakdown(**dict(parts))
    assert read(str(broken)) == broken
    assert "/" not in str(Place("x.y", "2026", broken)).removeprefix("x.y/2026/")


def test_an_agency_has_its_measured_value_by_agency_or_as_holder():
    """What measures an obligation is the agency's own value, by whichever dimension the figure has."""
    values = values_of(
        steps=(StepGroup("loan", "check", "bank", "2026-06", done=9, done_with_deadline=9, done_late=3),),
    )
    look_up = figures.measured_by(values.values())
    assert look_up("coordination.steps-in-time", "bank", "2026") == pytest.approx(2 / 3)
    assert look_up("coordination.steps-in-time", "tax", "2026") is None
    assert coordination.flowed(Inputs(FRAME)) == {"all": {}}
