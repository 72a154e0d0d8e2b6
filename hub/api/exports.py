"""`/exports/indicators.*`: the newest editions of figures for other tools, as rows and as a data cube."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.api.indicators import BreakdownText, FamilyName, IndicatorId, Period, asked
from hub.api.state import Hub
from hub.indicators import cube, exports
from hub.store import indicators

router = APIRouter(prefix="/exports", tags=["exports"])


@router.get("/indicators.csv", summary="Published figures as CSV")
def as_csv(
    hub: Hub,
    id: IndicatorId = None,  # noqa: A002 - the parameter's public name
    family: FamilyName = None,
    period: Period = None,
    breakdown: BreakdownText = None,
) -> Response:
    """Give the newest edition of every figure in the row layout of the EU's e-government indicators."""
    text = exports.as_csv(indicators.everything(hub.engine, asked(id, family, period, breakdown)))
    return Response(text, media_type="text/csv; charset=utf-8")


@router.get("/indicators.json", summary="Published figures as JSON rows")
def as_json(
    hub: Hub,
    id: IndicatorId = None,  # noqa: A002 - the parameter's public name
    family: FamilyName = None,
    period: Period = None,
    breakdown: BreakdownText = None,
) -> Response:
    """Give the same rows as JSON."""
    text = exports.as_json(indicators.everything(hub.engine, asked(id, family, period, breakdown)))
    return Response(text, media_type="application/json")


@router.get("/indicators.ttl", summary="Published figures as an RDF Data Cube")
def as_turtle(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    request: Request,
    id: IndicatorId = None,  # noqa: A002 - the parameter's public name
    family: FamilyName = None,
    period: Period = None,
    breakdown: BreakdownText = None,
) -> Response:
    """Give the newest edition of every figure that has a value as observations of a data cube, in Turtle.

    All figures of a large programme take a while: ask by family or period.
    """
    editions = indicators.everything(hub.engine, asked(id, family, period, breakdown))
    text = cube.as_turtle(editions, f"{request.base_url}exports/indicators.ttl")
    return Response(text, media_type="text/turtle; charset=utf-8")
