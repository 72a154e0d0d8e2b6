"""The records of `hub.registry`: how an edition of the agency registry is written down and read back.

Keys are `<kind>/<id>@<version>`; a key is written once, so compaction keeps every version ever applied. One
`hub apply` is one Kafka transaction: the new object versions, then the manifest `edition/registry@<n>`, which
lists the version of every object in force. A reader acts only on editions whose objects it has all seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.errors import ContractError
from hub.registry.documents import decode_agency, decode_agreement, encode_agency, encode_agreement
from hub.registry.journey_documents import (
    decode_calendar,
    decode_journey,
    encode_calendar,
    encode_journey,
)
from hub.registry.model import ALWAYS, Edition, Registry

AGENCY = "agency"
AGREEMENT = "agreement"
CALENDAR = "calendar"
JOURNEY = "journey"
EDITION = "edition"
_KEY = re.compile(r"([a-z]+)/([a-z][a-z0-9-]*)@([1-9][0-9]*)")

Record = tuple[str, bytes | None]
"""Key and value of one record; a null value (never written by the hub) takes the key back."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object that an edition is made of: where a registry has it, and its form as a document."""

    name: str
    within: Callable[[Registry], Mapping[Any, Any]]
    encode: Callable[[Any], dict[str, Any]]
    decode: Callable[[Mapping[str, Any], int], Any]


KINDS = (
    Kind(AGENCY, lambda registry: registry.agencies, encode_agency, decode_agency),
    Kind(AGREEMENT, lambda registry: registry.agreements, encode_agreement, decode_agreement),
    Kind(CALENDAR, lambda registry: registry.calendars, encode_calendar, decode_calendar),
    Kind(JOURNEY, lambda registry: registry.journeys, encode_journey, decode_journey),
)
"""Every kind, in the order in which plans show them."""

_BY_NAME = {kind.name: kind for kind in KINDS}


def edition_key(number: int) -> str:
    """Return the key of an edition's manifest."""
    return f"{EDITION}/registry@{number}"


def encode_edition(registry: Registry, known: Iterable[str] = ()) -> list[Record]:
    """Return the records of a numbered edition, the manifest last; keys in `known` are there already."""
    there = frozenset(known)
    objects = {
        f"{kind.name}/{id_}@{each.version}": kind.encode(each)
        for kind in KINDS
        for id_, each in kind.within(registry).items()
    }
    manifest = {"edition": registry.version, "objects": sorted(objects)}
    records: list[Record] = [
        (key, _dump(value)) for key, value in sorted(objects.items()) if key not in there
    ]
    return [*records, (edition_key(registry.version), _dump(manifest))]


