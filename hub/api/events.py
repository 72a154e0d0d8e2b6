"""`/v1/events`: the window's feed by cursor: without gaps, resumable, the same after a rebuild."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Row

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.contracts import envelope, names, topics
from hub.contracts.moments import rfc3339
from hub.errors import ContractError
from hub.store import read_models
from hub.store.read_models import FeedQuestion
from hub.window import cursor as cursors

router = APIRouter(tags=["events"])
READER = ("projector", topics.inbox(topics.WINDOW))

_PLAIN = (
    "source", "agency", "subsystem", "type", "time", "subject", "caseid", "causationid", "channel",
    "route", "seq", "agreement", "purpose", "accepted_at", "masked", "schema_id", "data",
)  # fmt: skip


@router.get("/v1/events", summary="The window's feed")
def events(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before; without it, from the start.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most events on the page.")] = 100,
    type_: Annotated[str | None, Query(alias="type", description="Only this event type.")] = None,
    agency: Annotated[str | None, Query(description="Only events of this agency.")] = None,
    case: Annotated[str | None, Query(description="Only events of this case: <agency>/<local id>.")] = None,
) -> dict[str, Any]:
    """Give deliveries of the window, by the broker's time; per partition in its order.

    `next` goes on behind this page, also when the page is empty: ask again later with it.
    """
    question = _question(type_, agency, case)
    asked = "&".join(f"{name}={value}" for name, value in sorted(question.filters().items()))
    place = _place(cursor, asked)
    heads = read_models.heads(hub.engine, READER, place.places, question, limit + 1)
    page = cursors.page(heads, limit)
    return {
        "events": [_event(row) for row in page],
        "next": place.after(page).encode(asked),
        "more": sum(map(len, heads)) > len(page),
    }


def _question(type_: str | None, agency: str | None, case: str | None) -> FeedQuestion:
    if type_ is not None:
        names.event_type(type_)
    if agency is not None:
        names.agency_code(agency)
    if case is not None:
        envelope.split_case(case)
        if "\x00" in case:
            raise ContractError("case holds a character that no case id has.")
    return FeedQuestion(type_, agency, case)


def _place(cursor: str | None, asked: str) -> cursors.Cursor:
    if cursor is None:
        return cursors.Cursor()
    try:
        return cursors.decode(cursor, asked)
    except ContractError as error:
        raise ProblemError("bad-cursor", str(error)) from None


def _event(row: Row[Any]) -> dict[str, Any]:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public way to a row by name
    return {
        "id": found["event_id"],
        **{name: found[name] for name in _PLAIN},
        "origin": f"{found['origin_topic']}/{found['origin_partition']}/{found['origin_offset']}",
        "partition": found["partition"],
        "offset": found["offset"],
        "appended_at": rfc3339(found["appended_at"]),
    }
