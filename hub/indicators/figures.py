"""All figures from all inputs: as they are, and as they may be published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hub.indicators import completion, coordination, participation, process, programme
from hub.indicators.breakdown import breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import Inputs
from hub.indicators.model import Place, Value
from hub.indicators.suppression import SMALLEST_GROUP, suppressed

_ORDER = {id_: index for index, id_ in enumerate(DEFINITIONS)}


def counted(inputs: Inputs) -> tuple[Value, ...]:
    """Return what is counted, nothing suppressed: all but the programme's figures; never to be published."""
    return tuple(
        value
        for family in (completion, process, coordination, participation)
        for value in family.values(inputs)
    )


def published(inputs: Inputs, smallest: int = SMALLEST_GROUP) -> tuple[Value, ...]:
    """Return every figure as it may be published, in the order of the definitions, small groups suppressed.

    The programme's figures are made from the others as they are published, so they reveal nothing more.
    """
    safe = suppressed(counted(inputs), smallest)
    values = (*safe, *programme.values(inputs, measured_by(safe)))
    return tuple(sorted(values, key=lambda each: (_ORDER[each.place.indicator], _place(each.place))))


def measured_by(values: Iterable[Value]) -> Callable[[str, str, str], float | None]:
    """Return what looks up an agency's value of an indicator in a period, None where there is none.

    An agency's value is the one broken down by `agency`, or by `holder`, and by nothing else.
    """
    found = {value.place: value.value for value in values}

    def look_up(indicator: str, agency: str, period: str) -> float | None:
        own = found.get(Place(indicator, period, breakdown(agency=agency)))
        return found.get(Place(indicator, period, breakdown(holder=agency))) if own is None else own

    return look_up


def gone(before: Value) -> Value:
    """Return what a figure says that was listed and is not any more: 0 of a count, nothing of a ratio."""
    empty = replace(before.hidden(), suppressed=False)
    return replace(empty, value=0.0, cases=0) if DEFINITIONS[before.place.indicator].counts else empty


def _place(place: Place) -> tuple[str, str]:
    return place.period, str(place.breakdown)
