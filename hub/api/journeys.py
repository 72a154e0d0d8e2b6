"""`/v1/journeys`: the journeys in force with steps, owners and deadlines, and the calendar each counts by."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.contracts.names import JourneyId
from hub.registry.journey_documents import encode_calendar, encode_journey
from hub.registry.journeys import Journey
from hub.registry.model import Registry

router = APIRouter(tags=["registry"])

Document = dict[str, Any]


@router.get("/v1/journeys", summary="Journeys")
def journeys(hub: Hub) -> Document:
    """List journeys: what starts and ends them, their steps, who owns each, until when it has to be done.

    A step without owners belongs to the agency that opened the case. Open cases may follow earlier versions.
    """
    registry = hub.registry()
    return {
        "registry": registry.version,
        "journeys": [_journey(registry.journeys[id_], registry) for id_ in sorted(registry.journeys)],
    }


@router.get("/v1/journeys/{id}", summary="One journey")
def journey(hub: Hub, id: str) -> Document:  # noqa: A002 - the parameter's public name
    """Show one journey, and the days and hours of its calendar."""
    registry = hub.registry()
    found = registry.journeys.get(JourneyId(id))
    if found is None:
        raise ProblemError("not-found", "No journey has this id.")
    calendar = registry.calendars.get(found.calendar)
    days = {} if calendar is None else {"days": encode_calendar(calendar)}
    return _journey(found, registry) | days


def _journey(journey: Journey, registry: Registry) -> Document:
    """Return a journey as its file says it, with its version and its calendar's."""
    calendar = registry.calendars.get(journey.calendar)
    return encode_journey(journey) | {
        "version": journey.version,
        "calendar": journey.calendar if calendar is None else calendar.reference,
    }
