"""The book of journeys: which journey, in which version, a case follows.

A case follows the newest edition of the agency registry that was appended before its starting event was
accepted, and keeps to it; so a rebuild chooses alike. Where the book begins later than the event, the oldest
edition that has a journey for it counts. An edition that brings a version with migrations takes open cases
of earlier ones along.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from hub.contracts.names import AgencyCode, CalendarId, JourneyId
from hub.errors import ContractError
from hub.journeys.events import CaseEvent
from hub.journeys.plan import Plan, fits
from hub.journeys.workdays import FIRST
from hub.registry.calendars import Calendar
from hub.registry.journeys import Journey, Start
from hub.registry.model import Edition

_ANY = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a case follows: its journey, the start that its event fits, the calendar, and by which edition."""

    journey: Journey
    start: Start
    calendar: Calendar
    edition: int


@dataclass(frozen=True, slots=True)
class Coming:
    """A version of a journey that takes open cases of earlier ones along; `at`: when it came, UTC."""

    edition: int
    at: datetime
    journey: Journey
    calendar: Calendar


class Book:
    """The editions of the agency registry, oldest first, made ready for looking up."""

    def __init__(self, editions: Iterable[Edition]) -> None:
        self._pages = [_Page(each) for each in sorted(editions, key=lambda each: each.number)]
        self._from: list[datetime] = []
        latest = FIRST
        for page in self._pages:
            latest = max(latest, page.appended_at)
            self._from.append(latest)
        self._plans: dict[tuple[str, str, str], Plan] = {}

    def choose(self, event: CaseEvent, opener: str) -> Chosen | None:
        """Return what a case follows that this event starts; None if it starts no journey.

        `opener` is the agency part of the case's id. An edition that was in force and has no journey for the
        event decides so: a journey that is declared later does not reach back.
        """
        place = bisect_right(self._from, event.accepted_at)
        if place:
            return self._pages[place - 1].choose(event, opener)
        return next((found for page in self._pages if (found := page.choose(event, opener))), None)

    def version_at(self, moment: datetime, journey: JourneyId) -> int | None:
        """Return the version of a journey in force when an event was accepted, 0 where it was taken away.

        None where the book begins later than the moment.
        """
        place = bisect_right(self._from, moment)
        if not place:
            return None
        known = self._pages[place - 1].registry.journeys.get(journey)
        return known.version if known is not None else 0

    def comings(self, journey: str) -> tuple[Coming, ...]:
        """Return the versions of a journey that take open cases along, in the order in which they came."""
        return self._comings.get(journey, ())

    def reached(self, moment: datetime) -> int:
        """Return the newest edition at a moment of those that take open cases along; 0: none had come."""
        place = bisect_right(self._turns, moment, key=lambda turn: turn[0])
        return self._turns[place - 1][1] if place else 0

    @property
    def takes_along(self) -> bool:
        """Whether any edition takes open cases along."""
        return bool(self._comings)

    def came(self, after: int, until: int) -> list[Coming]:
        """Return the versions taking open cases along that came with editions after one, up to another."""
        found = [each for of in self._comings.values() for each in of if after < each.edition <= until]
        return sorted(found, key=lambda each: each.edition)

    def named(self, journey_id: str, version: int, calendar: str | None = None) -> tuple[Journey, Calendar]:
        """Return a journey and its calendar by version; `calendar` (`<id>@<version>`) tells editions apart.

        Raises ContractError where no edition has them.
        """
        found = self._references.get((f"{journey_id}@{version}", calendar or _ANY))
        if found is None:
            raise ContractError(
                f"no edition of the agency registry has {journey_id}@{version} with calendar {calendar}:",
                do="see whether topic hub.registry is whole, then run hub rebuild cases.",
            )
        return found

    def plan(self, journey: Journey, calendar: Calendar, opener: str) -> Plan:
        """Return a journey made ready for judging the cases of an opener; made once."""
        key = (journey.reference, calendar.reference, opener)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan(journey, calendar, opener)
        return plan

    @cached_property
    def _comings(self) -> dict[str, tuple[Coming, ...]]:
        """Versions with migrations by journey, each with the first edition that has it."""
        found: dict[str, tuple[Coming, ...]] = {}
        known: Mapping[JourneyId, Journey] = {}
        for page, at in zip(self._pages, self._from, strict=True):
            for id_, journey in page.registry.journeys.items():
                before = known.get(id_)
                if journey.migrations and (before is None or before.version != journey.version):
                    coming = Coming(page.number, at, journey, page.calendar(journey))
                    found[id_] = (*found.get(id_, ()), coming)
            known = page.registry.journeys
        return found

    @cached_property
    def _turns(self) -> list[tuple[datetime, int]]:
        """When editions came that take open cases along, and their numbers, ascending."""
        return sorted({(each.at, each.edition) for of in self._comings.values() for each in of})

    @cached_property
    def _references(self) -> dict[tuple[str, str], tuple[Journey, Calendar]]:
        """Journeys by reference and calendar; without a calendar named, the newest edition's."""
        found: dict[tuple[str, str], tuple[Journey, Calendar]] = {}
        for page in self._pages:
            for journey in page.registry.journeys.values():
                calendar = page.calendar(journey)
                found[journey.reference, calendar.reference] = (journey, calendar)
                found[journey.reference, _ANY] = (journey, calendar)
        return found


class _Page:
    """One edition, its starts by event type, service and opener."""

    def __init__(self, edition: Edition) -> None:
        self.number = edition.number
        self.registry = edition.registry
        self.appended_at = edition.appended_at
        self._starts: dict[str, dict[tuple[str, str], list[tuple[Journey, Start]]]] = {}
        for _, journey in sorted(self.registry.journeys.items()):
            for start in journey.starts:
                of_type = self._starts.setdefault(start.match.type, {})
                for service in journey.services or (_ANY,):
                    for opener in journey.openers or (AgencyCode(_ANY),):
                        of_type.setdefault((service, opener), []).append((journey, start))

    def choose(self, event: CaseEvent, opener: str) -> Chosen | None:
        of_type = self._starts.get(event.type)
        if of_type is None:
            return None
        service = str(event.data.get("service_id") or _ANY)
        for key in ((service, opener), (service, _ANY), (_ANY, opener), (_ANY, _ANY)):
            for journey, start in of_type.get(key, ()):
                if fits(start.match, event):
                    return Chosen(journey, start, self.calendar(journey), self.number)
        return None

    def calendar(self, journey: Journey) -> Calendar:
        known = self.registry.calendars.get(CalendarId(journey.calendar))
        if known is None:
            raise ContractError(
                f"journey {journey.reference} names calendar {journey.calendar}, which its edition lacks:",
                do="declare the calendar and apply again.",
            )
        return known
