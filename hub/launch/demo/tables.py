"""The demo's tables: columns of event logs and a catalogue, dictionary- and delta-coded, as gzipped JSON.

Made by `hub.launch.demo.derive`; ops/demo/NOTICE names sources, authors and terms.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from math import gcd
from pathlib import Path
from typing import Any

from hub.errors import ConfigError

Cell = str | datetime | None
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Table:
    """Columns of equal length: text, or times with the offset they were written with (milliseconds)."""

    columns: dict[str, list[Cell]]

    @property
    def length(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())))

    def rows(self) -> Iterator[dict[str, Cell]]:
        """Yield the rows in order, absent cells as None."""
        names = list(self.columns)
        for cells in zip(*self.columns.values(), strict=True):
            yield dict(zip(names, cells, strict=True))


@dataclass(frozen=True)
class Log:
    """An event log: `cases` has one row a case, `events` one row an event in the file's order.

    `sizes` says how many events each case has, in the order of `cases`.
    """

    cases: Table
    events: Table
    sizes: list[int]


def write_log(log: Log, path: Path) -> None:
    """Write a log; the same log gives the same bytes."""
    _write({"cases": _pack(log.cases), "events": _pack(log.events), "sizes": log.sizes}, path)


def read_log(path: Path) -> Log:
    """Read a log; raise ConfigError if the file is missing or broken."""
    parts = _read(path)
    return Log(_unpack(parts["cases"]), _unpack(parts["events"]), parts["sizes"])


def write_table(table: Table, path: Path) -> None:
    """Write a table; the same table gives the same bytes."""
    _write({"rows": _pack(table)}, path)


def read_table(path: Path) -> Table:
    """Read a table; raise ConfigError if the file is missing or broken."""
    return _unpack(_read(path)["rows"])


def _write(parts: dict[str, Any], path: Path) -> None:
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def _read(path: Path) -> dict[str, Any]:
    try:
        parts: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError) as error:
        raise ConfigError(f"the demo's data cannot be read: {error}.", where=str(path)) from None
    return parts


def _pack(table: Table) -> dict[str, Any]:
    return {
        name: _pack_times(cells) if any(isinstance(cell, datetime) for cell in cells) else _pack_text(cells)
        for name, cells in table.columns.items()
    }


def _pack_text(cells: Sequence[Cell]) -> dict[str, Any]:
    values = list(dict.fromkeys(cells))
    number = {value: index for index, value in enumerate(values)}
    return {"values": values, "codes": [number[cell] for cell in cells]}


def _pack_times(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return times as steps from the time before, in the largest unit that fits all, and their offsets."""
    times = [cell for cell in cells if isinstance(cell, datetime)]
    millis = [(time - _EPOCH) // _MILLISECOND for time in times]
    unit = gcd(*millis) or 1
    steps = [now // unit - before // unit for before, now in zip([0, *millis], millis, strict=False)]
    offsets = [str(int((time.utcoffset() or timedelta()).total_seconds()) // 60) for time in times]
    absent = [index for index, cell in enumerate(cells) if cell is None]
    gaps = [now - before for before, now in zip([0, *absent], absent, strict=False)]
    return {
        "unit": unit,
        "steps": steps,
        "offsets": _pack_text(offsets),
        "absent": gaps,
        "length": len(cells),
    }


def _unpack(packed: dict[str, Any]) -> Table:
    columns: dict[str, list[Cell]] = {}
    for name, column in packed.items():
        if "unit" in column:
            columns[name] = _unpack_times(column)
        else:
            values = column["values"]
            columns[name] = [values[code] for code in column["codes"]]
    return Table(columns)


def _unpack_times(column: dict[str, Any]) -> list[Cell]:
    absent, place = set(), 0
    for gap in column["absent"]:
        place += gap
        absent.add(place)
    zones = [_zone(int(minutes)) for minutes in column["offsets"]["values"]]
    times = zip(column["steps"], column["offsets"]["codes"], strict=True)
    cells: list[Cell] = []
    now = 0
    for index in range(column["length"]):
        if index in absent:
            cells.append(None)
            continue
        step, code = next(times)
        now += step
        cells.append(datetime.fromtimestamp(now * column["unit"] / 1000, zones[code]))
    return cells


@cache
def _zone(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))
