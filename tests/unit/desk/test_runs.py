"""How records are fetched by their places: near ones in one go, far ones each by itself."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.broker.desk.places import runs

PLACES = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(0, 2_000))


@given(places=st.lists(PLACES))
def test_every_place_is_in_one_run_and_no_run_goes_far(places):
    """A law: nothing is left out or fetched twice; a run is one partition's, ascending, without long gaps."""
    made = list(runs(places))
    assert sorted(each for run in made for each in run) == sorted(set(places))
    for run in made:
        assert len({place[:2] for place in run}) == 1
        assert all(0 < later[2] - earlier[2] <= 200 for earlier, later in pairwise(run))


def test_far_places_of_one_partition_are_sought_each_by_itself():
    """Two faults a million records apart do not cost a million records."""
    near, far = ("a", 0, 5), ("a", 0, 1_000_000)
    assert list(runs([far, near, ("b", 0, 6)])) == [[near], [far], [("b", 0, 6)]]
