"""What can be wrong with one journey: its words, its steps' order, who takes them, what is seen of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hub.contracts.names import EventType, agency_code
from hub.contracts.schemas import Contracts
from hub.contracts.topics import HUB
from hub.errors import ContractError
from hub.registry.agencies import known_type
from hub.registry.journey_fields import Wrong, field_kind, moments, wrong_deadline, wrong_match
from hub.registry.journey_forms import EndForm, JourneyForm, LimitsForm, MatchForm, StartForm, StepForm
from hub.registry.journey_graph import circles, unreachable
from hub.registry.journey_sight import ESCALATED, SUB_CASE_ENDED, Sight
from hub.registry.journeys import WHOLE_CASE
from hub.registry.yamldocs import Path_, did_you_mean


@dataclass(frozen=True)
class Around:
    """What stands around journeys: contracts, what is seen, and every agency that a file declares."""

    contracts: Contracts
    sight: Sight
    agencies: frozenset[str]


def wrong_journey(form: JourneyForm, around: Around) -> Iterator[Wrong]:
    """Tell everything that is wrong with a journey by itself."""
    for path, match in matches(form):
        yield from wrong_match(match, path, around.contracts)
    yield from _wrong_steps(form)
    yield from _wrong_order(form)
    yield from _wrong_end(form)
    yield from _wrong_limits(form, (), around)
    for index, step in enumerate(form.steps):
        yield from _wrong_limits(step, ("steps", index), around)
    yield from _wrong_fields(form, around)
    yield from _wrong_agencies(form, around)
    yield from _Roles(form, around).wrong()


def matches(form: JourneyForm) -> Iterator[tuple[Path_, MatchForm]]:
    """Return every match of a journey with its place."""
    for index, start in enumerate(form.starts):
        yield ("starts", index), start
    for number, step in enumerate(form.steps):
        for index, match in enumerate(step.completed_by):
            yield ("steps", number, "completed_by", index), match
    for index, end in enumerate(form.ends):
        yield ("ends", index), end
    for index, reopening in enumerate(form.reopenings):
        yield ("reopenings", index), reopening


def _wrong_steps(form: JourneyForm) -> Iterator[Wrong]:
    ids = [step.id for step in form.steps]
    for index, step in enumerate(form.steps):
        path: Path_ = ("steps", index, "id")
        try:
            agency_code(step.id)
        except ContractError as error:
            yield path, str(error).replace("agency code", "step id")
        if step.id == WHOLE_CASE:
            yield (
                path,
                f"no step may be called {WHOLE_CASE}: the deadline of the whole case is told by that name.",
            )
        if ids.index(step.id) != index:
            yield path, f"step {step.id!r} stands twice."
        if not step.completed_by and step.sub_case is None:
            yield ("steps", index), "needs `completed_by`, or a `sub_case`: nothing would ever complete it."


def _wrong_order(form: JourneyForm) -> Iterator[Wrong]:
    ids = [step.id for step in form.steps]
    for number, step in enumerate(form.steps):
        for index, group in enumerate(step.after):
            yield from _unknown_steps(group.any_, ids, ("steps", number, "after", index))
    for number, reopening in enumerate(form.reopenings):
        yield from _unknown_steps(reopening.steps, ids, ("reopenings", number, "steps"))
    groups = {step.id: [group.any_ for group in step.after] for step in form.steps}
    found = circles({id_: [each for group in of for each in group] for id_, of in groups.items()})
    for circle in found:
        path: Path_ = ("steps", ids.index(circle[0]), "after")
        yield (
            path,
            f"{' → '.join(circle)}: these steps wait for each other. What is taken again is a reopening.",
        )
    in_circles = {id_ for circle in found for id_ in circle}
    for id_ in sorted(unreachable(groups) - in_circles):
        yield (
            ("steps", ids.index(id_), "after"),
            "can never be reached: it waits for steps that wait for each other.",
        )


def _unknown_steps(named: Sequence[str], ids: Collection[str], path: Path_) -> Iterator[Wrong]:
    for id_ in named:
        if id_ not in ids:
            yield path, f"no step has the id {id_!r}.{did_you_mean(id_, ids)}"


def _wrong_end(form: JourneyForm) -> Iterator[Wrong]:
    ends = any(end.state == "completed" for end in form.ends)
    if not ends and all(step.optional for step in form.steps):
        text = "nothing completes a case: name an event that does, or a step that is not optional."
        yield ("ends",), text


def _wrong_limits(form: LimitsForm, path: Path_, around: Around) -> Iterator[Wrong]:
    """Tell what is wrong with a deadline and with who is told of it."""
    deadline = form.deadline
    if deadline is None:
        for name, said in (("warn", form.warn is not None), ("escalations", bool(form.escalations))):
            if said:
                yield (*path, name), "needs a `deadline`."
        return
    if (deadline.within is None) == (deadline.field is None):
        yield (*path, "deadline"), "say `within` a length of time, or the `field` that tells it; one of them."
    if deadline.from_ is not None and deadline.field is not None:
        yield (*path, "deadline", "from"), "belongs to `within`; a field says the moment itself."
    within, warn = deadline.within, form.warn
    if within is not None and warn is not None and warn.unit == within.unit and warn.count >= within.count:
        yield (*path, "warn"), f"must be shorter than the deadline, {within}."
    before = None
    for index, each in enumerate(form.escalations):
        place: Path_ = (*path, "escalations", index)
        if before is not None and before.unit == each.after.unit and each.after.count <= before.count:
            yield (*place, "after"), f"must be later than the level before, {before}."
        before = each.after
        if around.sight.known(each.agency) and not around.sight.told(each.agency):
            text = f"no agreement brings {ESCALATED} from {HUB} to {each.agency}, so it would never be told."
            yield (*place, "agency"), text


def _wrong_fields(form: JourneyForm, around: Around) -> Iterator[Wrong]:
    types = {type_ for _, match in matches(form) if (type_ := known_type(match.event, around.contracts))}
    owned: list[tuple[Path_, LimitsForm]] = [((), form)]
    owned += [(("steps", index), step) for index, step in enumerate(form.steps)]
    for path, each in owned:
        if each.deadline is not None and each.deadline.field is not None:
            place = (*path, "deadline", "field")
            found = list(wrong_deadline(each.deadline.field, types, place, around.contracts))
            yield from found or _unseen_field(each.deadline.field, types, place, around)
    for index, start in enumerate(form.starts):
        type_ = known_type(start.event, around.contracts)
        if form.services and type_ and not field_kind(around.contracts.newest(type_), "service_id"):
            yield ("starts", index), f"{type_} has no service_id, so it starts no case of `services`."


def _unseen_field(field: str, types: Collection[EventType], path: Path_, around: Around) -> Iterator[Wrong]:
    having = [type_ for type_ in types if field in moments(around.contracts.newest(type_))]
    if not any(around.sight.able(type_, [field]) for type_ in having):
        yield path, f"no agreement lets supervision see {field} of this journey's events."


def _wrong_agencies(form: JourneyForm, around: Around) -> Iterator[Wrong]:
    """Tell of agencies that no file declares, or that are named twice, or whose partitions are too few."""
    told: set[str] = set()
    for path, code in _named_agencies(form):
        if code not in around.agencies:
            yield path, f"no agency has the code {code!r}.{did_you_mean(code, around.agencies)}"
        elif path[-1] != "agency" and code not in told and around.sight.known(code):
            told.add(code)
            if text := around.sight.narrow(code):
                yield path, text
    lists: list[tuple[Path_, list[str]]] = [(("openers",), form.openers), (("services",), form.services)]
    lists += [(("steps", index, "owners"), step.owners) for index, step in enumerate(form.steps)]
    for path, names in lists:
        for name, count in Counter(names).items():
            if count > 1:
                yield path, f"{name} stands twice."


def _named_agencies(form: JourneyForm) -> Iterator[tuple[Path_, str]]:
    for index, code in enumerate(form.openers):
        yield ("openers", index), code
    for number, step in enumerate(form.steps):
        for index, code in enumerate(step.owners):
            yield ("steps", number, "owners", index), code
        for index, each in enumerate(step.escalations):
            yield ("steps", number, "escalations", index, "agency"), each.agency
    for index, each in enumerate(form.escalations):
        yield ("escalations", index, "agency"), each.agency
    for path, match in matches(form):
        for index, code in enumerate(match.from_):
            yield (*path, "from", index), code


class _Roles:
    """Who starts, takes steps and ends: whether they are granted what they need, and whether it is seen."""

    def __init__(self, form: JourneyForm, around: Around) -> None:
        self._form = form
        self._around = around
        self._sight = around.sight
        started = {code for start in form.starts for code in start.from_}
        self._openers = set(form.openers) or started
        # Where anybody may open a case, anybody may end it.
        owners = {code for step in form.steps for code in step.owners}
        self._parties = self._openers | started | owners if self._openers else set[str]()

    def wrong(self) -> Iterator[Wrong]:
        """Tell of every agency that could not do its part, or that would do it unseen."""
        for index, start in enumerate(self._form.starts):
            yield from self._of(start, ("starts", index), self._openers)
        yield from self._idle(self._form.openers, self._form.starts, ("openers",))
        for number, step in enumerate(self._form.steps):
            yield from self._of_step(step, ("steps", number))
        for index, end in enumerate(self._form.ends):
            yield from self._of(end, ("ends", index), self._parties)
        for index, reopening in enumerate(self._form.reopenings):
            yield from self._of(reopening, ("reopenings", index), self._parties)

    def _of_step(self, step: StepForm, path: Path_) -> Iterator[Wrong]:
        owners = set(step.owners) or self._openers
        if step.sub_case is not None:
            for text in self._sight.wrong([HUB], SUB_CASE_ENDED, ["journey"], every=True):
                yield (*path, "sub_case"), text
        for index, match in enumerate(step.completed_by):
            place: Path_ = (*path, "completed_by", index)
            for code in match.from_:
                if owners and code not in owners:
                    yield (*place, "from"), f"{code} does not own this step, so it cannot complete it."
            yield from self._of(match, place, owners)
        if len(step.owners) > 1:
            yield from self._idle(step.owners, step.completed_by, (*path, "owners"))

    def _idle(self, codes: Sequence[str], needed: Sequence[MatchForm], path: Path_) -> Iterator[Wrong]:
        """Tell of agencies that may publish none of the types of which they need one."""
        types = [known_type(each.event, self._around.contracts) for each in needed]
        for index, code in enumerate(codes):
            able = not types or any(type_ is None or self._sight.granted(code, type_) for type_ in types)
            if self._sight.known(code) and not able:
                text = f"{code} is not granted {' or '.join(str(type_) for type_ in types)}"
                yield (*path, index), f"{text}; add it to `publishes` of that agency."

    def _of(self, match: MatchForm, path: Path_, parties: Collection[str]) -> Iterator[Wrong]:
        """Tell of agencies that cannot publish a match's events, or only unseen."""
        type_ = known_type(match.event, self._around.contracts)
        if type_ is None:
            return
        fields, codes = self._read(match, type_), match.from_ or sorted(parties)
        if not codes:
            if not self._sight.able(type_, fields):
                text = f"no agency may publish {type_} so that supervision sees what this journey reads."
                yield (*path, "event"), text
            return
        for text in self._sight.wrong(codes, type_, fields, every=bool(match.from_)):
            yield (*path, "event"), text
        if not match.from_ and not any(
            self._sight.granted(code, type_) or not self._sight.known(code) for code in codes
        ):
            text = f"{' and '.join(codes)} may not publish {type_}; add it to `publishes` of that agency."
            yield (*path, "event"), text

    def _read(self, match: MatchForm, type_: EventType) -> list[str]:
        """Return the fields that a match is judged by, as far as its contract has them."""
        names = list(match.where)
        if isinstance(match, StartForm | EndForm) and match.at:
            names.append(match.at)
        if isinstance(match, EndForm) and match.outcome:
            names.append(match.outcome)
        known = self._around.contracts.newest(type_).field_names
        return [name for name in names if name in known]
