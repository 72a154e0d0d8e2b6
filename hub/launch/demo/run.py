"""The course of the demo: agencies publish, recipients receive, one is away for a while, all is counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Engine

from connectors.sdk import Config
from hub.broker import credentials
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError
from hub.launch.demo import check, logs, plan, shown, windows
from hub.launch.demo.clock import Clock
from hub.launch.demo.findings import Findings
from hub.launch.demo.flow import Gate, audited, through
from hub.launch.demo.progress import Show
from hub.launch.demo.publish import PlanJob
from hub.launch.demo.receive import Role
from hub.launch.demo.settle import notices, settled
from hub.launch.demo.shown import Shown
from hub.launch.demo.windows import Course
from hub.launch.demo.workers import Workers
from hub.launch.publish import publish
from hub.settings import Settings
from hub.store import figures
from hub.store.engine import engine

AWAY_AFTER = 2000
_NOTE = "demo.json"


@dataclass(frozen=True)
class Result:
    """What a run of the demo found. Latencies in milliseconds, from outbox append to seen by a recipient.

    `ledger` is the audit's sheet as JSON, of a cut behind everything that was sent; `expected` the verdicts
    that the plan's events must have got; `refused` has one event id per reason class, `providers` counts who
    offers the declared services. `shown` are the figures published at the end, `notices` what cases came to.
    """

    declaration: dict[str, int]
    expected: dict[str, int]
    findings: Findings
    ledger: dict[str, Any]
    published: int
    refused: dict[str, str]
    providers: int
    p50_ms: float
    p99_ms: float
    shown: Shown = field(default_factory=lambda: Shown({}))
    notices: int = 0

    @property
    def events_per_second(self) -> float:
        """The events at full speed of the municipalities: from first append to last visible delivery."""
        first, last = self.findings.first_append_ms, self.findings.last_visible_ms
        rows = sum(self.declaration[f"log rows of {agency}"] for agency in plan.MUNICIPALITIES)
        events = rows - len(plan.paced_ids())
        return events * 1000 / max(1, (last or 0) - (first or 0))

    @property
    def cases_hold(self) -> bool:
        """Whether the permit register holds every case of every island."""
        return all(self.findings.cases[agency] == count for agency, count in case_counts().items())

    @property
    def holds(self) -> bool:
        """Whether the audit finds every sum to hold and no fault open, and the demo finds what it expects."""
        found = self.findings
        seen = found.cases_out_of_order or found.staff_ids_seen
        sums = self.ledger["balanced"] and self.figures_hold and self.cases_hold and self.notices_hold
        return bool(sums and not seen)

    @property
    def notices_hold(self) -> bool:
        """Whether what cases came to was told once each: nothing lost, nothing twice."""
        return self.findings.notices == self.notices

    @property
    def unaccounted(self) -> int:
        """Faults that the audit counts over all routes and the intake; they never cancel."""
        return sum(self.ledger["totals"]["unaccounted"].values())

    @property
    def figures_hold(self) -> bool:
        """Whether every verdict is as often as declared, and more only by what the hub or others sent."""
        totals, parked = self.ledger["totals"], self.ledger["parked"]
        came = {name: totals[name] for name in ("routed", "unclaimed", "duplicate")} | parked
        more = {name: count - self.expected.get(name, 0) for name, count in came.items()}
        enough = all(came.get(name, 0) >= count for name, count in self.expected.items())
        found = self.findings
        others = found.ticks + found.notices + found.strangers
        read = sum(self.declaration.values()) + others
        return bool(enough and sum(more.values()) == others and totals["read"] == read)

    def line(self) -> dict[str, int | float | None]:
        """Return the figures of the last line of `hub demo --once`; the names are contract."""
        totals = self.ledger["totals"]
        intake = ("read", "routed", "unclaimed", "duplicate", "parked")
        routes = ("accepted", "delivered", "pending", "rejected", "expired")
        return {
            **{name: totals[name] for name in (*intake, *routes)},
            "unaccounted": self.unaccounted,
            "cases": self.findings.cases.total(),
            "events_per_second": round(self.events_per_second, 1),
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "ticks": self.findings.ticks,
            "notices": self.findings.notices,
            **self.shown.line(),
        }


def case_counts() -> dict[AgencyCode, int]:
    """Return how many cases each island's log has."""
    return {agency: len({event.caseid for event in plan.log_events(agency)}) for agency in plan.ISLANDS}


def configs(settings: Settings) -> dict[AgencyCode, Config]:
    """Return each demo agency's connection, over its own login.

    Raises ConfigError when this hub's agency registry does not know them all.
    """
    wanted = {*plan.SOURCES, *plan.RECIPIENTS, topics.HUB}
    registry = read_registry(settings, topics.READER_PRINCIPAL).current
    missing = sorted(wanted - set(registry.agencies if registry else ()))
    if missing:
        raise ConfigError(
            f"this hub's agency registry has no {', '.join(missing)}: it is not the example's.",
            where=str(settings.data_dir),
            do="Run the demo on another folder: `hub demo --data-dir DIR`.",
        )
    kafka = settings.kafka
    return {
        code: Config(
            agency=code,
            bootstrap=kafka.bootstrap or "",
            password=credentials.password(settings, code),
            security_protocol=kafka.security_protocol,
            sasl_mechanism=kafka.sasl_mechanism,
            ca_file=kafka.ca_file,
        )
        for code in wanted
    }


