"""Laws of the registry, tried on generated registries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.registry.model import Agency, Agreement, Quota, Registry, Subsystem
from hub.registry.plan import plan
from hub.registry.records import RegistryReader, encode_edition, number

CODES = ("bank", "civil-registry", "tax", "insurance")
TYPES = ("service.request.submitted.v1", "service.step.completed.v1", "feedback.rating.given.v1")
FIELDS = ("handled_by", "answer", "province")

titles = st.text(min_size=1, max_size=8)
quotas = st.builds(
    Quota,
    *(st.none() | st.integers(1, 10**9) for _ in range(3)),
)
moments = st.integers(0, 10_000).map(
    lambda day: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day, hours=5)
)
masks = st.frozensets(st.sampled_from(FIELDS))


def agencies(code):
    return st.builds(
        Agency,
        code=st.just(AgencyCode(code)),
        version=st.just(0),
        title_fa=titles,
        title_en=titles,
        subsystems=st.lists(
            st.builds(Subsystem, st.sampled_from(["front", "back"]), titles, titles),
            unique_by=lambda each: each.code,
        ).map(tuple),
        grants=st.frozensets(st.sampled_from(TYPES).map(EventType)),
        partitions=st.sampled_from([1, 2, 4]),
        quota=quotas,
    )


def agreements(name):
    types = st.dictionaries(st.sampled_from(TYPES).map(EventType), masks, min_size=1)
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
        only=st.dictionaries(st.sampled_from(TYPES).map(EventType), masks, max_size=1),
    )


@st.composite
def registries(draw):
    codes = draw(st.sets(st.sampled_from(CODES), min_size=1))
    names = draw(st.sets(st.sampled_from(["one", "two", "three"])))
    return Registry(
        0,
        {AgencyCode(code): draw(agencies(code)) for code in codes},
        {AgreementId(name): draw(agreements(name)) for name in names},
    )


def _publish(reader, desired):
    """Do as an apply does: number the registry and put its records on the topic."""
    numbered = number(desired, reader)
    if numbered is not reader.current:
        for key, value in encode_edition(numbered, reader.keys):
            reader.feed(key, value)
    return numbered


def _without_versions(registry):
    return (
        {code: replace(each, version=0) for code, each in registry.agencies.items()},
        {id_: replace(each, version=0) for id_, each in registry.agreements.items()},
    )


@given(registries())
def test_a_registry_read_back_is_the_one_that_was_written(registry):
    """Nothing is lost or changed on the way through the records."""
    reader = RegistryReader()
    numbered = _publish(reader, registry)
    assert numbered == reader.current
    assert _without_versions(registry) == _without_versions(reader.current)


@given(registries(), registries())
def test_versions_rise_only_where_the_content_changes(first, second):
    """An unchanged object keeps its version, a changed one gets a new one, and the edition rises by one."""
    reader = RegistryReader()
    before, after = _publish(reader, first), _publish(reader, second)
    same = _without_versions(first) == _without_versions(second)
    assert before.version + (0 if same else 1) == after.version
    for code in before.agencies.keys() & after.agencies.keys():
        unchanged = first.agencies[code] == second.agencies[code]
        assert unchanged == (before.agencies[code].version == after.agencies[code].version)


@given(registries(), registries())
def test_earlier_editions_stay_readable(first, second):
    """Every decision of the past can be explained by the edition it was taken under."""
    reader = RegistryReader()
    before, after = _publish(reader, first), _publish(reader, second)
    assert before == reader.edition(before.version)
    assert after == reader.edition(after.version)


@given(registries())
def test_a_plan_after_apply_is_empty(registry):
    """The law of plan and apply: what was applied differs in nothing from what was wanted."""
    reader = RegistryReader()
    for key, value in encode_edition(number(registry, reader)):
        reader.feed(key, value)
    assert plan(reader.current, registry).changes == ()


@given(registries(), registries())
def test_a_plan_names_exactly_the_objects_that_differ(first, second):
    """Added, changed and removed objects are those that a comparison of the two registries finds."""
    found = {(change.action, change.kind, change.id) for change in plan(first, second).changes}
    expected = set()
    for kind, old, new in (
        ("agency", first.agencies, second.agencies),
        ("agreement", first.agreements, second.agreements),
    ):
        expected |= {("add", kind, each) for each in new.keys() - old.keys()}
        expected |= {("remove", kind, each) for each in old.keys() - new.keys()}
        expected |= {("change", kind, each) for each in new.keys() & old.keys() if old[each] != new[each]}
    assert expected == found
