"""`/v1/cases`: cases across agencies, and the timeline of one: who had it, what is next, by when."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.api.timelines import document
from hub.contracts import names
from hub.contracts.moments import rfc3339
from hub.errors import ContractError
from hub.journeys.rows import CaseRow
from hub.journeys.timeline import timeline
from hub.store import case_pages
from hub.store.case_pages import CaseQuestion

router = APIRouter(tags=["cases"])

_PLAIN = (
    "agency", "journey", "journey_version", "service_id", "channel", "province", "proactive", "state",
    "outcome", "late", "holder", "events", "reopened",
)  # fmt: skip
_MOMENTS = ("first_at", "last_at", "started_at", "ended_at", "deadline_at", "stuck_at")
_MOST_CHARS = 4096


@router.get("/v1/cases", summary="Cases across agencies")
def cases(  # noqa: PLR0917 - query parameters, all named by the caller
    hub: Hub,
    agency: Annotated[str | None, Query(description="Only cases that this agency opened.")] = None,
    journey: Annotated[str | None, Query(description="Only cases of this journey.")] = None,
    state: Annotated[
        Literal["unstarted", "open", "completed", "withdrawn"] | None,
        Query(description="Only cases in this state."),
    ] = None,
    late: Annotated[
        bool | None, Query(description="Only cases that are late, ended or open; or only others.")
    ] = None,
    stuck: Annotated[
        bool | None, Query(description="Only open cases without an event for too long; or only others.")
    ] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most cases on the page.")] = 100,
) -> dict[str, Any]:
    """Give cases in the order of their ids; `clock` is the programme's, by which open ones are judged.

    `next` is null on the last page.
    """
    question = CaseQuestion(_code(agency), _code(journey), state, late, stuck)
    asked = json.dumps(question.filters(), sort_keys=True)
    page = case_pages.page(hub.engine, question, _after(cursor, asked), limit)
    return {
        "cases": [_row(each) for each in page.cases],
        "clock": page.clock and rfc3339(page.clock),
        "next": _cursor(page.cases[-1].caseid, asked) if page.more else None,
    }


@router.get("/v1/cases/{agency}/{local:path}", summary="The timeline of one case")
def case(hub: Hub, agency: str, local: str) -> dict[str, Any]:
    """Give what each event of a case meant, who had it how long, and what is next, by when, by which rule.

    No personal data: who in an office did something is left out. `clock` is the programme's. Where the case
    moved to another version of its journey, that stands among the events: `moved` has the versions.
    """
    caseid = f"{agency}/{local}"
    found = case_pages.found(hub.engine, caseid)
    if not found.events:
        raise ProblemError("not-found", f"There is no case {caseid!r}.")
    return document(timeline(caseid, found.events, hub.book(), found.clock, found.reached))


def _row(case: CaseRow) -> dict[str, Any]:
    moments = {name: getattr(case, name) for name in _MOMENTS}
    return {
        "id": case.caseid,
        **{name: getattr(case, name) for name in _PLAIN},
        **{name: value and rfc3339(value) for name, value in moments.items()},
        "agencies": list(case.agencies),
        "notes": list(case.notes),
    }


def _code(text: str | None) -> str | None:
    return None if text is None else names.agency_code(text)


def _cursor(caseid: str, asked: str) -> str:
    body = json.dumps([asked, caseid]).encode()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _after(cursor: str | None, asked: str) -> str:
    if cursor is None:
        return ""
    try:
        padded = cursor[:_MOST_CHARS] + "=" * (-len(cursor) % 4)
        question, caseid = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        question, caseid = None, None
    if question != asked or not isinstance(caseid, str) or "\x00" in caseid:
        error = ContractError(
            "the cursor is none, or belongs to another query:",
            do="keep the filters, or begin again without a cursor.",
        )
        raise ProblemError("bad-cursor", str(error))
    return caseid
