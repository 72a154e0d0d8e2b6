"""The order of a journey's steps, and of journeys within journeys: circles, and what is never reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Groups = Collection[Collection[str]]
"""What a step comes after: of every group one."""


def circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return one circle of each knot in a graph, as `[a, b, a]`; every name stands in one circle at most.

    An edge leads from a name to each name that it waits for. Names without edges of their own are passed by.
    """
    found: list[list[str]] = []
    done: set[str] = set()
    for name in edges:
        if name not in done:
            circle = _circle_from(name, edges, done)
            if circle:
                found.append(circle)
                done.update(circle)
    return found


def unreachable(steps: Mapping[str, Groups]) -> set[str]:
    """Return the steps that can never be entered; a name that is no step hinders nobody."""
    reached: set[str] = set()
    while True:
        more = {
            name
            for name, groups in steps.items()
            if name not in reached
            and all(any(each in reached or each not in steps for each in group) for group in groups)
        }
        if not more:
            return set(steps) - reached
        reached |= more


def _circle_from(start: str, edges: Mapping[str, Iterable[str]], done: set[str]) -> list[str]:
    """Walk from a name, depth first, until the path meets itself; mark as done what leads nowhere."""
    path: list[str] = [start]
    ways = [iter(edges[start])]
    while path:
        following = next(ways[-1], None)
        if following is None:
            done.add(path.pop())
            ways.pop()
        elif following in path:
            return [*path[path.index(following) :], following]
        elif following in edges and following not in done:
            path.append(following)
            ways.append(iter(edges[following]))
    return []
