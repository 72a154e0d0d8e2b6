"""Waiting for what flows: windows one after another, the gate's decisions, the audit's judgement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine

from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.contracts.topics import SUPERVISION, WINDOW
from hub.errors import BrokerUnavailableError
from hub.launch.demo import logs, plan
from hub.launch.demo.clock import Clock
from hub.launch.demo.workers import Workers
from hub.settings import Settings
from hub.store import audit

SETTLE_SECONDS = 300.0
READERS = frozenset({*plan.RECIPIENTS, WINDOW, SUPERVISION})
"""Agencies whose deliveries somebody reads while the demo runs."""
_FIRST_LOOK_SECONDS, _LAST_LOOK_SECONDS = 0.01, 0.2

_HUB = topics.outbox(topics.HUB)

Places = Mapping[tuple[str, int], int]


class Gate:
    """How far the gate has decided what lies on some agencies' outboxes and the hub's. A context manager."""

    def __init__(self, settings: Settings, agencies: Iterable[AgencyCode]) -> None:
        self._settings = settings
        self._lag = logs.Lag(settings, topics.GATE_GROUP, [topics.outbox(agency) for agency in agencies])
        self._hub = logs.Lag(settings, topics.GATE_GROUP, [_HUB])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lag.__exit__(kind, error, trace)
        self._hub.__exit__(kind, error, trace)

    def decided(self) -> dict[tuple[str, int], int]:
        """Return the next place of each outbox that the gate has not decided."""
        return self._lag.committed() | self._hub.committed()

    def wait(self, places: Places) -> None:
        """Return when the gate has decided all that lies before some places."""
        self._until(lambda: self._is_behind(places))

    def wait_all(self) -> None:
        """Return when the gate has decided everything that lies on the outboxes."""
        self._until(lambda: self._lag.count() == 0)
        # On the hub's, marks of transactions follow the last record, which nobody commits past.
        self.wait(logs.last_records(self._settings, _HUB))

    def _is_behind(self, places: Places) -> bool:
        decided = self.decided()
        return all(decided.get(place, 0) >= next_ for place, next_ in places.items())

    def _until(self, reached: Callable[[], bool]) -> None:
        end, pause = time.monotonic() + SETTLE_SECONDS, _FIRST_LOOK_SECONDS
        while not reached():
            if time.monotonic() > end:
                raise BrokerUnavailableError(
                    f"the gate has not decided everything in {SETTLE_SECONDS:.0f} s.",
                    do="See logs/gate-0.log.",
                )
            time.sleep(pause)
            pause = min(1.5 * pause, _LAST_LOOK_SECONDS)


def through(
    workers: Workers, gate: Gate, clock: Clock, ends: Iterable[datetime], at: Callable[[datetime], None]
) -> None:
    """Lead the publishing agencies through their windows; `at` is called behind each, before the next.

    The clock is told a window's end once the gate has decided all that was sent in it, and the next window
    begins once the gate has decided that: so a deadline is judged by what had happened until then.
    """
    for number, end in enumerate(ends):
        sent = workers.wait_window(number)
        gate.wait(
            {
                (topics.outbox(agency), partition): next_
                for agency, places in sent.items()
                for partition, next_ in places.items()
            }
        )
        gate.wait(clock.tell(end))
        at(end)
        workers.go_on()


def audited(gate: Gate, books: Engine) -> dict[str, Any]:
    """Return the audit's sheet of a cut behind all that the gate has decided until now.

    Waits some minutes for everybody who reads to have acknowledged all; then it is returned as it is. Raises
    BrokerUnavailableError when the audit does not come so far.
    """
    decided = gate.decided()
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        sheet = audit.sheet(books) or {}
        cut = {(line["topic"], line["partition"]): line["next"] for line in sheet.get("intake", ())}
        behind = [place for place, next_ in decided.items() if cut.get(place, 0) < next_]
        routes = sheet.get("routes", ())
        waiting = any(line["pending"] for line in routes if line["recipient"] in READERS)
        if not behind and not waiting:
            return sheet
        if time.monotonic() > end:
            break
        time.sleep(0.3)
    if behind:
        raise BrokerUnavailableError(
            f"the audit has not judged everything in {SETTLE_SECONDS:.0f} s.", do="See logs/audit.log."
        )
    return sheet
