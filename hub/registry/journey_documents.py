"""Journeys and calendars as JSON documents, as `hub.registry` holds them and plans compare them.

A document has everything but the version, which stands in its key. What is not said in a journey is null or
an empty list there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any, TypeVar

from hub.contracts.names import AgencyCode, CalendarId, EventType, JourneyId
from hub.errors import ContractError
from hub.registry.calendars import Calendar
from hub.registry.journeys import (
    Deadline,
    Dropped,
    End,
    Escalation,
    Journey,
    Match,
    Migration,
    Reopening,
    Span,
    Start,
    Step,
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The days as files name them, in the order of `date.weekday`."""

_LONGEST = 100_000
_Read = TypeVar("_Read")


def encode_calendar(calendar: Calendar) -> dict[str, Any]:
    """Return a calendar as a JSON document, its holidays as ISO dates in order."""
    return {
        "id": calendar.id,
        "title": {"fa": calendar.title_fa, "en": calendar.title_en},
        "zone": calendar.zone,
        "weekend": [WEEKDAYS[day] for day in sorted(calendar.weekend)],
        "hours": {"from": f"{calendar.opens:%H:%M}", "until": f"{calendar.closes:%H:%M}"},
        "years": {"from": calendar.first_year, "until": calendar.last_year},
        "holidays": [day.isoformat() for day in calendar.sorted_holidays],
    }


def decode_calendar(document: Mapping[str, Any], version: int) -> Calendar:
    """Return the calendar of a document; raise ContractError if the document is none."""
    try:
        return Calendar(
            id=CalendarId(document["id"]),
            version=version,
            title_fa=document["title"]["fa"],
            title_en=document["title"]["en"],
            zone=document["zone"],
            weekend=frozenset(WEEKDAYS.index(day) for day in document["weekend"]),
            holidays=frozenset(date.fromisoformat(day) for day in document["holidays"]),
            first_year=document["years"]["from"],
            last_year=document["years"]["until"],
            opens=time.fromisoformat(document["hours"]["from"]),
            closes=time.fromisoformat(document["hours"]["until"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"a calendar on the registry's topic cannot be read: {error}.") from None


def encode_journey(journey: Journey) -> dict[str, Any]:
    """Return a journey as a JSON document."""
    return {
        "id": journey.id,
        "title": {"fa": journey.title_fa, "en": journey.title_en},
        "calendar": journey.calendar,
        "services": sorted(journey.services),
        "openers": sorted(journey.openers),
        "legal_basis": journey.legal_basis,
        "starts": [
            _match(each.match) | {"proactive": each.proactive, "at": each.at} for each in journey.starts
        ],
        "steps": [_step(each) for each in journey.steps],
        "ends": [
            _match(each.match) | {"state": each.state, "at": each.at, "outcome": each.outcome}
            for each in journey.ends
        ],
        "reopenings": [_match(each.match) | {"steps": sorted(each.steps)} for each in journey.reopenings],
        **_limits(journey.deadline, journey.warn, journey.escalations),
        "stuck_after": str(journey.stuck_after),
        "migrates": [_migration(each) for each in journey.migrations],
    }


def decode_journey(document: Mapping[str, Any], version: int) -> Journey:
    """Return the journey of a document; raise ContractError if the document is none."""
    try:
        return _journey(document, version)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"a journey on the registry's topic cannot be read: {error}.") from None


def span(text: str) -> Span:
    """Return the length of time that a text such as `5 working days` names; ValueError if none."""
    number, _, words = text.strip().partition(" ")
    unit = words.strip().replace(" ", "_")
    unit = unit if unit.endswith("s") else f"{unit}s"
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= _LONGEST):
        raise ValueError(text)
    for known in ("working_days", "working_hours", "days", "hours"):
        if unit == known:
            return Span(int(number), known)
    raise ValueError(text)


