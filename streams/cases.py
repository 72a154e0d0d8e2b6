"""Cases, live: deliveries of `agency.supervision.inbox` → cases in PostgreSQL, by Faust. Wiring only.

Beside the folding (streams/folding.py) it relays the notices that cases came to (streams/relay.py), and tells
the programme's clock in real time, unless somebody else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from hub.broker.batches import Chore, Pace
from hub.broker.books import Books
from hub.broker.inbox import Role
from hub.broker.live import Live, log_warnings
from hub.broker.parking import Parking
from hub.broker.ticks import Clock, whole
from hub.contracts import topics
from hub.contracts.record import Record
from hub.errors import BrokerUnavailableError
from hub.host import cycles
from hub.host.process import Stop, run
from hub.journeys.book import Book
from hub.metrics import serve
from hub.settings import Settings
from hub.store.engine import engine
from streams.folding import Folding, Runner, StoppedError
from streams.relay import Mine, Relay

_RELAY_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_TOPIC = topics.inbox(topics.SUPERVISION)


class Cases:
    """Folds, relays and tells the time until it is asked to stop."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._settings, self._stop = settings, stop
        self._log = structlog.get_logger()
        self._parking = Parking(settings, topics.CASES_PRINCIPAL, stop.wait)
        self._books = Books(settings, topics.CASES_PRINCIPAL)
        self._database = engine(settings, pool_size=2)
        zone = ZoneInfo(settings.indicators.zone)
        self._folding = Folding(self._database, Runner(self._book, self._park, stop.wait, zone))
        pace = Pace(settings.cases.batch_events, settings.cases.linger_ms)
        self._live = Live(settings, _role(settings), pace, self)
        self._relay = Relay(settings, self._database, self._mine, stop)
        self._clock = Clock(settings, topics.CASES_PRINCIPAL)
        self._told: tuple[datetime, frozenset[int]] | None = None

    def work(self) -> None:
        """Work until asked to stop; raise FencedError when another instance has taken over."""
        chores: list[Chore] = [(_RELAY_SECONDS, self._relay.step)]
        if self._settings.cases.tick_seconds:
            chores.append((min(1.0, self._settings.cases.tick_seconds), self._tick))
        try:
            self._live.run(self._stop, chores)
        except StoppedError as stopped:
            self._log.warning("stopped", why=str(stopped))
        finally:
            self._books.close()
            self._database.dispose()

    def assigned(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Take partitions over (hub.broker.batches.Work)."""
        places = self._folding.assigned(partitions)
        self._log.info("partitions taken over", partitions=sorted(partitions))
        return places

    def revoked(self, partitions: Sequence[int]) -> None:
        """Let partitions go."""
        self._folding.revoked(partitions)

    def fold(self, records: Sequence[Record]) -> None:
        """Fold records."""
        self._folding.fold(records)

    def _mine(self) -> Mine:
        return self._live.epoch, self._live.caught_up

    def _book(self) -> Book:
        """Return the journeys as of now: what was accepted before follows no edition that comes later."""
        while True:
            try:
                return self._books()
            except BrokerUnavailableError as error:
                self._log.warning("waiting for the agency registry", error=str(error))
                if self._stop.wait(_RETRY_SECONDS):
                    raise StoppedError("stopped while waiting for Kafka") from None

    def _park(self, record: Record, why: str) -> None:
        if not self._parking.park_record(record, why):
            raise StoppedError("stopped while waiting for Kafka")

    def _tick(self) -> None:
        """Tell the clock to the partitions that this process works on, once each whole interval."""
        telling = whole(datetime.now(UTC), self._settings.cases.tick_seconds), self._live.owned
        if telling == self._told or not telling[1]:
            return
        try:
            self._clock.tell(*telling)
        except BrokerUnavailableError as error:
            self._log.warning("the clock waits", error=str(error))
        else:
            self._told = telling


def _role(settings: Settings) -> Role:
    principal = topics.CASES_PRINCIPAL
    instance = f"{principal}.{settings.cases.slot}"
    return Role(principal, _TOPIC, topics.group(topics.SUPERVISION), instance)


def main(settings: Settings, stop: Stop) -> None:
    """Run until `stop`."""
    serve(settings.metrics.port, settings.metrics.host)
    log_warnings()
    cases = Cases(settings, stop)
    cycles.settle()
    cases.work()


if __name__ == "__main__":
    run("cases", main)
