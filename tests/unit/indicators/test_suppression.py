"""Small groups: what is published never lets a hidden number be computed back."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hub.indicators import figures
from hub.indicators.breakdown import ALL, breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import Frame, Inputs
from hub.indicators.suppression import small_tally, suppressed
from tests.unit.indicators.makers import group

FRAME = Frame(None, frozenset({"a", "b", "c"}))


groups = st.lists(
    st.builds(
        group,
        st.sampled_from("abc"),
        st.sampled_from(["IR-01", "IR-02", "IR-03"]),
        st.sampled_from(["2025-11", "2026-01", "2026-02"]),
        completed=st.integers(0, 9),
        withdrawn=st.integers(0, 3),
        open_=st.integers(0, 6),
        late=st.integers(0, 2),
    ),
    max_size=12,
)


def published_of(rows):
    return suppressed(figures.counted(Inputs(FRAME, cases=tuple(rows))))


AGENCIES, PROVINCES, MONTHS = "abc", ("IR-01", "IR-02", "IR-03"), ("2025-11", "2026-01", "2026-02")
STARTED = ("open", "started-completed", "started-withdrawn")
PARTS = (*STARTED, "completed", "withdrawn")


class Outsider:
    """Somebody who knows every rule and every published number, but no row: solves for the rows.

    The unknown: of every agency, province and month what became of the cases started, and the cases ended.
    """

    def __init__(self, values):
        keys = product(AGENCIES, PROVINCES, MONTHS)
        self.unknown = {each: i for i, each in enumerate(product(keys, PARTS))}
        self.rows = [self._ended_is_ended(*each) for each in product(AGENCIES, PROVINCES, PARTS[3:])]
        for value in values:
            self._learn(value)
        listed = {value.place for value in values}
        for place in {value.place for value in values}:
            for part in ("open", "completed", "withdrawn"):
                if place._replace(indicator=f"completion.{part}") not in listed:
                    self.rows.append(self.coefficients((part,), place))
        self._reduce()

    def _ended_is_ended(self, agency, province, part):
        """Over all time, the cases that ended are those that started and ended."""
        row = {}
        for month in MONTHS:
            row[self.unknown[(agency, province, month), part]] = Fraction(1)
            row[self.unknown[(agency, province, month), f"started-{part}"]] = Fraction(-1)
        return row

    def coefficients(self, parts, place):
        row = {}
        for (key, part), index in self.unknown.items():
            agency, province, month = key
            own = {"agency": agency, "province": province, "journey": "birth", "channel": "online"}
            inside = place.period in {"all", month, month[:4]}
            if part in parts and inside and all(own[name] == value for name, value in place.breakdown.parts):
                row[index] = Fraction(1)
        return row

    def _learn(self, value):
        told = {
            "completion.started": [STARTED],
            "completion.completed": [("completed",)],
            "completion.withdrawn": [("withdrawn",)],
            "completion.open": [("open",)],
            "completion.completed-share": [STARTED, ("started-completed",)],
            "coordination.agencies-per-case": [STARTED],
        }.get(value.place.indicator, [])
        if not value.suppressed:
            self.rows += [self.coefficients(parts, value.place) for parts in told]

    def _reduce(self):
        self.pivots = []
        for row in self.rows:
            left = self._without(row)
            if left:
                place = min(left)
                self.pivots.append((place, {name: each / left[place] for name, each in left.items()}))

    def _without(self, row):
        row = dict(row)
        for place, pivot in self.pivots:
            factor = row.get(place)
            if factor:
                for name, each in pivot.items():
                    row[name] = row.get(name, 0) - factor * each
        return {name: each for name, each in row.items() if each}

    def can_compute(self, parts, place):
        return not self._without(self.coefficients(parts, place))


@settings(max_examples=40, deadline=None, phases=[Phase.generate])
@given(groups)
def test_no_suppressed_count_follows_from_what_is_published(rows):
    """An outsider who solves for the rows with all that is published cannot compute a suppressed count."""
    values = published_of(rows)
    outsider = Outsider(values)
    for value in values:
        part = value.place.indicator.removeprefix("completion.")
        if value.suppressed and part in {"completed", "withdrawn", "open"}:
            assert not outsider.can_compute((part,), value.place), value.place


@settings(max_examples=40, deadline=None, phases=[Phase.generate])
@given(groups)
def test_nothing_small_is_published_and_a_suppressed_value_says_nothing(rows):
    """No published figure is about one to four people, and a suppressed one has neither value nor details."""
    for value in published_of(rows):
        if value.suppressed:
            assert (value.value, value.numerator, value.denominator, value.cases, value.events) == (None,) * 5
            assert value.coverage.agencies is None
            assert not value.details
        elif DEFINITIONS[value.place.indicator].people:
            assert not 0 < (value.cases or 0) < 5, value.place


def test_the_next_smallest_sibling_is_suppressed_with_a_small_one():
    """A total and one small part of three: the next smallest part is hidden too, the largest is not."""
    rows = [
        group("a", "IR-01", "2026-01", completed=2),
        group("b", "IR-01", "2026-01", completed=20),
        group("c", "IR-01", "2026-01", completed=30),
    ]
    found = {
        value.place.breakdown.get("agency"): value
        for value in published_of(rows)
        if value.place.indicator == "completion.completed"
        and value.place.period == "all"
        and value.place.breakdown.dimensions in {(), ("agency",)}
    }
    assert found["a"].suppressed
    assert found["b"].suppressed
    assert (found["c"].value, found[None].value) == (30, 52)


def test_two_small_parts_that_are_few_together_take_a_third_with_them():
    """One and one hidden beside a total would both be known to be one; so a third part is hidden."""
    rows = [
        group("a", "IR-01", "2026-01", completed=1),
        group("b", "IR-01", "2026-01", completed=1),
        group("c", "IR-01", "2026-01", completed=30),
    ]
    hidden = {
        value.place.breakdown
        for value in published_of(rows)
        if value.suppressed and (value.place.indicator, value.place.period) == ("completion.started", "all")
    }
    assert {breakdown(agency=each) for each in "abc"} <= hidden
    assert ALL not in hidden


def test_a_large_group_stays_as_it_is():
    """Where no group is small, nothing is suppressed."""
    rows = [group(agency, "IR-01", "2026-01", completed=50) for agency in "abc"]
    assert not [value for value in published_of(rows) if value.suppressed]


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.integers(1, 12), max_size=8))
def test_a_tally_shows_no_small_entry_and_none_by_what_is_left(tally):
    """In a published tally no entry is small, also not the rest, which is of two entries or more."""
    found = small_tally(tally)
    assert all(count >= 5 for count in found.values())
    if found:
        assert sum(found.values()) == sum(tally.values())
        assert ("others" in found) <= (len(tally) - (len(found) - 1) >= 2)
