"""What agency hub says of cases: a deadline near, missed, brought before somebody; a sub-case that ended.

A notice's id follows from what it says, so that the same thing is told once however often it is found.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from hub.journeys.marks import mark
from hub.journeys.plan import SUB_CASE_ENDED
from hub.journeys.rows import CaseRow, Notice, StepRow, Watch
from hub.registry.journeys import WHOLE_CASE, Journey

_NAMES = UUID("6f0c3c56-5b0e-5d6f-9a61-3d2f6a0d8f11")
_TYPES = {
    "due": "hub.step.due.v1",
    "overdue": "hub.step.overdue.v1",
    "escalated": "hub.step.escalated.v1",
}
_TOLD = {"due": "told_at", "overdue": "detected_at", "escalated": "escalated_at"}


def notice(  # noqa: PLR0917 - each is what the notice is about
    caseid: str, watch: Watch, case: CaseRow, step: StepRow | None, journey: Journey, moment: datetime
) -> Notice:
    """Return what is told when the clock (`moment`) has reached a watch; `step` is None for the whole case.

    `data` has moments as datetime, as the codec takes them.
    """
    due, rule = (case.deadline_at, case.deadline_rule) if step is None else (step.due_at, step.due_rule)
    data: dict[str, Any] = {
        "journey": str(journey.id),
        "step_id": watch.step,
        "service_id": case.service_id,
        "holder_agency": case.holder if step is None else step.owner,
        "due_at": due,
        _TOLD[watch.kind]: moment,
        "journey_version": journey.version,
        "rule": rule,
    }
    if watch.kind == "escalated":
        told = journey if watch.step == WHOLE_CASE else journey.by_id[watch.step]
        escalation = told.escalations[watch.level - 1]
        data |= {
            "level": watch.level,
            "escalated_to_agency": str(escalation.agency),
            "escalated_to_role": escalation.role,
        }
    return Notice(id=notice_id(caseid, watch, due), type=_TYPES[watch.kind], caseid=caseid, data=data)


def notice_id(caseid: str, watch: Watch, due: datetime | None) -> str:
    """Return the id of what is told of a watch, whose step (or case) is due at a moment."""
    return _id(caseid, watch.step, watch.run, watch.kind, watch.level, mark(due))


def sub_case_ended(case: CaseRow) -> Notice | None:
    """Return what the parent of a case hears when it has ended; None while it is open, or without a parent.

    Told once for each time that the case ends; ended anew after a reopening it is told again.
    """
    if case.parent is None or case.journey is None or case.state not in ("completed", "withdrawn"):
        return None
    data = {
        "journey": case.journey,
        "sub_case": case.caseid,
        "service_id": case.service_id,
        "outcome": case.outcome or case.state,
        "ended_at": case.ended_at,
    }
    id_ = _id(case.parent, case.caseid, case.reopened, "sub-case ended")
    return Notice(id=id_, type=str(SUB_CASE_ENDED), caseid=case.parent, data=data)


def _id(*parts: object) -> str:
    return str(uuid5(_NAMES, "\n".join(str(part) for part in parts)))
