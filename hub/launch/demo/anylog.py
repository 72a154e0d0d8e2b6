"""Any XES log as events in the order of sending: by time over the whole log, ties by place in the file.

The log is read once, trace by trace; events are sorted in runs on disk and merged, so memory holds one run.
"""

from __future__ import annotations

import hashlib
import heapq
import pickle
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.sdk import Event
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.errors import ConfigError
from hub.launch.demo import mapping, windows, xes
from hub.launch.demo.columns import CASE
from hub.launch.demo.fit import Fits
from hub.launch.demo.mapping import Mapping
from hub.launch.demo.tables import Log, Table
from hub.launch.demo.windows import Batch
from hub.launch.demo.xes import Oddities, Trace

RUN_EVENTS = 20_000
_LOCAL_CHARS = 256
_KEPT_CHARS = 200

Heard = Callable[[int], None]
Entry = tuple[datetime, Event]


@dataclass
class Read:
    """What reading a log came to; `days` are those with events (hub.launch.demo.windows).

    `unfit` counts values that their field cannot hold, by field; `absent` are columns that the mapping names
    and no row of the log has.
    """

    events: int = 0
    first: datetime | None = None
    last: datetime | None = None
    days: set[int] = field(default_factory=set, repr=False)
    odd: Oddities = field(default_factory=Oddities)
    unfit: dict[str, int] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    def note(self, entries: list[Entry]) -> None:
        """Take note of a run, which goes by time."""
        self.events += len(entries)
        self.days.update(windows.day_number(moment) for moment, _ in entries)
        self.first = min(self.first or entries[0][0], entries[0][0])
        self.last = max(self.last or entries[-1][0], entries[-1][0])

    def ends(self, days: int) -> list[datetime]:
        """Return the ends of the log's windows of so many days."""
        if self.first is None or self.last is None:
            return []
        return windows.ends(self.first, self.last, self.days, days)


@dataclass(frozen=True)
class Source:
    """A log's file, the mapping that reads it, and the agency that publishes it."""

    path: Path
    rules: Mapping
    agency: AgencyCode

    def prefix(self) -> str:
        """Return how the ids of its events begin: the same file, mapping and agency give the same ids."""
        seed = f"{xes.digest(self.path)} {self.agency} {self.rules.model_dump_json()}"
        return f"xes-{hashlib.sha256(seed.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Spool:
    """A log's events on disk, as sorted runs; it can be handed to another process."""

    folder: Path
    agency: AgencyCode
    prefix: str

    def events(self) -> Iterator[Event]:
        """Yield the events in the order of sending; ids are the log's prefix and the place in that order."""
        runs = [_run(path) for path in sorted(self.folder.glob("*.run"))]
        # Where times tie, merging takes the earlier run first: the file's own order.
        for number, (moment, event) in enumerate(heapq.merge(*runs, key=itemgetter(0)), 1):
            yield replace(event, id=f"{self.prefix}-{number}", time=_text(moment))

    def batches(self, ends: Iterable[datetime]) -> Iterator[Batch]:
        """Yield the events window by window."""
        pairs = ((datetime.fromisoformat(str(event.time)), event) for event in self.events())
        for end, items in zip(ends, windows.split(pairs, ends), strict=True):
            yield Batch(end, items)

    def serial(self, event_id: str) -> int | None:
        """Return the place of an event of this log by its id, None for another's."""
        head, _, tail = event_id.rpartition("-")
        return int(tail) if head == self.prefix and tail.isdecimal() else None


