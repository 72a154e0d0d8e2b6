"""Makers of events for the folds of obligations and consultations."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest

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


@pytest.fixture
def at():
    return moment


@pytest.fixture
def make_event():
    return event