def run(settings: Settings, console: Console, *, days: int = windows.DAYS) -> Result:
    """Run the demo on a hub that is up; what an earlier run has published is not published again.

    Event time goes by in windows of `days` days. Raises HubError when something ends it early; what was sent
    stays, and the next run goes on from there.
    """
    codec = Codec(Contracts.load())
    declaration = plan.declaration(codec)
    show = Show(console)
    with show.step("Agencies: what an earlier run has sent"):
        known = configs(settings)
        already = {agency: logs.sent_already(settings, agency) for agency in (*plan.SOURCES, topics.HUB)}
        reject = plan.rejected_ids() - logs.rejected_already(settings, plan.REGISTER)
    sent = sum(already[agency].total() for agency in plan.SOURCES)
    due = sum(declaration.values()) - plan.REJECTIONS - sent
    paced = plan.paced_ids()
    books = engine(settings)
    with (
        show.bars(max(0, due)) as bars,
        Workers(bars) as workers,
        Gate(settings, (*plan.SOURCES, *plan.RECIPIENTS)) as gate,
    ):
        workers.receive(Role(known[plan.REGISTER], reject=reject, timed=paced))
        workers.receive(Role(known[plan.STATISTICS], timed=paced))
        if due > 0:
            _Sending(settings, books, workers, gate, known, already, bars.say).run(plan.course(days))
        else:
            workers.receive(Role(known[plan.FEES]))
        bars.say("Recipients finish what is there, acknowledge it and leave.")
        gate.wait_all()
        workers.wait_quiet()
        workers.stop_receiving()
        p50, p99 = _latencies(settings.data_dir, workers)
        with show.step("Cases come to rest; the audit judges everything, and compares it with every log"):
            sheet = settled(gate, books)
    with show.step("Plain consumers look for staff ids and compare the order of cases"):
        findings = check.check(settings)
    with show.step("The hub publishes its figures"):
        while figures.refresh(books, settings.indicators.zone):
            pass
        publish(settings)
        found, told = shown.read(books), notices(books)
    books.dispose()
    return Result(
        declaration=declaration,
        expected=plan.expected(codec),
        findings=findings,
        ledger=sheet,
        published=workers.sent.total(),
        refused=plan.refused_ids(codec),
        providers=plan.providers(),
        p50_ms=p50,
        p99_ms=p99,
        shown=found,
        notices=told,
    )


@dataclass(frozen=True)
class _Sending:
    """Lets the agencies publish, at full speed while the fee collector is away, then at a steady pace."""

    settings: Settings
    books: Engine
    workers: Workers
    gate: Gate
    known: dict[AgencyCode, Config]
    already: dict[AgencyCode, Counter[str]]
    say: Callable[[str], None]

    def run(self, course: Course) -> None:
        """Lead all through the windows of event time."""
        fresh = not any(self.already[agency] for agency in plan.SOURCES)
        # Going on after an interrupted run, so many deliveries may not be left to go away after.
        self.workers.receive(Role(self.known[plan.FEES], leave_after=AWAY_AFTER if fresh else None))
        self.say(
            f"Full speed: {len(course.ends)} windows of event time, the programme's clock told after each; "
            "the fee collector goes offline."
        )
        for agency in plan.SOURCES:
            job = PlanJob(agency, course, self.already[agency])
            self.workers.publish(self.known[agency], job, waits=agency in plan.TIMED)
        partitions = logs.partitions(self.settings, topics.outbox(topics.HUB))
        with Clock(self.known[topics.HUB], partitions, self.already[topics.HUB]) as clock:
            through(self.workers, self.gate, clock, course.ends, partial(self._behind, course, fresh=fresh))
        self.workers.wait_published()

    def _behind(self, course: Course, end: datetime, *, fresh: bool) -> None:
        """Behind the last window at full speed: wait for everybody, then say that the pace changes."""
        if end != course.turn:
            return
        if fresh:
            self.workers.wait_left(plan.FEES)
            self.say("The fee collector comes back and finds what was kept for it.")
            self.workers.receive(Role(self.known[plan.FEES]))
        self.workers.wait_quiet()
        audited(self.gate, self.books)
        self.say(
            f"Steady pace: the municipalities' last {plan.PACED_EVENTS:,} events, "
            f"{plan.PER_SECOND:.0f} a second."
        )


def _latencies(folder: Path, workers: Workers) -> tuple[float, float]:
    """Return the median and the 99th percentile; of an earlier run's where nothing was sent at a pace."""
    note = folder / _NOTE
    times = sorted(_differences(workers))
    if not times:
        kept = (
            json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {"p50_ms": 0.0, "p99_ms": 0.0}
        )
        return float(kept["p50_ms"]), float(kept["p99_ms"])
    p50, p99 = (float(times[min(len(times) - 1, len(times) * part // 100)]) for part in (50, 99))
    note.write_text(json.dumps({"p50_ms": p50, "p99_ms": p99, "samples": len(times)}), encoding="utf-8")
    return p50, p99


def _differences(workers: Workers) -> Iterable[int]:
    for received in workers.received:
        for name, seen in received.seen_ms.items():
            if name in workers.appended_ms:
                yield seen - workers.appended_ms[name]
