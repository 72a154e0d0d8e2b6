"""Laws of the registry, tried on generated registries."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contracts.names import AgencyCode, AgreementId, CalendarId, EventType, JourneyId
from hub.registry.calendars import Calendar
from hub.registry.journey_documents import decode_journey, encode_journey
from hub.registry.journeys import Deadline, End, Escalation, Journey, Match, Reopening, Span, Start, Step
from hub.registry.model import Agency, Agreement, Quota, Registry, Subsystem
from hub.registry.plan import plan
from hub.registry.records import KINDS, RegistryReader, encode_edition, number

# Examples take longer where other tests are at work; nothing here is about time.
lawful = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CODES = ("bank", "civil-registry", "tax", "insurance")
TYPES = ("service.request.submitted.v1", "service.step.completed.v1", "feedback.rating.given.v1")
FIELDS = ("handled_by", "answer", "province")

titles = st.sampled_from(["A", "الف", "a → b", "a\nb", "'\"{}", "\u200c"])
quotas = st.sampled_from([Quota(), Quota(1), Quota(10**9, 2, 50)])
moments = st.sampled_from([datetime(2020 + year, 3, 20, 20, 30, tzinfo=UTC) for year in range(4)])
NO, ALL = frozenset[str](), frozenset(FIELDS)
SOME_TYPES = [frozenset(map(EventType, TYPES[:count])) for count in range(4)]
FRONT, BACK = Subsystem("front", "جلو", "Front"), Subsystem("back", "پشت", "Back")


def agencies(code):
    return st.builds(
        Agency,
        code=st.just(AgencyCode(code)),
        version=st.just(0),
        title_fa=titles,
        title_en=titles,
        subsystems=st.sampled_from([(), (FRONT,), (BACK, FRONT), (FRONT, replace(BACK, title_en="Rear"))]),
        grants=st.sampled_from(SOME_TYPES),
        partitions=st.sampled_from([1, 2, 4]),
        quota=quotas,
    )


def agreements(name):
    first, second, _ = map(EventType, TYPES)
    types = st.sampled_from(
        [{first: NO}, {first: NO, second: ALL}, {second: ALL}, {second: ALL - {"answer"}}]
    )
    return st.builds(
        Agreement,
        id=st.just(AgreementId(name)),
        version=st.just(0),
        source=st.sampled_from(CODES).map(AgencyCode),
        recipient=st.sampled_from(CODES).map(AgencyCode),
        purpose=st.just("purpose"),
        purpose_fa=titles,
        purpose_en=titles,
        legal_basis=titles,
        types=types,
        subject=st.sampled_from(["pass", "drop", "pseudonym"]),
        caseid=st.sampled_from(["pass", "drop", "pseudonym"]),
        valid_from=moments,
        valid_until=st.none() | moments,
        only=st.sampled_from([{}, {first: NO}, {first: ALL}]),
    )


words = st.sampled_from(["one", "دو"])
codes = st.sampled_from(CODES).map(AgencyCode)
spans = st.builds(
    Span, st.integers(1, 90), st.sampled_from(["working_days", "working_hours", "days", "hours"])
)
matches = st.builds(
    Match,
    type=st.sampled_from(TYPES).map(EventType),
    where=st.dictionaries(
        st.sampled_from(FIELDS), st.frozensets(st.sampled_from(["yes", "no", "7"]), min_size=1)
    ).map(lambda each: tuple(sorted(each.items()))),
    agencies=st.frozensets(codes, max_size=1),
)
deadlines = st.none() | st.builds(
    Deadline, st.none() | spans, st.sampled_from(["entered", "case"]), st.none() | words, st.none() | words
)
escalations = st.lists(st.builds(Escalation, spans, codes, st.none() | words), max_size=1).map(tuple)
STEPS = ("checked", "decided", "paid")


def steps(name):
    return st.builds(
        Step,
        id=st.just(name),
        title_fa=words,
        title_en=words,
        completed_by=st.lists(matches, max_size=1).map(tuple),
        owners=st.lists(codes, max_size=1, unique=True).map(tuple),
        after=st.lists(st.frozensets(st.sampled_from(STEPS), min_size=1), max_size=1).map(tuple),
        optional=st.booleans(),
        deadline=deadlines,
        warn=st.none() | spans,
        escalations=escalations,
        sub_case=st.none() | st.just(JourneyId("part")),
    )


def any_journey():
    return st.builds(
        Journey,
        id=st.just(JourneyId("loan")),
        version=st.integers(1, 9),
        title_fa=words,
        title_en=words,
        calendar=st.sampled_from(["iran", "plain"]).map(CalendarId),
        starts=st.lists(st.builds(Start, matches, st.booleans(), st.none() | words), max_size=1).map(tuple),
        steps=st.permutations(STEPS).flatmap(
            lambda ids: st.integers(0, 2).flatmap(lambda n: st.tuples(*map(steps, ids[:n])))
        ),
        ends=st.lists(
            st.builds(
                End,
                matches,
                st.sampled_from(["completed", "withdrawn"]),
                st.none() | words,
                st.none() | words,
            ),
            max_size=1,
        ).map(tuple),
        reopenings=st.lists(
            st.builds(Reopening, matches, st.frozensets(st.sampled_from(STEPS), min_size=1)), max_size=1
        ).map(tuple),
        services=st.frozensets(words, max_size=1),
        openers=st.frozensets(codes, max_size=1),
        deadline=deadlines,
        warn=st.none() | spans,
        escalations=escalations,
        stuck_after=spans,
        legal_basis=st.none() | words,
    )


def calendars(name):
    return st.builds(
        Calendar,
        id=st.just(CalendarId(name)),
        version=st.just(0),
        title_fa=words,
        title_en=words,
        zone=st.sampled_from(["Asia/Tehran", "UTC"]),
        weekend=st.sampled_from([frozenset[int](), frozenset({4}), frozenset({3, 4})]),
        holidays=st.sampled_from([frozenset[date](), frozenset({date(2020, 3, 20), date(2021, 1, 1)})]),
        first_year=st.just(2020),
        last_year=st.sampled_from([2021, 2022]),
        opens=st.sampled_from([time(8), time(7, 30)]),
        closes=st.sampled_from([time(14), time(16, 15)]),
    )


ONE = Match(EventType(TYPES[0]))
OTHER = Match(EventType(TYPES[1]), (("answer", frozenset({"yes", "no"})),), frozenset({AgencyCode("tax")}))
CHECKED = Step("checked", "بررسی", "Checked", (ONE,), (AgencyCode("tax"),))
PAID = Step("paid", "پرداخت", "Paid", (OTHER, ONE), after=(frozenset({"checked"}),), optional=True)
FEW = st.builds(
    Journey,
    id=st.just(JourneyId("birth")),
    version=st.just(0),
    title_fa=st.just("تولد"),
    title_en=st.sampled_from(["Birth", "Birth of a child"]),
    calendar=st.just(CalendarId("iran")),
    starts=st.sampled_from([(Start(ONE),), (Start(OTHER, proactive=True, at="given_at"),)]),
    steps=st.sampled_from([(), (CHECKED, PAID), (PAID, CHECKED), (replace(CHECKED, warn=Span(1, "days")),)]),
    deadline=st.sampled_from(
        [None, Deadline(field="due_at"), Deadline(Span(3, "working_days"), rule="Act 1")]
    ),
)
"""A few journeys, quickly drawn: what differs between them is an order, a part, a field of a part."""


@st.composite
def registries(draw):
    journeys = draw(st.lists(FEW, max_size=1))
    days = draw(st.lists(calendars("iran"), max_size=1))
    codes = draw(st.sets(st.sampled_from(CODES), min_size=1, max_size=2))
    names = draw(st.sets(st.sampled_from(["one", "two"])))
    return Registry(
        0,
        {AgencyCode(code): draw(agencies(code)) for code in codes},
        {AgreementId(name): draw(agreements(name)) for name in names},
        {each.id: each for each in journeys},
        {each.id: each for each in days},
    )


def _publish(reader, desired):
    """Do as an apply does: number the registry and put its records on the topic."""
    numbered = number(desired, reader)
    if numbered is not reader.current:
        for key, value in encode_edition(numbered, reader.keys):
            reader.feed(key, value)
    return numbered


def _without_versions(registry):
    return tuple(
        {id_: replace(each, version=0) for id_, each in kind.within(registry).items()} for kind in KINDS
    )


@lawful
@given(registries())
def test_a_registry_read_back_is_the_one_that_was_written(registry):
    """Nothing is lost or changed on the way through the records."""
    reader = RegistryReader()
    numbered = _publish(reader, registry)
    assert numbered == reader.current
    assert _without_versions(registry) == _without_versions(reader.current)


@lawful
@given(any_journey())
def test_a_journey_read_back_is_the_one_that_was_written(journey):
    """Every part of a journey has its place in the document."""
    document = json.loads(json.dumps(encode_journey(journey)))
    assert journey == decode_journey(document, journey.version)


@lawful
@given(registries(), registries())
def test_versions_rise_only_where_the_content_changes(first, second):
    """An unchanged object keeps its version, a changed one gets a new one, and the edition rises by one."""
    reader = RegistryReader()
    before, after = _publish(reader, first), _publish(reader, second)
    same = _without_versions(first) == _without_versions(second)
    assert before.version + (0 if same else 1) == after.version
    for kind in KINDS:
        old, new = kind.within(before), kind.within(after)
        for id_ in old.keys() & new.keys():
            unchanged = kind.within(first)[id_] == kind.within(second)[id_]
            assert unchanged == (old[id_].version == new[id_].version)


@lawful
@given(registries(), registries())
def test_earlier_editions_stay_readable(first, second):
    """Every decision of the past can be explained by the edition it was taken under."""
    reader = RegistryReader()
    before, after = _publish(reader, first), _publish(reader, second)
    assert before == reader.edition(before.version)
    assert after == reader.edition(after.version)


@lawful
@given(registries())
def test_a_plan_after_apply_is_empty(registry):
    """The law of plan and apply: what was applied differs in nothing from what was wanted."""
    reader = RegistryReader()
    for key, value in encode_edition(number(registry, reader)):
        reader.feed(key, value)
    assert plan(reader.current, registry).changes == ()


@lawful
@given(registries(), registries())
def test_a_plan_names_exactly_the_objects_that_differ(first, second):
    """Added, changed and removed objects are those that a comparison of the two registries finds."""
    found = {(change.action, change.kind, change.id) for change in plan(first, second).changes}
    expected = set()
    for kind in KINDS:
        old, new, name = kind.within(first), kind.within(second), kind.name
        expected |= {("add", name, each) for each in new.keys() - old.keys()}
        expected |= {("remove", name, each) for each in old.keys() - new.keys()}
        expected |= {("change", name, each) for each in new.keys() & old.keys() if old[each] != new[each]}
    assert expected == found