def spool(source: Source, codec: Codec, folder: Path, heard: Heard = lambda _: None) -> tuple[Spool, Read]:
    """Read a log into sorted runs in a folder; `heard` is told how many events more were read.

    Raises ConfigError where the file is no XES log, or no event of it can be sent.
    """
    rules = source.rules
    zone, columns = ZoneInfo(rules.zone), rules.columns
    told, seen, fits = Read(), set[str](), Fits(codec, zone)
    found = Spool(_emptied(folder), source.agency, source.prefix())
    reader = xes.traces(source.path, {name.removeprefix(CASE) for name in columns}, zone, told.odd)
    for number, chunk in enumerate(_chunks(_sound(reader, rules, told))):
        for trace in chunk:
            seen.update(f"{CASE}{name}" for name in trace.attributes)
            seen.update(*trace.events)
        events = mapping.events(rules, _table(chunk, columns), source.agency)
        entries = [(_moment(event), fits.event(event)) for event in events]
        _write(entries, folder / f"{number:06}.run")
        told.note(entries)
        heard(len(entries))
    if told.first is None:
        raise ConfigError(
            "the log has no event with a time.", where=str(source.path), do=f"Is {rules.time!r} the column?"
        )
    told.absent = sorted(columns - seen)
    told.unfit = dict(fits.unfit)
    return found, told


def _emptied(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.run"):
        old.unlink()
    return folder


def local_id(name: str) -> str:
    """Return a case's name as the local part of a case id: what may not stand there is percent-encoded.

    Different names stay different; one that is too long keeps its beginning and gets a digest.
    """
    edge = len(name) - len(name.rstrip()), len(name) - len(name.lstrip())
    last = len(name) - edge[0]
    parts = [
        _encoded(letter) if _must_encode(letter) or not edge[1] <= place < last else letter
        for place, letter in enumerate(name)
    ]
    text = "".join(parts)
    if len(text) <= _LOCAL_CHARS:
        return text
    return f"{text[:_KEPT_CHARS]}~{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _encoded(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _must_encode(letter: str) -> bool:
    return letter == "%" or not (letter.isprintable() or letter == " ")


def _sound(reader: Iterator[Trace], rules: Mapping, told: Read) -> Iterator[Trace]:
    """Give every event a time and every trace a name, sort events by time; pass traces that have neither."""
    name = rules.case.removeprefix(CASE)
    for trace in reader:
        if not _dated(trace, rules.time, ZoneInfo(rules.zone), told):
            continue
        if trace.attributes.get(name) is None:
            told.odd.unnamed += 1
        label = str(trace.attributes.get(name) or f"trace-{trace.number}")
        trace.attributes[name] = local_id(label)
        trace.events.sort(key=lambda event: event[rules.time])  # type: ignore[arg-type,return-value]
        yield trace


def _dated(trace: Trace, name: str, zone: tzinfo, told: Read) -> bool:
    times = []
    for event in trace.events:
        cell = event.get(name)
        times.append(xes.moment_of(cell, zone) if isinstance(cell, str) else cell)
    known = next((time for time in times if time is not None), None)
    if known is None:
        told.odd.lost += len(trace.events)
        return False
    for event, time in zip(trace.events, times, strict=True):
        told.odd.undated += time is None
        known = time or known
        event[name] = known
    return True


def _chunks(traces: Iterator[Trace]) -> Iterator[list[Trace]]:
    chunk: list[Trace] = []
    size = 0
    for trace in traces:
        chunk.append(trace)
        size += len(trace.events)
        if size >= RUN_EVENTS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _table(chunk: list[Trace], columns: Collection[str]) -> Log:
    of_case = [name.removeprefix(CASE) for name in columns if name.startswith(CASE)]
    of_event = [name for name in columns if not name.startswith(CASE)]
    rows = [event for trace in chunk for event in trace.events]
    return Log(
        cases=Table({name: [trace.attributes.get(name) for trace in chunk] for name in of_case}),
        events=Table({name: [event.get(name) for event in rows] for name in of_event}),
        sizes=[len(trace.events) for trace in chunk],
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(event: Event) -> datetime:
    assert isinstance(event.time, datetime)  # noqa: S101 - `_dated` saw to it
    return event.time.astimezone(UTC)


def _write(entries: list[Entry], path: Path) -> None:
    with path.open("wb") as file:
        for entry in entries:
            pickle.dump(entry, file, protocol=pickle.HIGHEST_PROTOCOL)


def _run(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)  # noqa: S301 - a file of our own, in the data folder
            except EOFError:
                return
