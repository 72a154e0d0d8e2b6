"""From the forms of `calendars/` to calendars: the holidays of a country are written out as dates here.

An applied calendar holds dates, so a later edition of the library that knows them changes nothing of what an
applied version means; `hub plan` shows the dates that it would add or take away.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from hub.contracts.names import CalendarId, agency_code
from hub.errors import ContractError
from hub.registry.calendars import Calendar
from hub.registry.journey_documents import WEEKDAYS
from hub.registry.journey_forms import CalendarForm
from hub.registry.yamldocs import Document, Fault, Path_, did_you_mean

_MOST_YEARS = 100


class Calendars:
    """Collects calendars one by one; `faults` grows, nothing is raised."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._found: dict[CalendarId, Calendar] = {}
        self._documents: dict[str, Document] = {}

    @property
    def mentioned(self) -> frozenset[str]:
        """Every id that a file declares, faulty calendars included."""
        return frozenset(self._documents)

    def add(self, form: CalendarForm, document: Document) -> None:
        """Take one calendar."""
        before = len(self.faults)
        self._check_id(form, document)
        self._check_times(form, document)
        holidays = self._holidays(form, document)
        if len(self.faults) == before:
            calendar = Calendar(
                id=CalendarId(form.id),
                version=0,
                title_fa=form.title.fa,
                title_en=form.title.en,
                zone=form.zone,
                weekend=_weekend(form),
                holidays=holidays,
                first_year=form.years.from_,
                last_year=form.years.until,
                opens=form.hours.from_,
                closes=form.hours.until,
            )
            self._found[calendar.id] = calendar

    def finish(self) -> dict[CalendarId, Calendar]:
        """Return the calendars without fault."""
        return dict(self._found)

    def _check_id(self, form: CalendarForm, document: Document) -> None:
        try:
            agency_code(form.id)
        except ContractError as error:
            self._fault(document, ("id",), str(error).replace("agency code", "calendar id"))
        if form.id in self._documents:
            other = self._documents[form.id]
            place = f"{other.file}:{other.lines.get(('id',), 1)}"
            self._fault(document, ("id",), f"calendar {form.id!r} is declared already in {place}.")
        self._documents.setdefault(form.id, document)

    def _check_times(self, form: CalendarForm, document: Document) -> None:
        if form.hours.until <= form.hours.from_:
            self._fault(document, ("hours", "until"), "must be later than hours.from.")
        if not 0 <= form.years.until - form.years.from_ < _MOST_YEARS:
            text = f"must not be before years.from, and at most {_MOST_YEARS - 1} years after it."
            self._fault(document, ("years", "until"), text)
        if len(_weekend(form)) == len(WEEKDAYS):
            self._fault(document, ("weekend",), "leaves no working day.")
        try:
            ZoneInfo(form.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            advice = did_you_mean(form.zone, available_timezones())
            self._fault(document, ("zone",), f"no time zone is called {form.zone!r}.{advice}")

    def _holidays(self, form: CalendarForm, document: Document) -> frozenset[date]:
        known = self._of_country(form, document) | frozenset(form.extra_holidays)
        for name, days in (
            ("extra_holidays", form.extra_holidays),
            ("extra_working_days", form.extra_working_days),
        ):
            for index, day in enumerate(days):
                for text in _wrong_day(form, day, known, taken_away=name == "extra_working_days"):
                    self._fault(document, (name, index), text)
        return known - frozenset(form.extra_working_days)

    def _of_country(self, form: CalendarForm, document: Document) -> frozenset[date]:
        import holidays  # noqa: PLC0415 - only those who read files need it

        if form.country is None:
            if form.subdivision is not None:
                self._fault(document, ("subdivision",), "needs a `country`.")
            return frozenset()
        countries = holidays.list_supported_countries()
        if form.country not in countries:
            text = f"the library `holidays` knows no country {form.country!r}; write its ISO 3166-1 code."
            self._fault(document, ("country",), text + did_you_mean(form.country, countries))
            return frozenset()
        if form.subdivision is not None and form.subdivision not in countries[form.country]:
            text = f"{form.country} has no part {form.subdivision!r} with holidays of its own."
            advice = did_you_mean(form.subdivision, countries[form.country])
            self._fault(document, ("subdivision",), text + advice)
            return frozenset()
        years = range(form.years.from_, min(form.years.until, form.years.from_ + _MOST_YEARS) + 1)
        days = holidays.country_holidays(form.country, subdiv=form.subdivision, years=years, expand=False)
        if missing := [year for year in years if all(day.year != year for day in days)]:
            text = f"the library `holidays` knows no holiday of {form.country} in {missing[0]}."
            self._fault(document, ("years",), text)
        return frozenset(days)

    def _fault(self, document: Document, path: Path_, text: str) -> None:
        self.faults.append(document.fault(path, text))


def _weekend(form: CalendarForm) -> frozenset[int]:
    return frozenset(WEEKDAYS.index(day) for day in form.weekend)


def _wrong_day(form: CalendarForm, day: date, known: frozenset[date], *, taken_away: bool) -> Iterator[str]:
    if not form.years.from_ <= day.year <= form.years.until:
        yield f"{day} is outside of the years {form.years.from_} to {form.years.until}."
    elif taken_away and day.weekday() in _weekend(form):
        yield f"{day} is a {WEEKDAYS[day.weekday()]}; a weekend cannot be made a working day."
    elif taken_away and day not in known:
        yield f"{day} is no holiday, so it is a working day already."
