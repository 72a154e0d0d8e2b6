"""From schema files to the lock: what is new or changed, whether it may be, and the lock that follows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hub.contracts import lint, lockfile
from hub.contracts.compat import Incompatibility, Mode, judge
from hub.contracts.lockfile import Entry
from hub.contracts.names import EventType, SchemaId, major
from hub.contracts.sources import SUFFIX, Finding, Source, read_sources
from hub.errors import ConfigError

MODE = Mode.FULL_TRANSITIVE


@dataclass(frozen=True, slots=True)
class Change:
    """A schema that the lock does not have yet: the entry it would become, its fields against the last."""

    kind: Literal["new", "changed"]
    file: str
    entry: Entry
    added: tuple[str, ...]
    removed: tuple[str, ...]
    altered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A schemas folder judged: its lock, what would be added to it, and everything that stands against it."""

    folder: Path
    entries: tuple[Entry, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]

    @property
    def locked(self) -> tuple[Entry, ...]:
        """The lock's entries with the changes made."""
        return (*self.entries, *(change.entry for change in self.changes))


def examine(folder: Path) -> State:
    """Judge a schemas folder: files, compatibility, lock. Changes nothing.

    Raises ConfigError if there is no such folder or no schema in it, ContractError if the lock is damaged.
    """
    if not folder.is_dir():
        raise ConfigError("there is no such folder.", where=str(folder), do="Name the folder of the schemas.")
    entries = lockfile.read(folder)
    sources, findings = read_sources(folder)
    if not sources and not findings:
        raise ConfigError("there is no schema file (*.avsc) here.", where=str(folder))
    for source in sources:
        findings += lint.lint(source)
    faulty = {finding.file for finding in findings}
    history = _by_type(entries)
    findings += _removed(sources, history, faulty)
    changes = _changes([source for source in sources if source.file not in faulty], entries, history)
    for change in changes:
        findings += _incompatible(
            change, [entry.schema for entry in history.get(change.entry.event_type, ())]
        )
    return State(folder, entries, tuple(changes), tuple(findings))


def stale(state: State) -> tuple[Finding, ...]:
    """Return what makes the lock stale: each new or changed schema as a finding."""
    return tuple(
        Finding(change.file, "", f"it is {change.kind} and not locked: run `hub schemas lock`.")
        for change in state.changes
    )


def _by_type(entries: tuple[Entry, ...]) -> dict[EventType, list[Entry]]:
    history: dict[EventType, list[Entry]] = {}
    for entry in entries:
        history.setdefault(entry.event_type, []).append(entry)
    return history


def _removed(sources: list[Source], history: dict[EventType, list[Entry]], faulty: set[str]) -> list[Finding]:
    present = {source.event_type for source in sources}
    files = {type_: _file(type_) for type_ in history if type_ not in present}
    return [
        Finding(file, "", "it is locked, but its file is gone: events of this type exist. Restore the file.")
        for file in files.values()
        if file not in faulty
    ]


def _file(type_: EventType) -> str:
    domain, _, rest = type_.partition(".")
    return f"{domain}/{rest}{SUFFIX}"


def _changes(
    sources: list[Source], entries: tuple[Entry, ...], history: dict[EventType, list[Entry]]
) -> list[Change]:
    changes: list[Change] = []
    next_id = max((entry.id for entry in entries), default=0) + 1
    for source in sources:
        versions = history.get(source.event_type, [])
        last = versions[-1] if versions else None
        if last is not None and last.sha256 == lockfile.fingerprint(source.schema):
            continue
        entry = Entry(SchemaId(next_id + len(changes)), source.event_type, len(versions) + 1, source.schema)
        changes.append(_change(source, entry, last))
    return changes


def _change(source: Source, entry: Entry, last: Entry | None) -> Change:
    new = _fields(source.schema)
    old = _fields(last.schema) if last else {}
    return Change(
        kind="changed" if last else "new",
        file=source.file,
        entry=entry,
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        altered=tuple(name for name in new if name in old and new[name] != old[name]),
    )


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field for field in schema["fields"]}


def _incompatible(change: Change, earlier: list[dict[str, Any]]) -> list[Finding]:
    return [
        Finding(change.file, fault.clash.path, _sentence(change.entry.event_type, fault))
        for fault in judge(change.entry.schema, earlier, MODE)
    ]


def _sentence(type_: EventType, fault: Incompatibility) -> str:
    successor = f"{type_.rpartition('.v')[0]}.v{major(type_) + 1}"
    return (
        f"{fault.reason} (rule {MODE}). "
        f"Undo it, or give the field a default, or start a new major: {successor}."
    )
