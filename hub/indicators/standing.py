"""Where an obligation stands at a moment: state, degree, declared beside measured value, forecast."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from hub.contracts.moments import rfc3339
from hub.indicators.model import Basis
from hub.indicators.obligations import Obligation
from hub.indicators.statistics import Line, line

State = Literal["open", "fulfilled", "overdue", "failed", "dropped"]
STATES: tuple[State, ...] = ("open", "fulfilled", "overdue", "failed", "dropped")

_DAY = timedelta(days=1)
_HORIZON_DAYS = 36525.0
"""A line that reaches the target later than in a hundred years is said not to reach it."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A straight line through the reported values; `low` and `high` are its 95 % prediction interval.

    At the deadline (None once it has passed); `reaches_target_at`: where the line crosses the target, None
    where it does not. `outlook`: `in_time` or `late` where the whole interval says so, else `uncertain`.
    """

    reports: int
    value: float | None
    low: float | None
    high: float | None
    reaches_target_at: datetime | None
    outlook: Literal["in_time", "late", "uncertain"]


@dataclass(frozen=True)
class Standing:
    """An obligation at a moment. `value` is what decides: the measured one where there is one."""

    obligation: Obligation
    at: datetime | None
    state: State
    basis: Basis
    value: float | None
    declared_value: float | None
    declared_state: str
    measured_value: float | None
    degree: float
    fulfilled_at: datetime | None
    overdue_days: int | None
    forecast: Forecast | None

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        of = self.obligation
        forecast = None
        if self.forecast is not None:
            forecast = asdict(self.forecast) | {"reaches_target_at": _text(self.forecast.reaches_target_at)}
        return {
            "obligation": of.id,
            "owner": of.owner,
            "declared_by": of.declared_by,
            "declared_at": rfc3339(of.declared_at),
            "title_fa": of.title_fa,
            "title_en": of.title_en,
            "legal_source": of.legal_source,
            "programme": of.programme,
            "partners": list(of.partners),
            "deadline": _text(of.deadline),
            "measure": of.measure,
            "unit": of.unit,
            "baseline": of.baseline,
            "target": of.target,
            "comparison": of.comparison,
            "measured_by": of.measured_by,
            "consequence": of.consequence,
            "state": self.state,
            "basis": self.basis,
            "degree": self.degree,
            "value": self.value,
            "declared_value": self.declared_value,
            "declared_state": self.declared_state,
            "measured_value": self.measured_value,
            "fulfilled_at": _text(self.fulfilled_at),
            "overdue_days": self.overdue_days,
            "forecast": forecast,
            "reports": len(of.reports),
            "strangers": of.strangers,
            "objections": [each.document() for each in of.objections],
        }


def standing(obligation: Obligation, at: datetime | None, measured: float | None = None) -> Standing:
    """Return where an obligation stands at a moment of the programme's clock (None: nothing is overdue).

    `measured` is the value of the indicator that measures it, where it has one; it decides before what the
    agency says. Else a reported value decides, by the target; else the reported state.
    """
    told, declared = _last(obligation)
    value = declared if measured is None else measured
    days = _days_past(obligation.deadline, at)
    state = _state(told, fulfilled=_fulfilled(obligation, told, value), passed=days is not None)
    return Standing(
        obligation=obligation,
        at=at,
        state=state,
        basis="declared" if measured is None else "measured",
        value=value,
        declared_value=declared,
        declared_state=told,
        measured_value=measured,
        degree=1.0 if state == "fulfilled" else _degree(obligation, value),
        fulfilled_at=_fulfilled_at(obligation) if state == "fulfilled" and measured is None else None,
        overdue_days=days if state == "overdue" else None,
        forecast=forecast(obligation, at) if state in {"open", "overdue"} else None,
    )


def _last(obligation: Obligation) -> tuple[str, float | None]:
    """Return the last state and the last value that were reported."""
    said = [each.state for each in obligation.reports if each.state != "unknown"]
    values = [each.value for each in obligation.reports if each.value is not None]
    return (said[-1] if said else "unknown"), (values[-1] if values else None)


def _days_past(deadline: datetime | None, at: datetime | None) -> int | None:
    """Return the whole days since a deadline that has passed, None where it has not."""
    return None if at is None or deadline is None or at <= deadline else (at - deadline) // _DAY


def _fulfilled(obligation: Obligation, told: str, value: float | None) -> bool:
    if value is None or obligation.target is None:
        return told == "fulfilled"
    return obligation.met_by(value)


def _state(told: str, *, fulfilled: bool, passed: bool) -> State:
    if told == "dropped":
        return "dropped"
    if fulfilled:
        return "fulfilled"
    if told == "failed":
        return "failed"
    return "overdue" if passed else "open"


def _degree(obligation: Obligation, value: float | None) -> float:
    """Return how far a value has come to the target, 0 to 1; 0 without a value or target."""
    target, baseline = obligation.target, obligation.baseline
    if value is None or target is None:
        return 0.0
    if obligation.met_by(value):
        return 1.0
    if baseline is not None and baseline != target:
        share = (value - baseline) / (target - baseline)
    elif obligation.comparison == "at_least":
        share = value / target if target > 0 else 0.0
    else:
        share = target / value if value > 0 else 0.0
    return min(max(share, 0.0), 1.0)


def _fulfilled_at(obligation: Obligation) -> datetime | None:
    """Return since when the reports say without a break that it is fulfilled."""
    since = None
    for report in obligation.reports:
        if report.value is None and report.state == "unknown":
            continue
        since = (since or report.at) if _fulfilled(obligation, report.state, report.value) else None
    return since


def forecast(obligation: Obligation, at: datetime | None) -> Forecast | None:
    """Return the forecast from the reports' pace; None from fewer than 3 values, or without a target."""
    told = [(each.at, each.value) for each in obligation.reports if each.value is not None]
    if len(told) < 3 or obligation.target is None:
        return None
    begin = min(moment for moment, _ in told)
    found = line([((moment - begin) / _DAY, value) for moment, value in told])
    if found is None:
        return None
    crossing = _crossing(found, obligation, max((moment - begin) / _DAY for moment, _ in told))
    reaches = None if crossing is None else _later(begin, crossing)
    deadline = obligation.deadline
    if deadline is None or (at is not None and at > deadline):
        return Forecast(len(told), None, None, None, reaches, "late" if deadline else "uncertain")
    days = (deadline - begin) / _DAY
    low, high = found.interval(days)
    met = obligation.met_by(low), obligation.met_by(high)
    outlook: Literal["in_time", "late", "uncertain"] = "uncertain"
    if met[0] == met[1]:
        outlook = "in_time" if met[0] else "late"
    return Forecast(len(told), found.at(days), low, high, reaches, outlook)


def _crossing(found: Line, obligation: Obligation, last: float) -> float | None:
    """Return the days after the first report at which the line meets the target, from the last one on."""
    if obligation.target is None:
        return None
    if obligation.met_by(found.at(last)):
        return last
    rising = obligation.comparison == "at_least"
    if found.slope == 0 or (found.slope > 0) != rising:
        return None
    days = (obligation.target - found.intercept) / found.slope
    return days if math.isfinite(days) and days <= last + _HORIZON_DAYS else None


def _later(begin: datetime, days: float) -> datetime | None:
    try:
        return begin + timedelta(days=days)
    except OverflowError:
        return None


def realisation(standings: Iterable[Standing]) -> tuple[int, int]:
    """Return numerator and denominator of the realisation ratio: fulfilled, declared less dropped."""
    counted = [each for each in standings if each.state != "dropped"]
    return sum(each.state == "fulfilled" for each in counted), len(counted)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
