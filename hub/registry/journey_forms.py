"""What a journey and a calendar look like in a file: pydantic models; short forms stand for longer ones."""

# ruff: noqa: RUF012 - pydantic copies defaults

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from hub.registry.forms import Code, Form, Text, TitleForm, as_list
from hub.registry.journey_documents import WEEKDAYS, span
from hub.registry.journeys import Span

Year = Annotated[int, Field(ge=1900, le=2200)]


def _span(value: Any) -> Any:
    if isinstance(value, Span):
        return value
    try:
        return span(value)
    except (ValueError, AttributeError):
        raise ValueError(
            "must be a length of time, such as `5 working days`, `8 working hours`, `30 days`"
        ) from None


def _day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _clock(value: Any) -> Any:
    try:
        return time.fromisoformat(value)
    except (ValueError, TypeError):
        raise ValueError('must be a time of day in quotes, such as "08:00"') from None


def _weekday(value: str) -> str:
    if value not in WEEKDAYS:
        raise ValueError(f"{value!r} is no day of the week; write it as {', '.join(WEEKDAYS)}")
    return value


def _plain(value: Any) -> Any:
    if not isinstance(value, str | bool | int):
        raise ValueError("must be text, a whole number, true or false; put quotes around what is text")  # noqa: TRY004
    return value


def _as_match(value: Any) -> Any:
    return {"event": value} if isinstance(value, str) else value


def _each(value: Any) -> Any:
    """Return one thing as a list of one."""
    return value if isinstance(value, list) or value is None else [value]


def _as_alternatives(value: Any) -> Any:
    return {"any": [value]} if isinstance(value, str) else value


def _as_deadline(value: Any) -> Any:
    return {"within": value} if isinstance(value, str) else value


Length = Annotated[Span, BeforeValidator(_span)]
Day = Annotated[date, BeforeValidator(_day)]
Clock = Annotated[time, BeforeValidator(_clock)]
Codes = Annotated[list[Code], BeforeValidator(as_list)]
Values = Annotated[list[Annotated[Any, AfterValidator(_plain)]], BeforeValidator(_each), Field(min_length=1)]
Versions = Annotated[list[Annotated[int, Field(ge=1)]], BeforeValidator(_each), Field(min_length=1)]

_SHORT = BeforeValidator(_as_match)


class MatchForm(Form):
    """Which events are meant."""

    event: Code
    where: dict[str, Values] = {}
    from_: Annotated[Codes, Field(alias="from")] = []


Matches = Annotated[list[Annotated[MatchForm, _SHORT]], BeforeValidator(_each)]


class StartForm(MatchForm):
    """What starts a case."""

    proactive: bool = False
    at: Code | None = None


class EndForm(MatchForm):
    """What ends a case."""

    state: Literal["completed", "withdrawn"] = "completed"
    at: Code | None = None
    outcome: Code | None = None


class ReopeningForm(MatchForm):
    """What opens an ended case again, and the steps to be taken again."""

    steps: Annotated[Codes, Field(min_length=1)]


class AfterForm(Form):
    """What a step waits for: one of these steps."""

    any_: Annotated[list[Code], Field(alias="any", min_length=1)]


class DeadlineForm(Form):
    """Until when: a length of time, or a field of the case's events."""

    within: Length | None = None
    from_: Annotated[Literal["entered", "case"] | None, Field(alias="from")] = None
    field: Code | None = None
    rule: Text | None = None


class EscalationForm(Form):
    """Who is told, so long after the deadline."""

    after: Length
    agency: Code
    role: Text | None = None


class LimitsForm(Form):
    """What a step and a whole case have alike: a deadline, and who is told."""

    deadline: Annotated[DeadlineForm | None, BeforeValidator(_as_deadline)] = None
    warn: Length | None = None
    escalations: Annotated[list[EscalationForm], BeforeValidator(_each)] = []


class StepForm(LimitsForm):
    """One step of a journey."""

    id: Code
    title: TitleForm
    owners: Codes = []
    completed_by: Matches = []
    sub_case: Code | None = None
    after: Annotated[
        list[Annotated[AfterForm, BeforeValidator(_as_alternatives)]], BeforeValidator(_each)
    ] = []
    optional: bool = False


class MigrationForm(Form):
    """Which open cases of earlier versions come along, and what becomes of their steps."""

    from_: Annotated[Versions, Field(alias="from")]
    steps: dict[str, Code] = {}
    dropped: dict[str, TitleForm] = {}


class JourneyForm(LimitsForm):
    """A document of `journeys/`."""

    id: Code
    title: TitleForm
    calendar: Code
    services: Codes = []
    openers: Codes = []
    legal_basis: Text | None = None
    starts: Annotated[list[Annotated[StartForm, _SHORT]], BeforeValidator(_each), Field(min_length=1)]
    steps: list[StepForm] = []
    ends: Annotated[list[Annotated[EndForm, _SHORT]], BeforeValidator(_each)] = []
    reopenings: Annotated[list[ReopeningForm], BeforeValidator(_each)] = []
    stuck_after: Length = Span(30, "working_days")
    migrates: Annotated[list[MigrationForm], BeforeValidator(_each)] = []


class YearsForm(Form):
    """The first and the last year whose holidays the calendar knows."""

    from_: Annotated[Year, Field(alias="from")]
    until: Year


class HoursForm(Form):
    """The working hours of a working day."""

    from_: Annotated[Clock, Field(alias="from")] = time(8)
    until: Clock = time(16)


class CalendarForm(Form):
    """A document of `calendars/`."""

    id: Code
    title: TitleForm
    zone: Code
    weekend: Annotated[list[Annotated[str, AfterValidator(_weekday)]], BeforeValidator(as_list)]
    hours: HoursForm = HoursForm()
    years: YearsForm
    country: Code | None = None
    subdivision: Code | None = None
    extra_holidays: list[Day] = []
    extra_working_days: list[Day] = []
