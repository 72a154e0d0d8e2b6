"""All figures worked out in one snapshot: of what, as of when, by which versions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text

from hub.contracts.topics import SYSTEM_AGENCIES
from hub.indicators import figures
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import Allowed, Flow, Frame, Inputs
from hub.indicators.model import AsOf, Value, Versions, value_of
from hub.registry.model import Registry
from hub.store import audit, cases, figure_inputs
from hub.store.case_folding import CONSUMER
from hub.store.tables import audit_intake, consumer_position

_RULES = text(
    "SELECT DISTINCT journey, journey_version, calendar FROM journey_case WHERE journey IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """By what figures are worked out: agreements are those in force at `at`, months begin in `zone`."""

    registry: Registry
    at: datetime
    zone: str
    smallest: int


@dataclass(frozen=True)
class Figures:
    """Every figure, small groups hidden, with what it was worked out of.

    `inputs` are what came in: for those who may see small groups, such as the operators' gauges.
    """

    values: tuple[Value, ...]
    inputs: Inputs
    positions: AsOf
    cut: AsOf
    registry: int
    journeys: tuple[str, ...]
    calendars: tuple[str, ...]

    def as_of(self, indicator: str) -> AsOf:
        """Return up to where was read for an indicator: the audit's cut where it is about what flowed."""
        return self.cut if DEFINITIONS[indicator].evidence == "flows" else self.positions

    def versions(self, indicator: str) -> Versions:
        """Return by which rules an indicator was worked out."""
        reference = DEFINITIONS[indicator].reference
        return Versions(reference, self.registry, self.journeys, self.calendars)


@dataclass(frozen=True, slots=True)
class Flowed:
    """What flowed between agencies, and up to where in each outbox (`topic/partition`) that was counted."""

    flows: Sequence[Flow]
    cut: Mapping[str, int]


def work_out(
    connection: Connection,
    rules: Rules,
    *,
    clock: datetime | None = None,
    flowed: Flowed | None = None,
    exact: bool = True,
) -> Figures:
    """Return every figure in the caller's transaction, which must see one state of the database.

    Months that are due must have been counted in it. `clock`: judge by this moment, not by the clock that the
    tables know; `flowed`: this, not what the audit's tables say; `exact`: percentiles from all rows.
    """
    moment = clock or cases.clock(connection)
    frame = Frame(moment, agencies(rules.registry), rules.zone)
    flowed = flowed or Flowed(summed(audit.flows(connection)), _cut(connection))
    allowed_ = allowed(rules.registry, rules.at)
    inputs = figure_inputs.inputs(connection, frame, flowed.flows, allowed_, exact=exact)
    journeys, calendars = _rules(connection)
    positions = AsOf(_positions(connection), moment)
    return Figures(
        values=published(inputs, rules.smallest),
        inputs=inputs,
        positions=positions,
        cut=AsOf(positions.positions, moment, flowed.cut),
        registry=rules.registry.version,
        journeys=journeys,
        calendars=calendars,
    )


def published(inputs: Inputs, smallest: int) -> tuple[Value, ...]:
    """Return every figure as it may be published, as it comes back from its document: to be compared so.

    Only details are of other types there.
    """
    return tuple(
        value_of(json.loads(json.dumps(each.document(), allow_nan=False))) if each.details else each
        for each in figures.published(inputs, smallest)
    )


def agencies(registry: Registry) -> frozenset[str]:
    """Return the codes of the agencies that figures are about: all but the system's own."""
    return frozenset(str(code) for code in registry.agencies if code not in SYSTEM_AGENCIES)


def allowed(registry: Registry, at: datetime) -> list[Allowed]:
    """Return which agency may receive events from which, by the agreements in force at a moment."""
    return [
        Allowed(each.id, each.source, each.recipient)
        for each in sorted(registry.agreements.values(), key=lambda each: each.id)
        if each.in_force(at)
    ]


def summed(flows: Iterable[audit.Flow]) -> list[Flow]:
    """Return flows by source, recipient and month, whatever agreement and type they came under."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for each in flows:
        counts[each.source, each.recipient, each.month] += each.accepted
    return [Flow(*key, number) for key, number in sorted(counts.items())]


def _positions(connection: Connection) -> dict[int, int]:
    table = consumer_position.c
    rows = connection.execute(select(table.partition, table.next).where(table.consumer == CONSUMER))
    return {row.partition: row.next for row in rows}


def _cut(connection: Connection) -> dict[str, int]:
    table = audit_intake.c
    rows = connection.execute(select(table.topic, table.partition, table.cut))
    return {f"{row.topic}/{row.partition}": row.cut for row in rows}


def _rules(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the versions of journeys and calendars that cases follow."""
    rows = connection.execute(_RULES).all()
    journeys = {f"{row.journey}@{row.journey_version}" for row in rows}
    return tuple(sorted(journeys)), tuple(sorted({row.calendar for row in rows if row.calendar}))
