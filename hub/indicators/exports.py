"""Figures as rows for others: in the layout of the EU's e-government indicators, as CSV and as JSON.

The first seven columns are those in which the Commission's Digital Decade tool hands out its indicators, the
eGovernment Benchmark among them; ours stand behind them. Reference figures of others are not among the rows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from hub.contracts.moments import rfc3339
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.model import Edition

EU_COLUMNS = ("period", "country", "indicator", "breakdown", "unit", "value", "flags")
OWN_COLUMNS = (
    "notes",
    "title_fa",
    "title_en",
    "basis",
    "numerator",
    "denominator",
    "low",
    "high",
    "cases",
    "events",
    "agencies",
    "agencies_of",
    "edition",
    "restates",
    "definition",
    "published_at",
)
COLUMNS = EU_COLUMNS + OWN_COLUMNS

SUPPRESSED = "c"
"""Eurostat's flag for a confidential figure; the value is empty."""


def rows(editions: Iterable[Edition], country: str = "IR") -> Iterator[dict[str, Any]]:
    """Return one row per edition, in the order given; `country` is an ISO 3166-1 code."""
    for edition in editions:
        value = edition.value
        definition = DEFINITIONS[value.place.indicator]
        yield {
            "period": value.place.period,
            "country": country,
            "indicator": value.place.indicator,
            "breakdown": str(value.place.breakdown),
            "unit": value.unit,
            "value": value.value,
            "flags": SUPPRESSED if value.suppressed else "",
            "notes": _notes(edition),
            "title_fa": definition.title_fa,
            "title_en": definition.title_en,
            "basis": value.basis,
            "numerator": value.numerator,
            "denominator": value.denominator,
            "low": value.low,
            "high": value.high,
            "cases": value.cases,
            "events": value.events,
            "agencies": value.coverage.agencies,
            "agencies_of": value.coverage.of,
            "edition": edition.number,
            "restates": edition.restates,
            "definition": edition.versions.definition,
            "published_at": rfc3339(edition.published_at),
        }


def _notes(edition: Edition) -> str:
    if edition.value.suppressed:
        return "small group suppressed"
    if edition.value.value is None:
        return "nothing to be counted"
    return "" if edition.restates is None else f"restates edition {edition.restates}"


def as_csv(editions: Iterable[Edition], country: str = "IR") -> str:
    """Return the rows as CSV (RFC 4180) with a header; what has no value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows(editions, country))
    return text.getvalue()


def as_json(editions: Iterable[Edition], country: str = "IR") -> str:
    """Return `{"columns": […], "rows": [{…}]}`; what has no value is null."""
    document = {"columns": list(COLUMNS), "rows": list(rows(editions, country))}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
