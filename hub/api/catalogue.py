"""`/v1/services` and `/v1/datasets`: the catalogue as agencies declare it by events."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Row

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.contracts import names
from hub.contracts.moments import rfc3339
from hub.store import read_models
from hub.window.catalogue import Kind

router = APIRouter(tags=["catalogue"])

CursorText = Annotated[str | None, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most entries on the page.")]
Agency = Annotated[str | None, Query(description="Only what this agency declared.")]
StateName = Annotated[
    str | None,
    Query(pattern="^[a-z]{1,40}$", description="Only entries in this state, for example connected."),
]


@router.get("/v1/services", summary="Services in the catalogue")
def services(
    hub: Hub, cursor: CursorText = None, limit: Limit = 100, agency: Agency = None, state: StateName = None
) -> dict[str, Any]:
    """List services as their agencies declared them last, by declaring agency and id; and counts by state."""
    return _page(hub, "service", cursor, limit, (agency, state))


@router.get("/v1/services/{agency}/{id:path}", summary="One service")
def service(hub: Hub, agency: str, id: str) -> dict[str, Any]:  # noqa: A002 - the parameter's public name
    """Show one service as the agency declared it last, and which event said so."""
    return _one(hub, "service", agency, id)


@router.get("/v1/datasets", summary="Datasets in the catalogue")
def datasets(
    hub: Hub, cursor: CursorText = None, limit: Limit = 100, agency: Agency = None, state: StateName = None
) -> dict[str, Any]:
    """List datasets as their agencies declared them last, by declaring agency and id; and counts by state."""
    return _page(hub, "dataset", cursor, limit, (agency, state))


@router.get("/v1/datasets/{agency}/{id:path}", summary="One dataset")
def dataset(hub: Hub, agency: str, id: str) -> dict[str, Any]:  # noqa: A002 - the parameter's public name
    """Show one dataset as the agency declared it last, and which event said so."""
    return _one(hub, "dataset", agency, id)


def _page(
    hub: Hub, kind: Kind, cursor: str | None, limit: int, filters: tuple[str | None, str | None]
) -> dict[str, Any]:
    agency, _ = filters
    if agency is not None:
        names.agency_code(agency)
    after = _decode(cursor) if cursor is not None else ("", "")
    rows = read_models.entries(hub.engine, kind, after, limit + 1, filters)
    page = rows[:limit]
    last = (page[-1].agency, page[-1].id) if page else after
    return {
        f"{kind}s": [_entry(row) for row in page],
        "states": read_models.states(hub.engine, kind),
        "next": _encode(last) if len(rows) > limit else None,
    }


def _one(hub: Hub, kind: Kind, agency: str, id_: str) -> dict[str, Any]:
    row = None if "\x00" in agency + id_ else read_models.entry(hub.engine, kind, agency, id_)
    if row is None:
        raise ProblemError("not-found", f"No {kind} with this id was declared by this agency.")
    return _entry(row)


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "agency": row.agency,
        "id": row.id,
        **row.data,
        "declared": {
            "by": row.agency,
            "first_accepted_at": rfc3339(row.first_accepted_at),
            "accepted_at": rfc3339(row.accepted_at),
            "events": row.events,
            "event_id": row.event_id,
            "event_type": row.type,
            "event_time": row.time,
            "origin": f"{row.origin_topic}/{row.origin_partition}/{row.origin_offset}",
        },
    }


def _encode(after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode().rstrip("=")


def _decode(text: str) -> tuple[str, str]:
    try:
        body = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        agency, id_ = body
    except (ValueError, TypeError, RecursionError):
        raise ProblemError("bad-cursor") from None
    if not (isinstance(agency, str) and isinstance(id_, str)) or "\x00" in agency + id_:
        raise ProblemError("bad-cursor")
    return agency, id_
