"""The lock `schemas/lock.json`: every schema that was ever given an id, so that old events stay readable.

An entry never changes and an id is never given twice; a changed schema is a new entry. The `.avsc`
files hold the newest version of each event type, for people; the hub decodes by the lock alone. One
entry is one line of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.contracts.names import EventType, SchemaId, subject_name, subject_type
from hub.errors import ContractError

FILE = "lock.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One locked schema: its id, event type, version within the subject (from 1, no gaps), Avro schema."""

    id: SchemaId
    event_type: EventType
    version: int
    schema: dict[str, Any]

    @property
    def sha256(self) -> str:
        """SHA-256 of the schema's canonical text, in hex."""
        return fingerprint(self.schema)


def canonical(schema: dict[str, Any]) -> str:
    """Return the schema's canonical text: all of it, annotations included, keys sorted, no white space.

    Not Avro's parsing canonical form, which drops defaults, aliases and annotations: two schemas that
    differ in any of these are two schemas here.
    """
    return json.dumps(schema, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fingerprint(schema: dict[str, Any]) -> str:
    """Return the SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(schema).encode()).hexdigest()


def read(folder: Path) -> tuple[Entry, ...]:
    """Return the entries of a folder's lock in the order of their ids; none if there is no lock yet.

    Raises ContractError naming the file and the entry when the lock was damaged or edited by hand.
    """
    path = folder / FILE
    if not path.exists():
        return ()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        records = document["schemas"]
        if document["format"] != FORMAT:
            raise _broken(path, f"it has format {document['format']!r}, not {FORMAT}.")
        entries = tuple(_entry(path, number, record) for number, record in enumerate(records))
    except OSError as error:
        raise ContractError(f"the lock cannot be read: {error.strerror}.", where=str(path)) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(path, f"it cannot be read ({type(error).__name__}: {error}).") from None
    _check(path, entries)
    return entries


def write(folder: Path, entries: Iterable[Entry]) -> None:
    """Write the lock, one line an entry; the old file is replaced at once or not at all."""
    lines = ",\n".join(_line(entry) for entry in entries)
    text = f'{{"format": {FORMAT}, "schemas": [\n{lines}\n]}}\n'
    scratch = folder / f".{FILE}.new"
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(folder / FILE)


def _line(entry: Entry) -> str:
    record = {
        "id": entry.id,
        "subject": subject_name(entry.event_type),
        "version": entry.version,
        "sha256": entry.sha256,
        "schema": entry.schema,
    }
    return json.dumps(record, ensure_ascii=False)


def _entry(path: Path, number: int, record: dict[str, Any]) -> Entry:
    type_ = subject_type(record["subject"])
    entry = Entry(SchemaId(record["id"]), type_, record["version"], record["schema"])
    if entry.sha256 != record["sha256"]:
        raise _broken(path, f"entry {number + 1} (id {entry.id}, {type_}) was changed: its SHA-256 differs.")
    return entry


def _check(path: Path, entries: tuple[Entry, ...]) -> None:
    versions: dict[EventType, int] = {}
    last = 0
    for entry in entries:
        if entry.id <= last:
            raise _broken(path, f"id {entry.id} does not follow id {last}.")
        last = entry.id
        if entry.version != versions.get(entry.event_type, 0) + 1:
            raise _broken(path, f"version {entry.version} of {entry.event_type} is out of its order.")
        versions[entry.event_type] = entry.version


def _broken(path: Path, what: str) -> ContractError:
    return ContractError(
        f"the lock is damaged: {what}", where=str(path), do="Restore it from version control."
    )
