"""What the hub's own figures say of an agency's log: the same numbers as `/v1/indicators` gives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text

from hub.contracts.names import AgencyCode
from hub.contracts.topics import HUB
from hub.indicators.inputs import Frame, Inputs
from hub.indicators.process import handovers
from hub.store import cases, figure_inputs, figures

_TOP = 10


def of_log(database: Engine, agency: AgencyCode, zone: str) -> dict[str, Any]:
    """Return the figures of all cases that an agency opened; seconds, counts, shares of 1.

    `late` counts cases that ended after their deadline, of the `judged` ones that ended and have one.
    """
    while figures.refresh(database, zone):
        pass
    with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        frame = Frame(cases.clock(connection), frozenset({agency}), zone)
        found = figure_inputs.inputs(connection, frame, (), ())
        return _figures(found, agency) | {"activities": _activities(connection, agency)}


def _figures(found: Inputs, agency: AgencyCode) -> dict[str, Any]:
    [group] = [each for each in found.processes if each.breakdown.get("agency") == agency]
    [times] = [
        each
        for each in found.durations
        if each.measure == "throughput" and each.breakdown == group.breakdown and each.period == "all"
    ]
    own = [each for each in found.cases if each.agency == agency]
    return {
        "cases": group.cases,
        "events": group.events,
        "variants": group.variants,
        "start_activities": _by_count(group.starts),
        "end_activities": _by_count(group.ends),
        "throughput_median_seconds": times.median,
        "throughput_p90_seconds": times.p90,
        "completed": group.completed,
        "completed_share": group.completed / group.cases if group.cases else None,
        "judged": sum(each.ended_with_deadline for each in own),
        "late": sum(each.ended_late for each in own),
        "open": sum(each.open for each in own),
        "late_open": sum(each.late_open for each in own),
        "handovers": {level: _hands(found, agency, level) for level in ("unit", "person")},
    }


def _hands(found: Inputs, agency: AgencyCode, level: Any) -> dict[str, Any]:
    hands = handovers((each for each in found.handovers if each.agency == agency), level)
    return {
        "pairs": hands.pairs,
        "pairs_without_self": hands.excluding_self,
        "top": hands.top(_TOP, with_self=True),
        "top_without_self": hands.top(_TOP, with_self=False),
    }


def _by_count(counts: Any) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _activities(connection: Connection, agency: AgencyCode) -> int:
    found = connection.execute(
        text("""
            SELECT count(DISTINCT coalesce(data->>'activity_code', type)) FROM supervision_event
            WHERE starts_with(caseid, :cases) AND agency <> :hub
              AND split_part(type, '.', 1) NOT IN ('feedback', 'participation', 'programme', 'catalogue')"""),
        {"cases": f"{agency}/", "hub": HUB},
    )
    return int(found.scalar_one())
