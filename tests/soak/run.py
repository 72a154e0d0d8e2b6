"""One run: the whole hub under load, kills from a seed, memory and lag watched, then the judges."""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from rich.console import Console

from connectors.sdk import Config
from hub.broker import credentials
from hub.broker.registry_topic import read_registry
from hub.broker.ticks import Clock
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.errors import BrokerError
from hub.launch.up import Hub
from hub.settings import ApiSettings, CasesSettings, GateSettings, Settings
from tests.soak import judge, kills, load
from tests.soak.inject import Injector
from tests.soak.look import Look

SOURCES = ("municipality-1", "municipality-2", "permit-office")
RECIPIENTS = ("permit-register", "statistics")
SLOW = "fee-collector"
DRAIN_SECONDS = 240
STILL_SECONDS = 10
MARKERS = 20
"""So many places of an inbox may stay before its reader: markers of transactions, which nobody reads."""

BUSY_SHARE = 0.8
MOST_MEGABYTES = 1500
"""What no process of the hub may come to hold under this load."""


@dataclass
class Outcome:
    """What a run found; it is well if `findings` is empty."""

    injected: list
    findings: list
    counted: Counter
    sheet: dict | None
    megabytes: dict
    most_unread: int
    drained: float
    seconds: float = 0.0
    notes: list = field(default_factory=list)

    @property
    def busy(self):
        """How many kills came while a transaction was open or input was unread."""
        return sum(each.before is not None and each.before.busy for each in self.injected)


def run(seed, count, seconds, rate, console=None, *, kinds=tuple(kills.KINDS), folder=None):
    """Kill `count` times within about `seconds` under `rate` events a second, and judge.

    With a `folder` (new or empty) the hub's data and logs are kept there.
    """
    begin = time.monotonic()
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peyvand-soak-")))
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(
            data_dir=folder / "hub",
            api=ApiSettings(port=0),
            gate=GateSettings(count=2),
            # The run tells the clock itself: the judges look at outboxes and inboxes that stand still.
            cases=CasesSettings(tick_seconds=0),
        )
        hub = stack.enter_context(Hub(settings, console or Console(stderr=True)))
        outcome = _run(hub, folder, seed, count, seconds, rate, kinds, stack)
    outcome.seconds = time.monotonic() - begin
    return outcome


def _run(hub, folder, seed, count, seconds, rate, kinds, stack):
    rng = random.Random(seed)
    ends = _Ends(hub)
    registry = read_registry(hub.settings, topics.ADMIN_PRINCIPAL).current
    look, second = (stack.enter_context(closing(Look(hub.settings, registry.agencies))) for _ in range(2))
    workers = stack.enter_context(Workers(hub.settings, folder, seed, rate))
    watch = stack.enter_context(Watch(hub, second))
    injector = Injector(hub, look, rng)
    sequence = kills.plan(seed, count, kinds)
    end = time.monotonic() + seconds
    for number, kind in enumerate(sequence):
        time.sleep(max(0.3, rng.uniform(0.5, 1.5) * (end - time.monotonic()) / (len(sequence) - number) / 2))
        _tell_clock(hub.settings)
        injector.inject(kind)
        hub.report.line(f"{number + 1}/{len(sequence)} {kind}: back after {injector.injected[-1].back:.1f} s")
    time.sleep(max(2.0, min(20.0, end - time.monotonic())))
    hub.report.line("Publishers stop.")
    workers.stop_publishing()
    hub.report.line("Recipients finish.")
    drained, late = _drain(look)
    hub.report.line("The judges look.")
    findings, counted = judge.look(hub.settings, registry, workers.journals, look)
    outcome = Outcome(injector.injected, findings, counted, None, watch.most, watch.most_unread, drained)
    outcome.notes += ends.notes()
    outcome.findings += _written_off(hub)
    outcome.findings += ends.findings() + injector.findings + late + workers.gaps() + watch.findings()
    _ask_audit(hub, look, outcome)
    outcome.findings += judge.rebuilt_cases(hub.settings)
    if outcome.busy < BUSY_SHARE * len(outcome.injected):
        outcome.findings.append(
            f"only {outcome.busy} of {len(outcome.injected)} kills came in the middle of something"
        )
    return outcome


def _tell_clock(settings):
    """Let the programme's clock be a year on, so that every deadline has passed; perhaps Kafka is away."""
    with suppress(BrokerError):
        Clock(settings, topics.CASES_PRINCIPAL).tell(datetime.now(UTC) + timedelta(days=365))


class _Ends:
    """Hears of parts that end: by themselves they may, by a fault in memory never."""

    def __init__(self, hub):
        self._said = []
        tell = hub.report.trouble

        def listen(text):
            self._said.append(text)
            tell(text)

        hub.report.trouble = listen

    def notes(self):
        """Return who ended itself with an error, to be started again."""
        return [each for each in self._said if "ended with code" in each]

    def findings(self):
        """Return who was ended by another signal than the kills' own."""
        return [each for each in self._said if "was killed by signal" in each and "signal 9;" not in each]


