"""Deliveries cut at ticks and told from what came before: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.origin import Origin
from hub.journeys.arrivals import Arrival
from hub.journeys.rounds import rounds, sort
from tests.unit.journeys.making import STEP, event

START = datetime(2026, 5, 4, tzinfo=UTC)
_offsets = count()


def arrival(partition=0, *, tick=None, id_=None, again=False, caseid="city/1"):
    """Return a delivery; `tick` in hours."""
    return Arrival(
        partition=partition,
        offset=next(_offsets),
        appended_at=START,
        route="r",
        seq=1,
        origin=Origin("agency.city.outbox", partition, 1),
        again=again,
        caseid=caseid,
        event=event(STEP, id_=id_),
        tick=None if tick is None else START + timedelta(hours=tick),
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=40))
def test_a_tick_judges_exactly_what_lies_before_it_in_its_partition(plan):
    """Events of a partition before its tick are in that tick's round or an earlier one, later ones after."""
    arrivals = [arrival(part, tick=number if tick else None) for number, (part, tick) in enumerate(plan)]
    judged = {part: [] for part in range(3)}
    for each in rounds(arrivals):
        for found in each.events:
            judged[found.partition].append(found)
        for part, ticks in each.ticks.items():
            judged[part] += [tick.moment for tick in ticks]
    for part, found in judged.items():
        assert found == [each.tick or each for each in arrivals if each.partition == part]


def test_ticks_without_an_event_between_them_are_one_round():
    """A quiet week of ticks is not a week of transactions' work."""
    made = rounds([arrival(), arrival(tick=1), arrival(tick=2), arrival(1), arrival(tick=3), arrival()])
    assert [(len(each.events), {part: len(t) for part, t in each.ticks.items()}) for each in made] == [
        (2, {0: 3}),
        (1, {}),
    ]


def test_new_events_are_kept_and_counted_each():
    """Nothing known: all are fresh, and cases go on."""
    one, other = arrival(), arrival(caseid=None)
    found = sort([one, other], set(), set())
    assert (found.fresh, found.first, found.gone, found.anew) == (
        [one, other],
        [one.event, other.event],
        set(),
        set(),
    )


@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_delivered_twice_is_left_out(at_once):
    """A repeat of hub-seq with an id that is known: as if it had not come."""
    one, twice = arrival(id_="a"), arrival(id_="a")
    known = set() if at_once else {one.identity}
    given_ = [one, twice] if at_once else [twice]
    found = sort(given_, known, {(twice.partition, twice.offset)})
    assert found.fresh == given_[:-1]
    assert found.anew == set()


def test_a_repeated_sequence_with_an_event_that_never_came_is_kept():
    """Out of order is not twice: the event counts."""
    late = arrival()
    assert sort([late], set(), {(late.partition, late.offset)}).fresh == [late]


def test_what_was_sent_twice_is_kept_and_counts_once():
    """Another sequence, the same id: its case is folded anew, and notes it."""
    one, again = arrival(id_="a"), arrival(id_="a")
    found = sort([one, again], set(), set())
    assert (found.fresh, found.first, found.anew) == ([one, again], [one.event], {"city/1"})


@pytest.mark.parametrize("at_once", [True, False])
def test_a_repair_takes_the_place_of_what_was_wrong(at_once):
    """What is in the tables goes; what came with it in the same round is not even kept."""
    wrong, right = arrival(id_="a"), arrival(id_="a", again=True)
    known = set() if at_once else {wrong.identity}
    found = sort([wrong, right] if at_once else [right], known, set())
    assert (found.fresh, found.first) == ([right], [right.event])
    assert found.gone == known
    assert found.anew == {"city/1"}
    assert list(found.by_case()) == ["city/1"]
