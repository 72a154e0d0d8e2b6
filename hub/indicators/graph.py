"""Directed graphs of agencies: strongly and weakly connected sets, and the edge that would join the most."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Edge = tuple[str, str]
Component = tuple[str, ...]
"""Its members in order of name."""


def strong_components(nodes: Iterable[str], edges: Iterable[Edge]) -> tuple[Component, ...]:
    """Return the strongly connected components, largest first (Tarjan, without recursion)."""
    successors = _successors(nodes, edges)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    done: set[str] = set()
    found: list[Component] = []
    for root in successors:
        if root in index:
            continue
        work = [(root, iter(successors[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    work.append((other, iter(successors[other])))
                    break
                if other not in done:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_take(stack, node))
                    done.update(found[-1])
    return _ordered(found)


def weak_components(nodes: Iterable[str], edges: Iterable[Edge]) -> tuple[Component, ...]:
    """Return the sets joined by edges in whichever direction, largest first."""
    edges = tuple(edges)
    return strong_components(nodes, (*edges, *((target, source) for source, target in edges)))


@dataclass(frozen=True, slots=True)
class Joining:
    """An edge, and the components that it would make one: none or one of them means that it joins nothing."""

    edge: Edge
    components: tuple[Component, ...]

    @property
    def fewer(self) -> int:
        """By how many it lessens the components."""
        return max(len(self.components) - 1, 0)


def best_edge(nodes: Iterable[str], edges: Iterable[Edge], existing: Collection[Edge]) -> Joining | None:
    """Return the edge that lessens the strongly connected components the most; None if none does.

    In a tie the one that joins more agencies, then one that does not exist yet, then the first by name.
    """
    edges = tuple(edges)
    components = strong_components(nodes, edges)
    reach = _reach(components, edges)
    back = [sum(1 << i for i, row in enumerate(reach) if row >> j & 1) for j in range(len(components))]
    best: tuple[tuple[int, int, bool], Edge, int] | None = None
    for source in range(len(components)):
        for target in range(len(components)):
            joined = reach[target] & back[source]
            if source == target or joined.bit_count() < 2:
                continue
            edge, new = _between(components[source], components[target], existing)
            agencies = sum(len(each) for i, each in enumerate(components) if joined >> i & 1)
            rank = (joined.bit_count(), agencies, new)
            if best is None or rank > best[0] or (rank == best[0] and edge < best[1]):
                best = rank, edge, joined
    if best is None:
        return None
    return Joining(best[1], tuple(each for i, each in enumerate(components) if best[2] >> i & 1))


def _successors(nodes: Iterable[str], edges: Iterable[Edge]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {node: set() for node in sorted(nodes)}
    for source, target in edges:
        if source in found and target in found:
            found[source].add(target)
    return {node: tuple(sorted(targets)) for node, targets in found.items()}


def _take(stack: list[str], root: str) -> Component:
    place = stack.index(root)
    members = stack[place:]
    del stack[place:]
    return tuple(sorted(members))


def _ordered(components: Iterable[Component]) -> tuple[Component, ...]:
    return tuple(sorted(components, key=lambda each: (-len(each), each)))


def _reach(components: tuple[Component, ...], edges: Iterable[Edge]) -> list[int]:
    """Return for each component the set of those that it reaches, itself among them, as bits."""
    place = {node: i for i, component in enumerate(components) for node in component}
    reach = [1 << i for i in range(len(components))]
    between = {(place[a], place[b]) for a, b in edges if a in place and b in place and place[a] != place[b]}
    changed = True
    while changed:
        changed = False
        for source, target in between:
            joined = reach[source] | reach[target]
            changed = changed or joined != reach[source]
            reach[source] = joined
    return reach


def _between(source: Component, target: Component, existing: Collection[Edge]) -> tuple[Edge, bool]:
    """Return the first edge from one component to another, by name; one that does not exist if possible."""
    pairs = [(a, b) for a in source for b in target]
    new = [pair for pair in pairs if pair not in existing]
    return (new[0], True) if new else (pairs[0], False)
