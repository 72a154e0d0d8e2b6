"""`/v1/obligations`: what agencies owe the programme, how far it has come, and what they object to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from hub.api import cursors
from hub.api.state import Hub
from hub.contracts.names import agency_code
from hub.store import indicators

router = APIRouter(tags=["indicators"])


@router.get("/v1/obligations", summary="Obligations to the programme")
def obligations(
    hub: Hub,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before, with the same filters.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most entries on the page.")] = 100,
    agency: Annotated[str | None, Query(description="Only what this agency owes.")] = None,
    state: Annotated[
        Literal["open", "fulfilled", "overdue", "failed", "dropped"] | None,
        Query(description="Only those in this state."),
    ] = None,
) -> dict[str, Any]:
    """List obligations by owner and id as they stand at the programme's clock.

    Each with degree and state, the measured value beside the declared one, a forecast where there are three
    reports or more, days overdue with their consequence, and the objections beside all of it.
    """
    owner = None if agency is None else str(agency_code(agency))
    after = cursors.decode(cursor, (owner, state), (str, str))
    found = indicators.obligations(hub.engine, (owner, state), after, limit + 1)
    page = found[:limit]
    last = (page[-1]["owner"], page[-1]["obligation"]) if page else ()
    known = indicators.state(hub.engine)
    return {
        "clock": None if known is None else known.as_of["clock"],
        "obligations": page,
        "states": indicators.obligation_states(hub.engine, owner),
        "next": cursors.encode((owner, state), last) if len(found) > limit else None,
    }
