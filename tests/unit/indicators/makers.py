"""Makers of events and rows for the tests of figures."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from hub.indicators.inputs import CaseGroup
from hub.journeys.events import CaseEvent, Order

_NUMBER = count()


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(type_, agency, at, **data):
    number = next(_NUMBER)
    when = moment(at)
    return CaseEvent(
        id=f"e{number}",
        type=type_,
        agency=agency,
        subsystem=None,
        order=Order(when, f"agency.{agency}.outbox", 0, number),
        accepted_at=when,
        channel=None,
        data=data,
    )


def group(agency, province, month, *, completed=0, withdrawn=0, open_=0, late=0):
    return CaseGroup(
        "birth",
        agency,
        "online",
        province,
        month,
        started=completed + withdrawn + open_,
        open=open_,
        started_completed=completed,
        started_withdrawn=withdrawn,
        completed=completed,
        withdrawn=withdrawn,
        ended_with_deadline=completed,
        ended_late=min(late, completed),
    )