def _journey(document: Mapping[str, Any], version: int) -> Journey:
    return Journey(
        id=JourneyId(document["id"]),
        version=version,
        title_fa=document["title"]["fa"],
        title_en=document["title"]["en"],
        calendar=CalendarId(document["calendar"]),
        starts=tuple(Start(_read_match(each), each["proactive"], each["at"]) for each in document["starts"]),
        steps=tuple(_read_step(each) for each in document["steps"]),
        ends=tuple(
            End(_read_match(each), each["state"], each["at"], each["outcome"]) for each in document["ends"]
        ),
        reopenings=tuple(
            Reopening(_read_match(each), frozenset(each["steps"])) for each in document["reopenings"]
        ),
        services=frozenset(document["services"]),
        openers=frozenset(AgencyCode(each) for each in document["openers"]),
        deadline=_maybe(_read_deadline, document["deadline"]),
        warn=_maybe(span, document["warn"]),
        escalations=_read_escalations(document["escalations"]),
        stuck_after=span(document["stuck_after"]),
        legal_basis=document["legal_basis"],
        # Documents of before there were migrations have none.
        migrations=tuple(_read_migration(each) for each in document.get("migrates", ())),
    )


def _migration(migration: Migration) -> dict[str, Any]:
    return {
        "from": sorted(migration.versions),
        "steps": dict(migration.steps),
        "dropped": {each.step: {"fa": each.reason_fa, "en": each.reason_en} for each in migration.dropped},
    }


def _read_migration(document: Mapping[str, Any]) -> Migration:
    return Migration(
        frozenset(document["from"]),
        tuple(sorted(document["steps"].items())),
        tuple(Dropped(step, why["fa"], why["en"]) for step, why in sorted(document["dropped"].items())),
    )


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": {"fa": step.title_fa, "en": step.title_en},
        "owners": list(step.owners),
        "completed_by": [_match(each) for each in step.completed_by],
        "sub_case": step.sub_case,
        "after": [sorted(group) for group in step.after],
        "optional": step.optional,
        **_limits(step.deadline, step.warn, step.escalations),
    }


def _read_step(document: Mapping[str, Any]) -> Step:
    sub_case = document["sub_case"]
    return Step(
        id=document["id"],
        title_fa=document["title"]["fa"],
        title_en=document["title"]["en"],
        completed_by=tuple(_read_match(each) for each in document["completed_by"]),
        owners=tuple(AgencyCode(each) for each in document["owners"]),
        after=tuple(frozenset(group) for group in document["after"]),
        optional=document["optional"],
        deadline=_maybe(_read_deadline, document["deadline"]),
        warn=_maybe(span, document["warn"]),
        escalations=_read_escalations(document["escalations"]),
        sub_case=None if sub_case is None else JourneyId(sub_case),
    )


def _match(match: Match) -> dict[str, Any]:
    return {
        "event": match.type,
        "where": {name: sorted(values) for name, values in match.where},
        "from": sorted(match.agencies),
    }


def _read_match(document: Mapping[str, Any]) -> Match:
    return Match(
        EventType(document["event"]),
        tuple(sorted((name, frozenset(values)) for name, values in document["where"].items())),
        frozenset(AgencyCode(each) for each in document["from"]),
    )


def _limits(
    deadline: Deadline | None, warn: Span | None, escalations: tuple[Escalation, ...]
) -> dict[str, Any]:
    return {
        "deadline": None if deadline is None else _deadline(deadline),
        "warn": None if warn is None else str(warn),
        "escalations": [
            {"after": str(each.after), "agency": each.agency, "role": each.role} for each in escalations
        ],
    }


def _deadline(deadline: Deadline) -> dict[str, Any]:
    return {
        "within": None if deadline.span is None else str(deadline.span),
        "from": deadline.counted_from,
        "field": deadline.field,
        "rule": deadline.rule,
    }


def _read_deadline(document: Mapping[str, Any]) -> Deadline:
    return Deadline(_maybe(span, document["within"]), document["from"], document["field"], document["rule"])


def _read_escalations(documents: list[Mapping[str, Any]]) -> tuple[Escalation, ...]:
    return tuple(
        Escalation(span(each["after"]), AgencyCode(each["agency"]), each["role"]) for each in documents
    )


def _maybe(read: Callable[[Any], _Read], value: Any) -> _Read | None:
    return None if value is None else read(value)
