"""What can be wrong with migrations: the open cases of which versions come along, and what of their steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hub.contracts.names import JourneyId
from hub.registry.journey_documents import encode_journey
from hub.registry.journey_fields import Wrong
from hub.registry.journeys import Journey, Migration
from hub.registry.model import Registry
from hub.registry.yamldocs import Path_, did_you_mean

Versions = Mapping[int, Journey]
"""The versions of one journey that were applied, by number."""


def wrong_migrations(journey: Journey, earlier: Versions | None) -> Iterator[Wrong]:
    """Tell what is wrong with the migrations of a journey that is to be applied.

    `earlier` are its versions so far; None: not known, what needs them is not checked. A journey that says
    what the newest says gets no new version, and was checked when it got its own. Where there is none, as on
    a new hub with the files of another, no case can come from one.
    """
    if earlier and encode_journey(earlier[max(earlier)]) == encode_journey(journey):
        return
    counts = Counter(version for each in journey.migrations for version in each.versions)
    for index, migration in enumerate(journey.migrations):
        path: Path_ = ("migrates", index)
        for version in sorted(migration.versions):
            if counts[version] > 1:
                yield (*path, "from"), f"version {version} stands twice: its cases would go two ways."
        yield from _wrong_ids(migration, journey, path)
        if earlier:
            yield from _wrong_versions(migration, journey, earlier, path)


def refusals(journeys: Iterable[Journey], earlier: Mapping[str, Versions]) -> list[str]:
    """Return why journeys may not be applied after these versions: as faults, without file and line."""
    return [
        f"journey {journey.id}: {'.'.join(str(part) for part in path)}: {text}"
        for journey in journeys
        for path, text in wrong_migrations(journey, earlier.get(journey.id, {}))
    ]


def news(applied: Registry | None, desired: Registry) -> dict[JourneyId, frozenset[int]]:
    """Return the versions whose open cases an apply would take along, by journey."""
    before = applied.journeys if applied is not None else {}
    changed = (
        each
        for id_, each in desired.journeys.items()
        if id_ in before and encode_journey(before[id_]) != encode_journey(each)
    )
    found = {each.id: [one.versions for one in each.migrations] for each in changed}
    return {id_: frozenset().union(*versions) for id_, versions in found.items() if versions}


def _wrong_ids(migration: Migration, journey: Journey, path: Path_) -> Iterator[Wrong]:
    """Tell what is wrong whatever the earlier versions are."""
    named, targets = dict(migration.steps), Counter(new for _, new in migration.steps)
    for old, new in migration.steps:
        if new not in journey.by_id:
            text = f"no step has the id {new!r}.{did_you_mean(new, journey.by_id)}"
            yield (*path, "steps", old), text
        elif targets[new] > 1:
            yield (*path, "steps", old), _two(new)
    for each in migration.dropped:
        if each.step in named:
            yield (*path, "dropped", each.step), "is dropped and goes on as another step; only one can be."


def _wrong_versions(
    migration: Migration, journey: Journey, earlier: Versions, path: Path_
) -> Iterator[Wrong]:
    known = [earlier[version] for version in sorted(migration.versions) if version in earlier]
    for version in sorted(migration.versions - earlier.keys()):
        said = ", ".join(map(str, sorted(earlier)))
        yield (*path, "from"), f"{journey.id} has no earlier version {version}; there are {said}."
    if len(known) < len(migration.versions):
        return
    ids = {id_ for before in known for id_ in before.by_id}
    told = [(("steps", old), old) for old, _ in migration.steps]
    told += [(("dropped", each.step), each.step) for each in migration.dropped]
    for place, id_ in told:
        if id_ not in ids:
            yield (*path, *place), f"no step of these versions has the id {id_!r}.{did_you_mean(id_, ids)}"
    for before in known:
        yield from _wrong_steps(migration, journey, before, path)


def _wrong_steps(migration: Migration, journey: Journey, before: Journey, path: Path_) -> Iterator[Wrong]:
    """Tell of steps of an earlier version that have no place, or one place for two."""
    named, dropped = dict(migration.steps), {each.step for each in migration.dropped}
    now = migration.ids(before.by_id, journey.by_id)
    for id_ in before.by_id:
        if id_ not in now and id_ not in dropped and id_ not in named:
            text = (
                f"step {id_!r} of version {before.version} has no place: give its new id in `steps`, or name "
                "it in `dropped` with a reason."
            )
            yield (*path, "steps"), text
    for id_, new in now.items():
        if (
            id_ not in named
            and new in named.values()
            and any(other != id_ and to == new for other, to in now.items())
        ):
            yield (*path, "steps", id_), _two(new)


def _two(new: str) -> str:
    return f"two steps would become {new!r}; drop one of them with a reason."
