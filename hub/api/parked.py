"""`/v1/parked` and `/v1/parked-requests`: what was refused, whose it is, why, and what became of it.

Contents are never given over HTTP, and nothing is settled here: both come with sign-in. `hub parked` does it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.contracts.names import agency_code
from hub.errors import ContractError
from hub.parked.place import Place
from hub.parked.question import Question
from hub.store import parked as tables

router = APIRouter(tags=["parked events"])

Limit = Annotated[int, Query(ge=1, le=1000, description="The most entries on the page.")]


@router.get("/v1/parked", summary="Parked events")
def parked(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before, with the same filters.")
    ] = None,
    limit: Limit = 100,
    agency: Annotated[str | None, Query(description="Only of this source agency.")] = None,
    owner: Annotated[str | None, Query(description="Only what this agency, or `hub`, has to mend.")] = None,
    reason: Annotated[
        str | None, Query(pattern="^[a-z][a-z-]{0,39}$", description="Only of this reason class.")
    ] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Parked at or after this RFC 3339 time.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Parked before this RFC 3339 time.")] = None,
    text: Annotated[
        str | None, Query(max_length=200, description="Only where detail, id, type or origin holds this.")
    ] = None,
    state: Annotated[
        Literal["open", "replayed", "discarded", "all"], Query(description="What became of them.")
    ] = "open",
) -> dict[str, Any]:
    """Give parked events, oldest first, and counts of all that the filters let through."""
    question = _question((agency, owner), reason, (since, until), text, state)
    try:
        after = question.position(cursor) if cursor is not None else None
    except ContractError as error:
        raise ProblemError("bad-cursor", str(error)) from None
    found = tables.page(hub.engine, question, limit + 1, after)
    page = found[:limit]
    more = len(found) > limit
    last = page[-1].event if page else None
    place = (last.parked_at.isoformat(), last.partition, last.offset) if last is not None else None
    return {
        "groups": [each.to_json() for each in tables.groups(hub.engine, question)],
        "parked": [each.to_json() for each in page],
        "next": question.cursor(place) if more and place is not None else None,
    }


@router.get("/v1/parked/{topic}/{partition}/{offset}", summary="One parked event")
def one(hub: Hub, topic: str, partition: str, offset: str) -> dict[str, Any]:
    """Show one parked event by its origin, without its contents, and what became of it."""
    try:
        place = Place.parse(f"{topic}/{partition}/{offset}")
    except ContractError:
        place = None
    found = tables.by_origin(hub.engine, [place]).get(place) if place is not None else None
    if found is None:
        raise ProblemError("not-found", "Nothing is parked from this origin.")
    return found.to_json()


@router.get("/v1/parked-requests", summary="Requests to settle many parked events")
def requests(
    hub: Hub,
    limit: Limit = 100,
    state: Annotated[
        Literal["open", "confirmed", "declined", "all"], Query(description="What was decided.")
    ] = "all",
) -> dict[str, Any]:
    """Give requests, the newest first: who asked, who decided, how many of their events are open."""
    found = tables.requests(hub.engine, None if state == "all" else state, limit)
    return {"requests": [each.to_json() for each in found]}


def _question(
    agencies: tuple[str | None, str | None],
    reason: str | None,
    period: tuple[datetime | None, datetime | None],
    text: str | None,
    state: Literal["open", "replayed", "discarded", "all"],
) -> Question:
    if text is not None and "\x00" in text:
        raise ContractError("text holds a character that no event shows.")
    agency, owner = (agency_code(each) if each is not None else None for each in agencies)
    return Question(
        agency=agency,
        owner=owner,
        reason=reason,
        since=period[0],
        until=period[1],
        text=text or None,
        state=None if state == "all" else state,
    )
