"""Islands and the agreement that joins the most, against a brute force on random graphs."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from hub.indicators.graph import best_edge, strong_components, weak_components

NODES = "abcdefg"
edges = st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=16)


def reachable(pairs):
    found = {(node, node) for node in NODES} | set(pairs)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


def brute_force(pairs):
    reach = reachable(pairs)
    sets = {frozenset(b for b in NODES if (a, b) in reach and (b, a) in reach) for a in NODES}
    return sorted((tuple(sorted(each)) for each in sets), key=lambda each: (-len(each), each))


@given(edges)
def test_islands_are_the_sets_that_reach_each_other(pairs):
    """Tarjan's components are those of the definition: everybody reaches everybody, both ways."""
    assert list(strong_components(NODES, pairs)) == brute_force(pairs)


@given(edges)
def test_weak_components_forget_the_direction(pairs):
    """They are the islands of the graph in which every edge leads both ways."""
    assert list(weak_components(NODES, pairs)) == brute_force(pairs | {(b, a) for a, b in pairs})


@given(edges, edges)
def test_no_other_single_edge_joins_more(pairs, existing):
    """The best edge lessens the islands as much as any does, and by what it says."""
    now = len(brute_force(pairs))
    fewest = min(len(brute_force(pairs | {edge})) for edge in permutations(NODES, 2))
    best = best_edge(NODES, pairs, existing)
    assert now - fewest == (0 if best is None else best.fewer)
    if best is not None:
        joined = tuple(sorted(node for component in best.components for node in component))
        assert joined in brute_force(pairs | {best.edge})


def test_edges_of_others_do_not_count():
    """An edge to a node that is not asked about changes nothing."""
    assert strong_components("ab", [("a", "hub"), ("hub", "b"), ("b", "a")]) == (("a",), ("b",))
