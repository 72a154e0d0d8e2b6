"""Journeys and calendars on the real `hub.registry`, and the times at which editions came into force."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hub.broker.auditing.asking import Questions
from hub.broker.auditing.editions import EditionLog
from hub.broker.desired import admin
from hub.broker.desired.apply import apply
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.registry.calendars import Calendar
from hub.registry.journeys import Deadline, Journey, Match, Span, Start, Step
from hub.registry.model import Registry, system_agencies

STEP = Step(
    "decided", "تصمیم", "Decided", (Match("service.request.decided.v1"),), deadline=Deadline(Span(3, "days"))
)
JOURNEY = Journey(
    "permit", 0, "پروانه", "Permit", "plain", (Start(Match("service.request.submitted.v1")),), (STEP,)
)
CALENDAR = Calendar(
    "plain", 0, "ساده", "Plain", "UTC", frozenset({4}), frozenset({date(2026, 3, 21)}), 2026, 2026
)


def test_editions_are_read_with_their_journeys_and_the_broker_s_times(engines):
    """A changed calendar makes an edition, by the broker's clock; its journey keeps its version."""
    settings = engines.settings
    admin.ensure_topics(settings, topics.hub_topics())
    known = read_registry(settings, topics.ADMIN_PRINCIPAL).current
    agencies = known.agencies if known else system_agencies()
    first = Registry(0, agencies, known.agreements if known else {}, {"permit": JOURNEY}, {"plain": CALENDAR})
    second = replace(first, calendars={"plain": replace(CALENDAR, last_year=2027)})
    begun = datetime.now(UTC)
    numbers = []
    for desired in (first, second):
        numbers.append(apply(settings, desired).edition)
        time.sleep(0.01)
    before, after = read_registry(settings, topics.READER_PRINCIPAL).editions()[-2:]
    assert [before.number, after.number] == numbers
    slack = timedelta(seconds=1)
    assert begun - slack < before.appended_at < after.appended_at < datetime.now(UTC) + slack
    assert before.registry.journeys["permit"] == after.registry.journeys["permit"]
    versions = [each.registry.calendars["plain"].version for each in (before, after)]
    assert versions[1] == versions[0] + 1
    assert after.registry.calendars["plain"].last_year == 2027
    audit = EditionLog(settings, Questions(settings), lambda: None)
    try:
        audit.catch_up()
        assert audit.current == after.registry
        assert audit.appended_ms(before.number) == round(before.appended_at.timestamp() * 1000)
    finally:
        audit.close()
