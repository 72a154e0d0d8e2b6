"""The programme's clock, and what becomes due to be told when it moves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, text

from hub.contracts import plain
from hub.journeys.rows import CaseRow, HandOffRow, Notice, StepRow, Watch
from hub.store.tables import notice
from hub.store.writing import as_arrays, unnested

_AT_ONCE = 2000


Word = Callable[["Due", datetime], Notice | None]
"""Says what is told of a watch at a moment."""


@dataclass(frozen=True, slots=True)
class Due:
    """A watch whose moment has come, with its case, and its step where it is one of a step."""

    watch: Watch
    case: CaseRow
    step: StepRow | None


def clocks(connection: Connection) -> dict[int, datetime]:
    """Return what the clock was told last, by partition."""
    rows = connection.execute(text("SELECT partition, moment FROM case_clock"))
    return {row.partition: row.moment.astimezone(UTC) for row in rows}


def tell(connection: Connection, partition: int, moments: Sequence[datetime], word: Word) -> int:
    """Let the clock of a partition reach moments, one after another; return how many notices that made.

    No event may lie between them. Every watch that was reached becomes a notice (`word` may say None: there
    is nothing to tell) at the first moment that is not before it, and is gone. A clock is never put back: a
    moment that is not later than the last changes nothing.
    """
    later = _later(_clock(connection, partition), moments)
    if not later:
        return 0
    connection.execute(
        text("""
            INSERT INTO case_clock (partition, moment) VALUES (:partition, :moment)
            ON CONFLICT (partition) DO UPDATE SET moment = excluded.moment"""),
        {"partition": partition, "moment": later[-1]},
    )
    reached = {"partition": partition, "moment": later[-1]}
    due = _due(connection, reached)
    made = 0
    while dues := list(islice(due, _AT_ONCE)):
        decided = [(each, later[bisect_left(later, each.watch.at)]) for each in dues]
        worded = [(word(each, moment), moment) for each, moment in decided]
        made += keep(connection, partition, [(each, moment) for each, moment in worded if each is not None])
    connection.execute(text("DELETE FROM case_watch WHERE partition = :partition AND at <= :moment"), reached)
    return made


def keep(connection: Connection, partition: int, notices: Iterable[tuple[Notice, datetime]]) -> int:
    """Write notices with the moment at which each was decided; one that is there already stays as it is."""
    columns = list(notice.c)
    rows = [
        (each.id, partition, each.type, each.caseid, decided, plain.dump(each.data))
        for each, decided in notices
    ]
    if not rows:
        return 0
    names = ", ".join(each.name for each in columns)
    return connection.execute(
        text(f"""
            INSERT INTO notice ({names}) SELECT * FROM {unnested(columns)}
            ON CONFLICT (id) DO NOTHING"""),  # noqa: S608 - our own columns
        as_arrays(columns, rows),
    ).rowcount


def _clock(connection: Connection, partition: int) -> datetime | None:
    query = text("SELECT moment FROM case_clock WHERE partition = :partition FOR UPDATE")
    found: datetime | None = connection.scalar(query, {"partition": partition})
    return found


def _later(clock: datetime | None, moments: Sequence[datetime]) -> list[datetime]:
    """Return the moments to which a clock moves: each later than all before."""
    later: list[datetime] = []
    for moment in moments:
        last = later[-1] if later else clock
        if last is None or moment > last:
            later.append(moment)
    return later


_CASES = ", ".join(f'c."{each.name}" AS case_{each.name}' for each in fields(CaseRow))
_STEPS = ", ".join(f's."{each.name}" AS step_{each.name}' for each in fields(StepRow))
_DUE = f"""
    SELECT w.step, w.run, w.kind, w.level, w.at, {_CASES}, {_STEPS}
    FROM case_watch w
    JOIN journey_case c ON c.caseid = w.caseid
    LEFT JOIN case_step s ON s.caseid = w.caseid AND s.step = w.step AND s.run = w.run
    WHERE w.partition = :partition AND w.at <= :moment
    ORDER BY w.at, w.caseid, w.step, w.run, w.kind, w.level"""  # noqa: S608 - our own columns


def _due(connection: Connection, reached: dict[str, Any]) -> Iterator[Due]:
    """Give the watches that the clock has reached, earliest first, never all of them at once."""
    rows = connection.execute(text(_DUE).execution_options(yield_per=_AT_ONCE), reached)
    for row in rows:
        watch = Watch(row.step, row.run, row.kind, row.level, row.at.astimezone(UTC))
        case = read_case(row, "case_")
        step = None if row.step_step is None else read_step(row, "step_")
        yield Due(watch, case, step)


def read_case(row: Row[Any], prefix: str = "") -> CaseRow:
    """Return the case of a row whose columns bear a prefix."""
    return CaseRow(**_values(row, CaseRow, prefix))


def read_step(row: Row[Any], prefix: str = "") -> StepRow:
    """Return the step of a row whose columns bear a prefix."""
    return StepRow(**_values(row, StepRow, prefix))


def read_handoff(row: Row[Any], prefix: str = "") -> HandOffRow:
    """Return the hand-off of a row whose columns bear a prefix."""
    return HandOffRow(**_values(row, HandOffRow, prefix))


def _values(row: Row[Any], of: type[Any], prefix: str) -> dict[str, Any]:
    return {each.name: _value(getattr(row, prefix + each.name)) for each in fields(of)}


def _value(found: Any) -> Any:
    """Return a column's value as rows have it: moments in UTC, no lists."""
    if isinstance(found, datetime):
        return found.astimezone(UTC)
    return tuple(found) if isinstance(found, list) else found
