"""A plan: the difference between the registry in force and the one wanted, and what forbids applying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hub.contracts import topics
from hub.registry.model import Registry
from hub.registry.records import KINDS

Action = Literal["add", "change", "remove"]
_SIGNS: dict[Action, str] = {"add": "+", "change": "~", "remove": "-"}
_NAMED = {"subsystems": "code", "steps": "id"}
"""Lists of parts that have names of their own, and by which field."""
_HOLIDAYS = "holidays"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's value before and after; None where there was or will be none."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one object: an agency, an agreement, a calendar or a journey."""

    action: Action
    kind: str
    id: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every change, kind by kind in alphabetical order, each kind by id."""

    changes: tuple[Change, ...]

    def count(self, action: Action) -> int:
        """Return how many objects are added, changed or removed."""
        return sum(change.action == action for change in self.changes)

    @property
    def summary(self) -> str:
        """One line: how many objects are added, changed, removed."""
        if not self.changes:
            return "No changes. The agency registry in force is as the files say."
        counts = (
            f"{self.count('add')} to add, {self.count('change')} to change, {self.count('remove')} to remove"
        )
        return f"Plan: {counts}."

    def text(self) -> str:
        """Return the plan as infrastructure tools print it: + add, ~ change, - remove, old → new."""
        lines = [line for change in self.changes for line in _lines(change)]
        return "\n".join([*lines, "", self.summary] if lines else [self.summary])

    def as_json(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        return {
            "add": self.count("add"),
            "change": self.count("change"),
            "remove": self.count("remove"),
            "changes": [
                {
                    "action": change.action,
                    "kind": change.kind,
                    "id": change.id,
                    "fields": [
                        {"field": each.field, "old": each.old, "new": each.new} for each in change.fields
                    ],
                }
                for change in self.changes
            ],
        }


def plan(applied: Registry | None, desired: Registry) -> Plan:
    """Return what turns the registry in force into the desired one. Versions do not count, only content."""
    before, after = _documents(applied), _documents(desired)
    names = sorted(before.keys() | after.keys())
    changes = (_change(name, before.get(name, {}), after.get(name, {})) for name in names)
    return Plan(tuple(change for change in changes if change is not None))


def refusals(applied: Registry | None, desired: Registry, disk_bytes: int | None = None) -> list[str]:
    """Return why this plan may not be applied: partition counts changed in place, quotas beyond the disk.

    `disk_bytes` is the size of the disk that holds Kafka's data; None where the hub cannot know it.
    """
    faults = []
    for code, agency in desired.agencies.items():
        old = applied.agencies.get(code) if applied else None
        if old is not None and old.partitions != agency.partitions:
            faults.append(
                f"agency {code}: partitions {old.partitions} → {agency.partitions}: never changed in place, "
                "as keys would move and cases lose their order. Keep the number, or take a new code."
            )
    needed = quota_bytes(desired)
    if disk_bytes is not None and needed > disk_bytes:
        faults.append(
            f"by the produce quotas, outboxes may hold {_gib(needed)} GiB (14 days), but the disk has "
            f"{_gib(disk_bytes)} GiB. Lower quota.produce_bytes_per_second, or take a larger disk."
        )
    return faults


def quota_bytes(registry: Registry) -> int:
    """Return what the outboxes may hold in bytes if every agency with a produce quota uses all of it."""
    rates = (agency.quota.produce_bytes_per_second or 0 for agency in registry.agencies.values())
    return sum(rates) * topics.AGENCY_RETENTION_MS // 1000


def _documents(registry: Registry | None) -> dict[tuple[str, str], dict[str, Any]]:
    if registry is None:
        return {}
    return {
        (kind.name, id_): _flat(kind.encode(each))
        for kind in KINDS
        for id_, each in kind.within(registry).items()
    }


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a document's leaves by dotted path; lists are leaves, except of parts that have names."""
    leaves: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{prefix}{name}"
        if name in _NAMED:
            leaves[path] = [each[_NAMED[name]] for each in value]
            for each in value:
                inner = {key: part for key, part in each.items() if key != _NAMED[name]}
                leaves |= _flat(inner, f"{path}.{each[_NAMED[name]]}.")
        elif isinstance(value, Mapping):
            leaves |= _flat(value, f"{path}.")
        elif value is not None:
            leaves[path] = value
    return leaves


def _change(name: tuple[str, str], old: Mapping[str, Any], new: Mapping[str, Any]) -> Change | None:
    fields = tuple(
        _field(field, old.get(field), new.get(field))
        for field in [*new, *(field for field in old if field not in new)]
        if old.get(field) != new.get(field)
    )
    if not fields:
        return None
    action: Action = "add" if not old else "remove" if not new else "change"
    return Change(action, *name, fields)


def _field(name: str, old: Any, new: Any) -> FieldChange:
    """Return a field's change; of a calendar's holidays only the dates that go and come."""
    if name == _HOLIDAYS and old is not None and new is not None:
        return FieldChange(name, [d for d in old if d not in new], [d for d in new if d not in old])
    return FieldChange(name, old, new)


def _lines(change: Change) -> list[str]:
    sign = _SIGNS[change.action]
    head = f"{sign} {change.kind} {change.id}"
    return [head, *(f"    {line}" for each in change.fields for line in _field_lines(change.action, each))]


def _field_lines(action: Action, change: FieldChange) -> list[str]:
    old, new = change.old, change.new
    if action != "change" and change.field == _HOLIDAYS:
        return [f"{_SIGNS[action]} {change.field}: {len(old or new or [])} dates"]
    if action != "change" and (old or new) is False:
        return []
    if isinstance(old, list) or isinstance(new, list):
        return _list_lines(change.field, old or [], new or [])
    if action == "add" or old is None:
        return [f"+ {change.field}: {_shown(new)}"]
    if action == "remove" or new is None:
        return [f"- {change.field}: {_shown(old)}"]
    return [f"~ {change.field}: {_shown(old)} → {_shown(new)}"]


def _list_lines(name: str, before: list[Any], after: list[Any]) -> list[str]:
    gone = [f"- {name}: {_shown(each)}" for each in before if each not in after]
    come = [f"+ {name}: {_shown(each)}" for each in after if each not in before]
    if not gone and not come and before != after:
        return [f"~ {name}: {_shown(before)} → {_shown(after)}"]
    return [*gone, *come]


def _shown(value: Any) -> str:
    """Return a value as files write it, without what is not said."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        said = {name: part for name, part in value.items() if part not in (None, [], {}, False)}
        return "{" + ", ".join(f"{name}: {_shown(part)}" for name, part in said.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return str(value)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f}"
