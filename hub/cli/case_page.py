"""A case's timeline as lines of text, in Persian or English. Pure.

Persian lines begin with a right-to-left mark, and what is not Persian stands isolated in them; dates are
Jalali with the ISO date beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.cli.case_words import Language, note, word
from hub.cli.jalali import jalali
from hub.journeys.meanings import Meaning
from hub.journeys.rows import HandOffRow
from hub.journeys.timeline import Entry, Holding, Moved, Next, Timeline
from hub.registry.journeys import WHOLE_CASE

_RLM, _ISOLATE, _END = "\u200f", "\u2066", "\u2069"
_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60))
_ABOUT_STEPS = frozenset({"entered", "completed", "told", "renamed", "dropped"})


def lines(told: Timeline, language: Language, zone: ZoneInfo) -> Iterator[str]:
    """Yield the page of a case; times are shown in `zone`."""
    page = _Page(told, language, zone)
    for line in page.lines():
        yield f"{_RLM}{line}" if language == "fa" else line


class _Page:
    def __init__(self, told: Timeline, language: Language, zone: ZoneInfo) -> None:
        self._told = told
        self._language = language
        self._zone = zone
        # Of how many moves is being told: steps bear the titles that they had then. None: of the present.
        self._moves: int | None = None

    def lines(self) -> Iterator[str]:
        """Yield the page without marks of direction at the beginning of lines."""
        yield from self._head()
        yield from self._section("next", (self._next(each) for each in self._told.next), "nothing next")
        yield from self._section("timeline", self._entries())
        yield from self._section("held", map(self._holding, self._told.holdings))
        yield from self._section("handoffs", map(self._handoff, self._told.handoffs))
        yield from self._section("odd", (note(each, self._language) for each in self._told.case.notes))

    def _head(self) -> Iterator[str]:
        case, journey = self._told.case, self._told.journey
        yield f"{self._word('case')} {self._code(case.caseid)}"
        if journey is None:
            yield f"  {self._word('journey')}: {self._word('no journey')}"
        else:
            title = journey.title_fa if self._language == "fa" else journey.title_en
            basis = f"; {self._word('rule')}: {journey.legal_basis}" if journey.legal_basis else ""
            yield f"  {self._word('journey')}: {title} ({self._code(journey.reference)}){basis}"
        if case.service_id:
            yield f"  {self._word('service')}: {self._code(case.service_id)}"
        yield f"  {self._word('state')}: {self._state()}"
        if case.proactive:
            yield f"  {self._word('proactive')}"
        if self._told.stuck:
            yield f"  {self._word('stuck')}"
        yield f"  {self._word('clock')}: {self._time(self._told.clock)}"

    def _state(self) -> str:
        case = self._told.case
        name = case.state if case.state in ("open", "unstarted") else f"{case.state} state"
        parts = [self._word(name)]
        if case.ended_at is not None:
            parts.append(self._time(case.ended_at))
        if case.outcome:
            parts.append(self._code(case.outcome))
        if case.late is not None:
            parts.append(self._word("late" if case.late else "in time"))
        if case.state == "open" and case.holder:
            parts.append(self._code(case.holder))
        return ", ".join(parts) if self._language == "en" else "، ".join(parts)

    def _section(self, name: str, entries: Iterator[str], empty: str | None = None) -> Iterator[str]:
        found = list(entries)
        if found or empty:
            yield ""
            yield self._word(name)
            yield from (f"  {line}" for line in found or [self._word(str(empty))])

    def _next(self, each: Next) -> str:
        parts = [self._title(each.step)]
        if each.agency:
            parts.append(self._code(each.agency))
        if each.due_at is not None:
            parts.append(self._time(each.due_at))
            seconds = (self._told.clock - each.due_at).total_seconds()
            if each.late:
                parts.append(f"{self._word('late')} ({self._length(seconds)})")
        if each.optional:
            parts.append(self._word("optional"))
        if each.rule:
            parts.append(f"{self._word('rule')}: {each.rule}")
        return " · ".join(parts)

    def _entries(self) -> Iterator[str]:
        self._moves = 0
        for each in self._told.entries:
            if isinstance(each, Moved):
                yield from self._moved(each)
            else:
                yield from self._entry(each)
        self._moves = None

    def _moved(self, moved: Moved) -> Iterator[str]:
        move = moved.move
        edition = f"{self._word('edition')} {move.edition}"
        versions = self._code(f"{move.old.reference} → {move.new.reference}")
        yield f"{self._time(move.at)}  {self._word('moved')}: {versions}  ({edition})"
        before = self._moves or 0
        for meaning in moved.meanings:
            # What is lost is told by its title of before.
            self._moves = before if meaning.kind == "dropped" else before + 1
            yield f"    {self._meaning(meaning)}"
        self._moves = before + 1

    def _entry(self, entry: Entry) -> Iterator[str]:
        event = entry.event
        label = str(event.data.get("activity_name") or entry.activity)
        unit = event.data.get("group") or event.data.get("department")
        where = [self._code(each) for each in (event.agency, event.subsystem, event.channel, unit) if each]
        yield f"{self._time(event.time)}  {' · '.join(where)}  {self._code(label)}"
        for meaning in entry.meanings:
            yield f"    {self._meaning(meaning)}"
        if (
            not entry.meanings
            and self._told.journey is not None
            and entry.work
            and entry.activity == event.type
        ):
            yield f"    {self._word('nothing')}"

    def _meaning(self, meaning: Meaning) -> str:
        if meaning.kind == "noted":
            told = note(str(meaning.note), self._language)
            step = f" ({self._title(meaning.step)})" if meaning.step else ""
            return f"! {self._word('noted')}: {told}{step}"
        parts = [self._word(meaning.kind)]
        if meaning.was is not None:
            parts[0] = f"{self._title(meaning.was, (self._moves or 1) - 1)}: {parts[0]}"
        if meaning.kind in _ABOUT_STEPS and meaning.step:
            parts[0] += f" {self._title(meaning.step)}"
        if meaning.kind in ("handed over", "entered") and meaning.agency:
            parts[0] += f" {self._code(meaning.agency)}"
        if meaning.late is not None:
            parts.append(self._word("late" if meaning.late else "in time"))
        if meaning.due_at is not None:
            parts.append(f"→ {self._time(meaning.due_at)}")
        reason = meaning.reason_fa if self._language == "fa" else meaning.reason_en
        if reason is not None:
            parts.append(reason)
        return " · ".join(parts)

    def _holding(self, holding: Holding) -> str:
        end = self._time(holding.until) if holding.until else self._word("until now")
        if holding.working_days is not None:
            length = f"{holding.working_days} {self._word('working days')}"
        else:
            length = self._length(holding.seconds)
        return f"{self._code(holding.agency)}  {self._time(holding.since)} → {end}  ({length})"

    def _handoff(self, row: HandOffRow) -> str:
        taken = self._word("not taken")
        if row.waiting_seconds is not None:
            taken = f"{self._word('waited')} {self._length(row.waiting_seconds)}"
        return f"{self._time(row.at)}  {self._code(row.giver)} → {self._code(row.holder)}  {taken}"

    def _title(self, step: str | None, moves: int | None = None) -> str:
        if step is None or step == WHOLE_CASE:
            return self._word("whole")
        known = self._told.titled(step, self._moves if moves is None else moves)
        if known is None:
            return self._code(step)
        return f"«{known.title_fa}»" if self._language == "fa" else f'"{known.title_en}"'

    def _time(self, moment: datetime) -> str:
        local = moment.astimezone(self._zone)
        clock = f"{local:%H:%M}"
        if self._language == "en":
            return f"{local.date().isoformat()} {clock}"
        day = jalali(local.date())
        both = f"{day} ({local.date().isoformat()})" if day else local.date().isoformat()
        return self._code(f"{both} {clock}")

    def _length(self, seconds: float) -> str:
        for name, size in _UNITS:
            if seconds >= size or name == "minutes":
                return f"{int(seconds // size)} {self._word(name)}"
        raise AssertionError

    def _word(self, name: str) -> str:
        return word(name, self._language)

    def _code(self, text: object) -> str:
        """Return text that is not Persian, so that it keeps its own direction in a Persian line."""
        return f"{_ISOLATE}{text}{_END}" if self._language == "fa" else str(text)
