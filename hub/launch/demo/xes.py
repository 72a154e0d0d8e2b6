"""Any XES log as a stream: one trace at a time, gzipped or plain, with expat; memory holds one trace.

Attributes are read by key, nested ones as `outer/inner`; a list's own value is its items, joined by commas.
Declarations of entities are refused: no log needs them, and they can blow up a file. Definitions of the
log itself (extensions, globals, classifiers, its own attributes) are passed over.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO, Any, cast
from xml.parsers import expat

from hub.errors import ConfigError
from hub.launch.demo.tables import Cell

_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"
_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id", "list", "container"})
_PASSED_OVER = frozenset({"global", "extension", "classifier"})
NESTED = "/"


@dataclass
class Trace:
    """One trace: its attributes and its events, in the file's order; `number` counts from 1."""

    number: int
    attributes: dict[str, Cell] = field(default_factory=dict)
    events: list[dict[str, Cell]] = field(default_factory=list)


@dataclass
class Oddities:
    """What a log had that no event can carry; each is counted and told.

    `outside`: events outside every trace; `undated`: events without a readable time that took the time of
    the event before them; `lost`: events of traces in which no event has a time; `unnamed`: traces without
    a name; `unreadable`: dates that are none.
    """

    outside: int = 0
    undated: int = 0
    lost: int = 0
    unnamed: int = 0
    unreadable: int = 0


def traces(path: Path, wanted: Collection[str], zone: tzinfo, odd: Oddities) -> Iterator[Trace]:
    """Yield the traces of a file with only the wanted attributes (keys; of nested ones `outer/inner`).

    Times without an offset are of `zone`. Raises ConfigError with the line where the file is no XES.
    """
    reader = _Reader(frozenset(wanted), zone, odd)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entity
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        with _open(path) as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)
                yield from reader.taken()
            parser.Parse(b"", True)
            yield from reader.taken()
    except expat.ExpatError as error:
        raise ConfigError(
            f"line {error.lineno}: this is no XML: {expat.ErrorString(error.code)}.", where=str(path)
        ) from None
    except _EntityError:
        raise ConfigError(
            f"line {parser.CurrentLineNumber}: the file declares an entity.",
            where=str(path),
            do="Write the log without a DOCTYPE.",
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"the log cannot be read: {error}.", where=str(path)) from None
    if not reader.is_log:
        raise ConfigError("this is no XES log: its first element is not <log>.", where=str(path))


def digest(path: Path) -> str:
    """Return a digest of the file's bytes; raise ConfigError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"the log cannot be read: {error.strerror}.", where=str(path)) from None


class _EntityError(Exception):
    pass


def _refuse_entity(*_: Any) -> None:
    raise _EntityError


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


class _Reader:
    """Takes expat's calls; `_open_` are the elements around, each with the path that its children extend."""

    def __init__(self, wanted: frozenset[str], zone: tzinfo, odd: Oddities) -> None:
        self._wanted = wanted
        self._zone = zone
        self._odd = odd
        self._path: list[str] = []
        self._lists: list[tuple[str, list[str]]] = []
        self._skipping = 0
        self._trace: Trace | None = None
        self._event: dict[str, Cell] | None = None
        self._orphan = False
        self._count = 0
        self._done: list[Trace] = []
        self.is_log = False

    def taken(self) -> list[Trace]:
        """Return the traces that are complete, once."""
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if self._skipping or tag in _PASSED_OVER:
            self._skipping += 1
        elif tag in _VALUES:
            self._value(tag, attributes)
        elif tag == "event":
            self._begin_event()
        elif tag == "trace":
            self._count += 1
            self._trace = Trace(self._count)
        elif tag == "log":
            self.is_log = True

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        tag = name.rpartition(":")[2]
        if tag in _VALUES:
            self._end_value(tag)
        elif tag == "event":
            self._event = None
            self._orphan = False
        elif tag == "trace" and self._trace is not None:
            self._done.append(self._trace)
            self._trace = None

    def _begin_event(self) -> None:
        if self._trace is None:
            self._odd.outside += 1
            self._orphan = True
            return
        self._event = {}
        self._trace.events.append(self._event)

    def _value(self, tag: str, attributes: dict[str, str]) -> None:
        key, text = attributes.get("key", ""), attributes.get("value")
        if self._lists and text is not None:
            self._lists[-1][1].append(text)
        self._path.append(key)
        if tag == "list":
            self._lists.append((NESTED.join(self._path), []))
        elif text is not None:
            self._keep(NESTED.join(self._path), self._cell(tag, text))

    def _end_value(self, tag: str) -> None:
        self._path.pop()
        if tag == "list" and self._lists:
            key, items = self._lists.pop()
            self._keep(key, ",".join(items) or None)

    def _keep(self, key: str, cell: Cell) -> None:
        owner = self._event
        if owner is None and self._trace is not None and not self._orphan:
            owner = self._trace.attributes
        if owner is not None and cell is not None and key in self._wanted:
            owner[key] = cell

    def _cell(self, tag: str, text: str) -> Cell:
        if tag != "date":
            return text
        moment = moment_of(text, self._zone)
        if moment is None:
            self._odd.unreadable += 1
        return moment


def moment_of(text: str, zone: tzinfo) -> datetime | None:
    """Return the moment that a text says (ISO 8601; without an offset, of `zone`), or None."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return moment
