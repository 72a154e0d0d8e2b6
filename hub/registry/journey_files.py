"""From the forms of `journeys/` to journeys: what no single document can know is checked here.

Calendars, agencies and agreements are read before; a journey that nobody could see, or that could never end,
is a fault like a misspelt field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations

from hub.contracts.names import AgencyCode, CalendarId, EventType, JourneyId, agency_code
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.registry import journey_checks as checks
from hub.registry.journey_fields import Wrong, field_kind
from hub.registry.journey_forms import (
    DeadlineForm,
    EscalationForm,
    JourneyForm,
    MatchForm,
    MigrationForm,
    StepForm,
)
from hub.registry.journey_graph import circles
from hub.registry.journey_migrations import Versions, wrong_migrations
from hub.registry.journey_sight import Sight
from hub.registry.journeys import (
    Deadline,
    Dropped,
    End,
    Escalation,
    Journey,
    Match,
    Migration,
    Reopening,
    Start,
    Step,
)
from hub.registry.yamldocs import Document, Fault, did_you_mean

_PARENT = "parent_case"


class Journeys:
    """Collects journeys one by one; `faults` grows, nothing is raised.

    `calendars` and `agencies` are all that files declare, faulty ones included: these are named elsewhere.
    Without `calendars` it is not known which there are; without `earlier`, what was applied before.
    """

    def __init__(
        self,
        contracts: Contracts,
        sight: Sight,
        calendars: Collection[str] | None,
        agencies: Collection[str],
        earlier: Mapping[str, Versions] | None = None,
    ) -> None:
        self.faults: list[Fault] = []
        self._earlier = earlier
        self._around = checks.Around(contracts, sight, frozenset(agencies))
        self._calendars = calendars
        self._found: dict[str, tuple[Journey, Document]] = {}
        self._documents: dict[str, Document] = {}

    def add(self, form: JourneyForm, document: Document) -> None:
        """Take one journey."""
        before = len(self.faults)
        self._check_id(form, document)
        if self._calendars is not None and form.calendar not in self._calendars:
            text = f"no calendar has the id {form.calendar!r}.{did_you_mean(form.calendar, self._calendars)}"
            self._fault(document, (("calendar",), text))
        for wrong in checks.wrong_journey(form, self._around):
            self._fault(document, wrong)
        known = None if self._earlier is None else self._earlier.get(form.id, {})
        for path, text in wrong_migrations(journey(form), known):
            self._fault(document, (path, text))
        if len(self.faults) == before:
            self._found[form.id] = (journey(form), document)

    def finish(self) -> dict[JourneyId, Journey]:
        """Check what journeys mean for each other, and return those without fault."""
        self._check_sub_cases()
        for (one, _), (other, document) in combinations(self._found.values(), 2):
            for index, start in enumerate(other.starts):
                if any(self._both(one, first, other, start) for first in one.starts):
                    text = (
                        f"{one.id} is started by the same events, services and openers: a case follows one "
                        "journey. Narrow one of them by `services`, `openers`, `from` or `where`."
                    )
                    self._fault(document, (("starts", index), text))
        return {journey.id: journey for journey, _ in self._found.values()}

    def _check_id(self, form: JourneyForm, document: Document) -> None:
        try:
            agency_code(form.id)
        except ContractError as error:
            self._fault(document, (("id",), str(error).replace("agency code", "journey id")))
        if form.id in self._documents:
            other = self._documents[form.id]
            place = f"{other.file}:{other.lines.get(('id',), 1)}"
            self._fault(document, (("id",), f"journey {form.id!r} is declared already in {place}."))
        self._documents.setdefault(form.id, document)

    def _check_sub_cases(self) -> None:
        edges = {
            str(journey.id): [str(step.sub_case) for step in journey.steps if step.sub_case]
            for journey, _ in self._found.values()
        }
        for circle in circles(edges):
            _, document = self._found[circle[0]]
            text = f"{' → '.join(circle)}: a journey cannot be a part of itself."
            self._fault(document, (("steps",), text))
        for journey, document in self._found.values():
            for index, step in enumerate(journey.steps):
                wrong = step.sub_case and self._wrong_sub_case(step.sub_case)
                if wrong:
                    self._fault(document, (("steps", index, "sub_case"), wrong))

    def _wrong_sub_case(self, id_: JourneyId) -> str | None:
        if id_ not in self._documents:
            return f"no journey has the id {id_!r}.{did_you_mean(id_, self._documents)}"
        if id_ in self._found and not any(
            field_kind(self._around.contracts.newest(start.match.type), _PARENT)
            for start in self._found[id_][0].starts
        ):
            return (
                f"the events that start {id_} have no field {_PARENT}, so no case could be a part of another."
            )
        return None

    def _both(self, one: Journey, first: Start, other: Journey, second: Start) -> bool:
        """Say whether an event could start a case of either journey."""
        return (
            first.match.type == second.match.type
            and _meet(one.services, other.services)
            and _meet(one.openers, other.openers)
            and _meet(first.match.agencies, second.match.agencies)
            and not self._apart(first.match, second.match)
        )

    def _apart(self, one: Match, other: Match) -> bool:
        """Say whether a field of one value keeps two matches apart; a list can have values of both."""
        contract, wanted = self._around.contracts.newest(one.type), dict(other.where)
        for name, values in one.where:
            kind = field_kind(contract, name)
            if name in wanted and kind is not None and not kind.several and not values & wanted[name]:
                return True
        return False

    def _fault(self, document: Document, wrong: Wrong) -> None:
        path, text = wrong
        self.faults.append(document.fault(path, text))


def journey(form: JourneyForm) -> Journey:
    """Return the journey of a form, with version 0; nothing is checked."""
    return Journey(
        id=JourneyId(form.id),
        version=0,
        title_fa=form.title.fa,
        title_en=form.title.en,
        calendar=CalendarId(form.calendar),
        starts=tuple(Start(_match(each), each.proactive, each.at) for each in form.starts),
        steps=tuple(_step(each) for each in form.steps),
        ends=tuple(End(_match(each), each.state, each.at, each.outcome) for each in form.ends),
        reopenings=tuple(Reopening(_match(each), frozenset(each.steps)) for each in form.reopenings),
        services=frozenset(form.services),
        openers=_codes(form.openers),
        deadline=_deadline(form.deadline),
        warn=form.warn,
        escalations=_escalations(form.escalations),
        stuck_after=form.stuck_after,
        legal_basis=form.legal_basis,
        migrations=tuple(_migration(each) for each in form.migrates),
    )


def _migration(form: MigrationForm) -> Migration:
    return Migration(
        frozenset(form.from_),
        tuple(sorted(form.steps.items())),
        tuple(Dropped(step, why.fa, why.en) for step, why in sorted(form.dropped.items())),
    )


def _step(form: StepForm) -> Step:
    return Step(
        id=form.id,
        title_fa=form.title.fa,
        title_en=form.title.en,
        completed_by=tuple(_match(each) for each in form.completed_by),
        owners=tuple(AgencyCode(each) for each in form.owners),
        after=tuple(frozenset(each.any_) for each in form.after),
        optional=form.optional,
        deadline=_deadline(form.deadline),
        warn=form.warn,
        escalations=_escalations(form.escalations),
        sub_case=None if form.sub_case is None else JourneyId(form.sub_case),
    )


def _match(form: MatchForm) -> Match:
    where = {name: frozenset(_text(value) for value in values) for name, values in form.where.items()}
    return Match(EventType(form.event), tuple(sorted(where.items())), _codes(form.from_))


def _text(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _codes(codes: Iterable[str]) -> frozenset[AgencyCode]:
    return frozenset(AgencyCode(each) for each in codes)


def _deadline(form: DeadlineForm | None) -> Deadline | None:
    return None if form is None else Deadline(form.within, form.from_ or "entered", form.field, form.rule)


def _escalations(forms: list[EscalationForm]) -> tuple[Escalation, ...]:
    return tuple(Escalation(each.after, AgencyCode(each.agency), each.role) for each in forms)


def _meet(one: Collection[str], other: Collection[str]) -> bool:
    """Say whether two sets have something in common; an empty one stands for all."""
    return not one or not other or bool(set(one) & set(other))
