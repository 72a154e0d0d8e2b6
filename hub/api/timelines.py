"""The timeline of a case as JSON, the same for the API and for `hub case show --json`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.contracts.moments import rfc3339
from hub.contracts.topics import HUB
from hub.journeys.meanings import Meaning
from hub.journeys.timeline import Entry, Moved, Timeline


def document(told: Timeline) -> dict[str, Any]:
    """Return a timeline as a JSON-able dict; who in an office did something is left out."""
    case, journey, calendar = told.case, told.journey, told.calendar
    return {
        "id": case.caseid,
        "agency": case.agency,
        "clock": rfc3339(told.clock),
        "journey": journey
        and {
            "id": journey.id,
            "version": journey.version,
            "title_fa": journey.title_fa,
            "title_en": journey.title_en,
            "legal_basis": journey.legal_basis,
            "calendar": calendar and calendar.reference,
        },
        "service_id": case.service_id,
        "channel": case.channel,
        "province": case.province,
        "proactive": case.proactive,
        "parent": case.parent,
        "state": case.state,
        "outcome": case.outcome,
        "started_at": _moment(case.started_at),
        "ended_at": _moment(case.ended_at),
        "deadline": {"at": _moment(case.deadline_at), "rule": case.deadline_rule, "late": case.late},
        "stuck": told.stuck,
        "holder": case.holder,
        "agencies": list(case.agencies),
        "reopened": case.reopened,
        "notes": list(case.notes),
        "next": [_plain(each, since=each.since, due_at=each.due_at) for each in told.next],
        "steps": [_step(told, each) for each in told.steps],
        "holdings": [_plain(each, since=each.since, until=each.until) for each in told.holdings],
        "handoffs": [_plain(each, at=each.at, taken_at=each.taken_at) for each in told.handoffs],
        "timeline": [_moved(each) if isinstance(each, Moved) else _entry(each) for each in told.entries],
    }


def _step(told: Timeline, step: Any) -> dict[str, Any]:
    known = told.titled(step.step)
    moments = {name: getattr(step, name) for name in ("entered_at", "due_at", "completed_at")}
    return {
        **_plain(step, **moments),
        "title_fa": known.title_fa if known else None,
        "title_en": known.title_en if known else None,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    event = entry.event
    unit = event.data.get("group") or event.data.get("department")
    return {
        "time": rfc3339(event.time),
        "type": event.type,
        "id": event.id,
        "agency": event.agency,
        "subsystem": event.subsystem,
        "channel": event.channel,
        "activity": entry.activity,
        "activity_name": event.data.get("activity_name"),
        "unit": unit,
        "means": [_meaning(each) for each in entry.meanings],
    }


def _moved(moved: Moved) -> dict[str, Any]:
    """Return a move with the fields of an entry that an event has, and the versions."""
    move = moved.move
    empty = dict.fromkeys(("id", "subsystem", "channel", "activity", "activity_name", "unit"))
    return {
        "time": rfc3339(move.at),
        "type": None,
        "agency": HUB,
        **empty,
        "means": [_meaning(each) for each in moved.meanings],
        "moved": {"from": move.old.version, "to": move.new.version, "edition": move.edition},
    }


def _meaning(meaning: Meaning) -> dict[str, Any]:
    named = _plain(meaning, due_at=meaning.due_at)
    return {name: value for name, value in named.items() if value is not None}


def _plain(value: Any, **moments: datetime | None) -> dict[str, Any]:
    """Return a value's fields, moments as text."""
    fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return fields | {name: _moment(moment) for name, moment in moments.items()}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