class RegistryReader:
    """A fold over the records of `hub.registry`: feed them in the topic's order, then ask for editions."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, Any]] = {}
        self._read: dict[str, Any] = {}
        self._manifests: dict[int, list[str]] = {}
        self._appended: dict[int, datetime] = {}
        self._highest: dict[str, int] = {}
        self._built: dict[int, Registry] = {}

    def feed(self, key: str | bytes | None, value: bytes | None, appended_at: datetime | None = None) -> None:
        """Take one record and, where it is known, when the broker appended it (UTC).

        Raises ContractError naming the key if the record is malformed. Skips unknown kinds.
        """
        text, (kind, id_, version) = _split_key(key)
        if value is None:
            self._take_back(text, kind, version)
            return
        document = _load(text, value)
        self._highest[f"{kind}/{id_}"] = max(version, self._highest.get(f"{kind}/{id_}", 0))
        if kind == EDITION:
            self._manifests[version] = [str(each) for each in document.get("objects", ())]
            self._appended.setdefault(version, appended_at or ALWAYS)
            self._built.pop(version, None)
        elif kind in _BY_NAME:
            self._objects[text] = document
            self._read.pop(text, None)

    @property
    def current(self) -> Registry | None:
        """The newest complete edition; None before the first `hub apply`."""
        for number in sorted(self._manifests, reverse=True):
            if self._complete(number):
                return self.edition(number)
        return None

    def editions(self) -> list[Edition]:
        """Return the complete editions, ascending, with the times at which their manifests were appended.

        These never fall: the broker's clock may have been set back between two editions, but order is the
        log's. An edition that was fed without a time counts as in force ever since.
        """
        found: list[Edition] = []
        for number in sorted(self._manifests):
            if self._complete(number):
                latest = found[-1].appended_at if found else ALWAYS
                found.append(Edition(number, max(self._appended[number], latest), self.edition(number)))
        return found

    @property
    def keys(self) -> frozenset[str]:
        """The keys of every object version on the topic."""
        return frozenset(self._objects)

    def codes(self, kind: str) -> frozenset[str]:
        """Return the ids of every object of a kind that was ever written, in force or not."""
        return frozenset(name.partition("/")[2] for name in self._highest if _kind(name) == kind)

    def versions(self, kind: str) -> dict[str, dict[int, Any]]:
        """Return every version ever written of the objects of a kind, by id."""
        found: dict[str, dict[int, Any]] = {}
        for text in self._objects:
            _, (of, id_, version) = _split_key(text)
            if of == kind:
                found.setdefault(id_, {})[version] = self._object(text, kind, version)
        return found

    def edition(self, number: int) -> Registry:
        """Return one edition; raise ContractError if it is unknown or incomplete."""
        if number not in self._built:
            if not self._complete(number):
                raise ContractError(f"edition {number} of the agency registry is not on its topic.")
            self._built[number] = self._build(number)
        return self._built[number]

    def highest(self, kind: str, id_: str) -> int:
        """Return the highest version ever written of an object; 0 if there is none."""
        return self._highest.get(f"{kind}/{id_}", 0)

    @property
    def highest_edition(self) -> int:
        """The highest edition number ever written, complete or not."""
        return self._highest.get(f"{EDITION}/registry", 0)

    def _take_back(self, key: str, kind: str, version: int) -> None:
        self._objects.pop(key, None)
        self._read.pop(key, None)
        if kind == EDITION:
            self._manifests.pop(version, None)
            self._appended.pop(version, None)
            self._built.pop(version, None)

    def _complete(self, number: int) -> bool:
        return number in self._built or (
            number in self._manifests
            and all(key in self._objects or _kind(key) not in _BY_NAME for key in self._manifests[number])
        )

    def _build(self, number: int) -> Registry:
        found: dict[str, dict[Any, Any]] = {name: {} for name in _BY_NAME}
        for key in self._manifests[number]:
            _, (kind, id_, version) = _split_key(key)
            if kind in _BY_NAME:
                found[kind][id_] = self._object(key, kind, version)
        return _registry(number, found)

    def _object(self, key: str, kind: str, version: int) -> Any:
        """Return one object version; editions share it, so that many editions cost little."""
        if key not in self._read:
            self._read[key] = _BY_NAME[kind].decode(self._objects[key], version)
        return self._read[key]


def number(desired: Registry, reader: RegistryReader) -> Registry:
    """Return `desired` with versions: an unchanged object keeps its own, a changed one gets the next free.

    The edition's number rises by one if anything changed; otherwise the current edition itself is returned.
    """
    current = reader.current
    found = {
        kind.name: {
            id_: _numbered(kind, id_, each, current, reader)
            for id_, each in sorted(kind.within(desired).items())
        }
        for kind in KINDS
    }
    if current is not None and all(found[kind.name] == kind.within(current) for kind in KINDS):
        return current
    return _registry(reader.highest_edition + 1, found)


def _registry(number: int, found: Mapping[str, Mapping[Any, Any]]) -> Registry:
    return Registry(number, found[AGENCY], found[AGREEMENT], found[JOURNEY], found[CALENDAR])


def _numbered(kind: Kind, id_: str, each: Any, current: Registry | None, reader: RegistryReader) -> Any:
    before = kind.within(current).get(id_) if current else None
    if before is not None and kind.encode(before) == kind.encode(each):
        return before
    return replace(each, version=reader.highest(kind.name, id_) + 1)


def _split_key(key: str | bytes | None) -> tuple[str, tuple[str, str, int]]:
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    match = _KEY.fullmatch(text or "")
    if text is None or match is None:
        raise ContractError(f"{text!r} on the registry's topic is no key of the form <kind>/<id>@<version>.")
    return text, (match[1], match[2], int(match[3]))


def _kind(key: str) -> str:
    return key.partition("/")[0]


def _load(key: str, value: bytes) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ContractError(f"the record {key} on the registry's topic is no JSON object.")
    return document


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