def _written_off(hub):
    """Return whether Kafka wrote transactions off without their markers (docs/operate/faults.md)."""
    text = (hub.data_dir / "logs" / "kafka.log").read_text(encoding="utf-8", errors="replace")
    count = text.count("Couldn't find leader endpoint")
    return [f"Kafka wrote off {count} open transactions without their markers"] if count else []


def _drain(look):
    """Wait until the gate has decided all and recipients have all; return the seconds and what is late."""
    begin = since = time.monotonic()
    left, before = {"the gate": None}, {}
    while any(count is None or count for count in left.values()):
        now = time.monotonic()
        if left != before:
            before, since = left, now
        markers = all(count is not None and count <= MARKERS for count in left.values()) and not left.get(
            "the gate"
        )
        if now - begin > DRAIN_SECONDS or (markers and not left["the gate"] and now - since > STILL_SECONDS):
            break
        time.sleep(0.3)
        left = {
            agency: look.pending(agency) for agency in (*RECIPIENTS, SLOW, topics.WINDOW, topics.SUPERVISION)
        }
        moment = look.moment()
        left["the gate"] = moment.unread if moment is not None else None
    late = [f"{who} has {count} left" for who, count in left.items() if count is None or count > MARKERS]
    return time.monotonic() - begin, late


def _ask_audit(hub, look, outcome):
    outcome.sheet = judge.ask_audit(hub.api_url, look.ends())
    outcome.findings += judge.judge_sheet(outcome.sheet, outcome.counted["events on outboxes"])


class Workers:
    """The agencies' processes."""

    def __init__(self, settings, folder, seed, rate):
        self._settings = settings
        context = multiprocessing.get_context("spawn")
        self._stop, self._over, self._hurry = context.Event(), context.Event(), context.Event()
        self.journals = [folder / f"confirmed-{code}" for code in SOURCES]
        self._gaps = [folder / f"gaps-{code}" for code in (*RECIPIENTS, SLOW)]
        sources = [
            load.Source(self._config(code), seed, rate / len(SOURCES), journal)
            for code, journal in zip(SOURCES, self.journals, strict=True)
        ]
        recipients = [
            load.Recipient(self._config(code), seed, journal, slow=code == SLOW)
            for code, journal in zip((*RECIPIENTS, SLOW), self._gaps, strict=True)
        ]
        self._sources = [
            context.Process(target=load.publish, args=(each, self._stop), daemon=True) for each in sources
        ]
        self._recipients = [
            context.Process(target=load.receive, args=(each, self._over, self._hurry), daemon=True)
            for each in recipients
        ]

    def __enter__(self):
        for process in (*self._recipients, *self._sources):
            process.start()
        deadline = time.monotonic() + 60
        while not all(journal.exists() and journal.stat().st_size for journal in self.journals):
            assert time.monotonic() < deadline, "no agency could publish"
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._over.set()
        for process in (*self._sources, *self._recipients):
            process.join(20)
            if process.is_alive():
                process.kill()
                process.join()

    def stop_publishing(self):
        """Let the agencies finish the events in hand; the slow recipient hurries from now on."""
        self._stop.set()
        self._hurry.set()
        for process in self._sources:
            process.join(120)

    def gaps(self):
        """Return what recipients themselves found missing, and which agency's process has ended."""
        found = [
            f"{path.name}: {line}"
            for path in self._gaps
            if path.exists()
            for line in path.read_text().splitlines()
        ]
        return found + [f"{each.name} ended with {each.exitcode}" for each in self._sources if each.exitcode]

    def _config(self, code):
        kafka = self._settings.kafka
        return Config(AgencyCode(code), kafka.bootstrap, credentials.password(self._settings, code))


class Watch:
    """Memory of every part and lag of the gate, looked at once a second."""

    def __init__(self, hub, look):
        self._hub = hub
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.most = defaultdict(int)
        self.most_unread = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def findings(self):
        """Return which part came to hold too much."""
        return [
            f"{name} held {megabytes} MiB"
            for name, megabytes in self.most.items()
            if megabytes > MOST_MEGABYTES
        ]

    def _run(self):
        while not self._over.wait(1):
            for name in self._hub.parts:
                self.most[name] = max(self.most[name], self._megabytes(name))
            moment = self._look.moment()
            if moment is not None:
                self.most_unread = max(self.most_unread, moment.unread)

    def _megabytes(self, name):
        process = self._hub.part(name).process
        try:
            return psutil.Process(process.pid).memory_info().rss >> 20 if process is not None else 0
        except psutil.Error:
            return 0
