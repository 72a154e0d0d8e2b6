"""Figures worked out and written: as they stand now, and as editions where one differs from its last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from hub.indicators.definitions import DEFINITIONS
from hub.indicators.figures import gone
from hub.indicators.model import Edition, next_edition
from hub.store import cases, figure_values, figures, indicators
from hub.store.case_folding import CONSUMER
from hub.store.engine import reworded, transaction
from hub.store.figure_values import Figures, Rules
from hub.store.indicators import Key, State, key_of

_POSITIONS = "SELECT partition, next FROM consumer_position WHERE consumer = :consumer ORDER BY partition"


@dataclass(frozen=True)
class Written:
    """What was worked out, and the editions that were made of it."""

    figures: Figures
    editions: tuple[Edition, ...]


def write(engine: Engine, rules: Rules, *, publish: bool) -> Written:
    """Work all figures out and let them be the ones that stand now; with `publish`, make editions too.

    What is published is exact; what only stands has percentiles of years and all time from spreads.
    One transaction that sees one state of the database. Months that are due are counted in it; their marks
    stay for the next refresh. Who comes while others count or publish waits. Raises StoreUnavailableError
    (retriable) or StoreError.
    """
    with _snapshot(engine) as connection:
        figures.count_all(connection, rules.zone)
        found = figure_values.work_out(connection, rules, exact=publish)
        indicators.stand(connection, found.values, _state(found, rules))
        editions = tuple(_differing(indicators.latest(connection), found, rules)) if publish else ()
        indicators.add(connection, editions)
        return Written(found, editions)


def progress(engine: Engine) -> tuple[object, ...]:
    """Return what figures depend on, to be compared: where cases and the audit are, and the clock."""
    with transaction(engine) as connection:
        positions = connection.execute(text(_POSITIONS), {"consumer": CONSUMER}).all()
        cut = connection.execute(text("SELECT as_of FROM audit_cut")).scalar()
        return (*(tuple(row) for row in positions), cut, cases.clock(connection))


def _differing(before: Mapping[Key, Edition], found: Figures, rules: Rules) -> Iterator[Edition]:
    """Give an edition for each figure that differs from its last one, also where nothing is left to count."""
    values = {key_of(each): each for each in found.values}
    for key, edition in before.items():
        if key not in values and key[0] in DEFINITIONS:
            values[key] = gone(edition.value)
    for key, value in values.items():
        as_of, versions = found.as_of(key[0]), found.versions(key[0])
        edition_ = next_edition(before.get(key), value, as_of, versions, rules.at)
        if edition_ is not None:
            yield edition_


def _state(found: Figures, rules: Rules) -> State:
    versions = {
        "registry": found.registry,
        "journeys": list(found.journeys),
        "calendars": list(found.calendars),
    }
    return State(rules.at, found.cut.document(), versions)


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    try:
        with figures.alone(engine) as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection
    except DBAPIError as error:
        raise reworded(error) from None
