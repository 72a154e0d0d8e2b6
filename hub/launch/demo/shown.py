"""What the demo ends with: the hub's published figures over all time, as `/v1/indicators` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from hub.indicators import breakdown
from hub.indicators.breakdown import ALL
from hub.indicators.periods import ALL_TIME
from hub.store import indicators
from hub.store.indicators import Question

_AT_ONCE = 1000
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """Published figures by indicator and breakdown; their documents as hub.indicators.model writes them."""

    documents: Mapping[tuple[str, str], Document]

    def value(self, indicator: str, of: str = str(ALL)) -> float | None:
        """Return a figure's value; None where it has none, or is suppressed."""
        found = self.documents.get((indicator, of))
        return None if found is None else found["value"]

    def whole(self, indicator: str, of: str = str(ALL)) -> int:
        """Return a count, 0 where there is none."""
        return int(self.value(indicator, of) or 0)

    def parts(self, indicator: str, of: str = str(ALL)) -> tuple[int, int]:
        """Return numerator and denominator of a ratio, 0 where they are not known."""
        found = self.documents.get((indicator, of)) or {}
        return int(found.get("numerator") or 0), int(found.get("denominator") or 0)

    def details(self, indicator: str, of: str = str(ALL)) -> Mapping[str, Any]:
        """Return what a figure says beside its value."""
        found = self.documents.get((indicator, of)) or {}
        return found.get("details") or {}

    def each(self, indicator: str, dimension: str) -> Iterator[tuple[str, str]]:
        """Yield the values of one dimension that an indicator is told by, with the breakdown's text."""
        for name, text in self.documents:
            broken = breakdown.read(text)
            if name == indicator and broken.dimensions == (dimension,):
                yield broken.get(dimension) or "", text

    def line(self) -> dict[str, int | float | None]:
        """Return the figures of the demo's last line; the names are contract."""
        in_time, judged = self.parts("completion.in-time")
        return {
            "journeys": sum(1 for _ in self.each("process.cases", "journey")),
            "late": judged - in_time,
            "judged": judged,
            "handovers_units": self.whole("process.handovers-units"),
            "handovers_persons": self.whole("process.handovers-persons"),
            "islands": self.whole("coordination.islands"),
            "realisation_ratio": self.value("programme.realisation-ratio"),
        }


def read(engine: Engine) -> Shown:
    """Return the newest editions of all figures over all time; raise StoreUnavailableError or StoreError."""
    found: dict[tuple[str, str], Document] = {}
    after: tuple[Any, ...] = ()
    while documents := indicators.page(engine, Question(period=ALL_TIME), after, _AT_ONCE):
        for document in documents:
            found[document["indicator"], document["breakdown"]] = document
        last = documents[-1]
        after = (last["indicator"], last["period"], last["breakdown"], last["edition"])
    return Shown(found)
