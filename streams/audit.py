"""The audit: every log → what was due and what is there → the books in PostgreSQL. Wiring only.

It reads under a principal that can write nothing, and cuts again and again (hub.broker.auditing.logs). Books
and places are one SQL transaction. A broker or database that is away is waited for; a restart goes on where
the database says. Figures are shown from the first cut on that this process has judged whole.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine

from hub.audit.account import Account, Bounds, Changes
from hub.audit.books import INTAKE, KINDS, Lane, LaneKey, Place, Repair
from hub.audit.due import Judge
from hub.broker.auditing.asking import Questions
from hub.broker.auditing.editions import EditionLog
from hub.broker.auditing.logs import Cut, Logs
from hub.broker.auditing.recall import Recall
from hub.broker.auditing.secret import read_secret
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, HubError, StoreUnavailableError
from hub.host import cycles
from hub.host.process import Stop, ready, run
from hub.metrics import metrics, serve
from hub.settings import Settings
from hub.store.audit import Books, Complete
from hub.store.engine import engine as make_engine

SAVE_RECORDS = 20_000
"""While catching up, books are saved after so many records, or after `SAVE_SECONDS`."""
SAVE_SECONDS = 5.0

_STATES = ("accepted", "delivered", "pending", "rejected", "expired")
_PAUSE_SECONDS = 1.0
_BUSY_RECORDS = 2000
_CHECK_EVERY = 500
# Saves; a search for cycles looks through all records that wait, and a save leaves few.
_COLLECT_EVERY = 50
_PATIENCE_SECONDS = 30.0
# Of one save; the rows have the rest.
_LOGGED_FAULTS = 20


class _StoppedError(HubError):
    """Asked to stop; what was not saved is read again after the next start."""


class Auditor:
    """Cuts and judges until it is asked to stop. `cycle` does one cut; it may be called on its own.

    `questions`: who asks the broker for ends and committed offsets; a rebuild's answers stop where it wants.
    """

    def __init__(
        self, settings: Settings, engine: Engine, stop: Stop, questions: Questions | None = None
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._books = Books(engine)
        self._questions = questions or Questions(settings)
        self._editions: EditionLog | None = None
        self._logs: Logs | None = None
        self._account: Account | None = None
        self._figures = _Figures()
        self._first = False
        self._saved: dict[Place, int] = {}
        self._read = 0
        self._unsaved = 0
        self._saves = 0
        self._saved_at = self._heard = time.monotonic()
        self._log = structlog.get_logger()

    def work(self) -> None:
        """Audit until asked to stop; raise FencedError when another audit has taken over."""
        try:
            while not self._stop:
                started = time.monotonic()
                try:
                    self.cycle()
                except (BrokerError, StoreUnavailableError) as error:
                    self._log.warning("waiting", error=str(error))
                    self._stop.wait(_PAUSE_SECONDS)
                    continue
                if self._read < _BUSY_RECORDS:
                    # A long cycle is not repeated without a pause as long.
                    self._stop.wait(max(_PAUSE_SECONDS, time.monotonic() - started))
        except _StoppedError:
            self._log.info("stopped before the cut was judged whole")
        finally:
            self.close()

    def cycle(self) -> dict[str, Any]:
        """Take one cut, judge it whole, save it, and return the sheet.

        Raises BrokerError or StoreUnavailableError where it could not: call it again; FencedError.
        """
        self._read = 0
        account, logs = self._begun()
        cut = logs.take_cut(account, first=self._first)
        self._first = False
        with cycles.uncollected():
            logs.read(cut, account, self._between)
        return self._finish(cut)

    def close(self) -> None:
        """Leave the broker."""
        if self._logs is not None:
            self._logs.close()
        if self._editions is not None:
            self._editions.close()
        self._account = self._logs = self._editions = None

    def _begun(self) -> tuple[Account, Logs]:
        """Return account and logs, from what was saved where there are none yet."""
        if self._account is not None and self._logs is not None:
            return self._account, self._logs
        self.close()
        judge = Judge(Codec(Contracts.load()), self._secret(), self._settings.gate.event_bytes)
        bounds = _bounds(self._settings)
        loaded = self._books.load()
        editions = self._editions = EditionLog(self._settings, self._questions, self._idle)
        editions.catch_up()
        logs = self._logs = Logs(self._settings, self._questions, editions, self._idle)
        if loaded.is_new:
            account = Account(judge, editions, bounds, self._settings.indicators.zone)
        else:
            zone = self._settings.indicators.zone
            account = Account.restore(judge, editions, bounds, loaded.saved, zone)
            recall = Recall(self._settings, self._questions, loaded.positions, self._idle)
            recall.remember(account, bounds)
            logs.note_committed(recall.revisit(account), loaded.positions)
            logs.follow(
                loaded.positions,
                {Place(each.topic, each.partition): each.cut for each in loaded.saved.intakes},
            )
        self._first = loaded.is_new
        self._saved = dict(loaded.positions)
        self._figures = _Figures()
        self._figures.note_lanes(loaded.saved.lanes)
        self._figures.note_repairs(self._books.repairs())
        self._account = account
        self._log.info("begun", places=len(loaded.positions))
        return account, logs

    def _secret(self) -> bytes:
        while True:
            secret = read_secret(self._settings.data_dir)
            if secret is not None:
                return secret
            self._log.warning("waiting for the pseudonyms' key, which the gate makes")
            if self._stop.wait(_PAUSE_SECONDS):
                raise _StoppedError("stopped while waiting for the pseudonyms' key")

    def _between(self) -> None:
        """Save now and then while catching up, so that a restart has little to read again."""
        self._read += 1
        self._unsaved += 1
        if self._unsaved % _CHECK_EVERY:
            return
        if self._stop:
            raise _StoppedError("stopped in the middle of a cut")
        self._heard = time.monotonic()
        self._figures.lag()
        if self._unsaved >= SAVE_RECORDS or self._heard - self._saved_at > SAVE_SECONDS:
            self._save(None)
            self._saves += 1
            if not self._saves % _COLLECT_EVERY:
                cycles.collect()

    def _idle(self) -> None:
        """While nothing comes: stop if asked to, and say so if it takes long."""
        if self._stop:
            raise _StoppedError("stopped while reading")
        self._figures.lag()
        if time.monotonic() - self._heard > _PATIENCE_SECONDS:
            self._heard = time.monotonic()
            self._log.warning(
                "a log cannot be read to its end yet: is Kafka away, or a transaction open?",
                logs=self._logs.awaited[:10] if self._logs is not None else [],
            )

    def _finish(self, cut: Cut) -> dict[str, Any]:
        if self._account is None:
            raise TypeError("nothing has begun")
        completed_at = datetime.now(UTC)
        lag = (completed_at - cut.as_of).total_seconds()
        sheet = self._account.sheet(cut.as_of, completed_at, lag).to_json()
        self._save(Complete(cut.as_of, completed_at, lag, sheet))
        self._figures.show(sheet, cut.as_of, completed_at)
        ready()
        return sheet

    def _save(self, complete: Complete | None) -> None:
        """Write what changed, waiting for a database that is away."""
        if self._account is None or self._logs is None:
            raise TypeError("nothing has begun")
        changes = self._account.changes()
        positions = self._logs.positions
        news = {place: next_ for place, next_ in positions.items() if self._saved.get(place) != next_}
        self._write(changes, news, complete)
        self._saved.update(news)
        self._unsaved = 0
        self._saved_at = self._heard = time.monotonic()
        self._figures.note_lanes(changes.lanes)
        self._figures.note_repairs(changes.repairs)
        for fault in changes.faults[:_LOGGED_FAULTS]:
            self._log.error(
                "unaccounted", kind=fault.kind, route=fault.route, origin=str(fault.origin), why=fault.detail
            )

    def _write(self, changes: Changes, news: Mapping[Place, int], complete: Complete | None) -> None:
        while True:
            try:
                self._books.save(changes, news, complete)
            except StoreUnavailableError as error:
                self._log.warning("waiting for PostgreSQL", error=str(error))
                if self._stop.wait(_PAUSE_SECONDS):
                    raise _StoppedError("stopped while waiting for PostgreSQL") from None
            else:
                return


class _Figures:
    """What the audit shows as metrics: nothing before the first whole cut; then what changes."""

    def __init__(self) -> None:
        self._routes: dict[str, dict[str, Any]] = {}
        self._faults: dict[str, tuple[dict[str, int], Counter[str]]] = {}
        self._oldest: dict[LaneKey, tuple[str, int | None]] = {}
        self._repaired: dict[str, Counter[str]] = {}
        self._as_of: datetime | None = None

    def note_lanes(self, lanes: list[Lane]) -> None:
        """Note since when deliveries wait."""
        self._oldest.update({lane.key: (lane.recipient, lane.oldest_pending_ms) for lane in lanes})

    def note_repairs(self, repairs: Iterable[Repair]) -> None:
        """Count what was mended: by route, or by agency where it is the intake's."""
        for each in repairs:
            name = str(each.origin.agency) if each.route == INTAKE else each.route
            self._repaired.setdefault(name, Counter()).update(each.kinds)

    def lag(self) -> None:
        """Renew how old the last whole cut is."""
        if self._as_of is not None:
            metrics().audit_lag((datetime.now(UTC) - self._as_of).total_seconds())

    def show(self, sheet: Mapping[str, Any], as_of: datetime, completed_at: datetime) -> None:
        """Show a sheet's figures."""
        for line in sheet["routes"]:
            if self._routes.get(line["route"]) != line:
                self._routes[line["route"]] = line
                metrics().route_deliveries(line["route"], {state: line[state] for state in _STATES})
        self._show_faults(sheet)
        for recipient, since in self._waiting().items():
            age = 0.0 if since is None else max(0.0, completed_at.timestamp() - since / 1000)
            metrics().oldest_pending(recipient, age)
        self._as_of = as_of
        metrics().audit_complete(completed_at.timestamp())
        self.lag()

    def _show_faults(self, sheet: Mapping[str, Any]) -> None:
        for line in sheet["routes"]:
            repaired = self._repaired.get(line["route"], Counter())
            if self._faults.get(line["route"]) != (line["unaccounted"], repaired):
                self._faults[line["route"]] = (line["unaccounted"], Counter(repaired))
                metrics().route_faults(line["route"], line["unaccounted"], repaired)
        faults: dict[str, Counter[str]] = {}
        expired: Counter[str] = Counter()
        for line in sheet["intake"]:
            agency = str(topics.agency_of(line["topic"])[0])
            faults.setdefault(agency, Counter(dict.fromkeys(KINDS, 0))).update(line["unaccounted"])
            expired[agency] += line["expired_unread"]
        for agency, found in faults.items():
            metrics().intake_faults(agency, found, self._repaired.get(agency, Counter()))
            metrics().expired_unread(agency, expired[agency])

    def _waiting(self) -> dict[str, int | None]:
        """Return by agency since when its oldest pending delivery waits; None: none waits."""
        found: dict[str, int | None] = {}
        for recipient, since in self._oldest.values():
            known = found.setdefault(recipient, since)
            if since is not None and (known is None or since < known):
                found[recipient] = since
        return found


def _bounds(settings: Settings) -> Bounds:
    return Bounds(settings.gate.dedupe_events, round(settings.gate.dedupe_hours * 3_600_000))


def main(settings: Settings, stop: Stop) -> None:
    """Run the audit until `stop`."""
    serve(settings.metrics.port, settings.metrics.host)
    engine = make_engine(settings, pool_size=1)
    cycles.settle()
    try:
        Auditor(settings, engine, stop).work()
    finally:
        engine.dispose()


if __name__ == "__main__":
    run("audit", main)
