"""The audit's books, built again by an audit of its own up to the places where the live one stands.

Where retention has removed the beginning of a log, it goes on from the oldest daily checkpoint that the logs
still reach. Delivered, pending and expired are compared as their sum: which of them a delivery is depends on
when one looks, and both audits look at different times.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from hub.audit import carry
from hub.audit.account import Changes
from hub.audit.books import INTAKE, KINDS, Intake, Lane, Place
from hub.broker.auditing.asking import Questions
from hub.contracts import topics
from hub.errors import StoreError
from hub.host.process import Stop
from hub.launch.rebuild.outcome import Outcome, Say
from hub.settings import Settings
from hub.store import audit as books
from hub.store.engine import engine as make_engine
from hub.store.shadow import Shadow, Snapshot
from hub.store.tables import (
    audit_carry,
    audit_checkpoint,
    audit_cut,
    audit_fault,
    audit_intake,
    audit_lane,
    audit_repair,
    consumer_position,
)
from streams.audit import Auditor

_LOOKED = {"delivered", "pending", "expired", "oldest_pending_ms"}
_LANE = ", ".join(
    [
        *(f'"{column.name}"' for column in audit_lane.c if column.name not in _LOOKED),
        "delivered + pending + expired",
    ]
)
_COMPARED: dict[Table, str | None] = {
    audit_intake: None,
    audit_lane: _LANE,
    audit_fault: None,
    audit_repair: None,
}
# With the places, and the fence among them: the live audit is fenced and starts again on the rebuilt books.
_REPLACED = (*_COMPARED, audit_carry, audit_cut, consumer_position)
# The faults that a checkpoint counts: the first ones of each lane and kind. No clock and no id says it, a
# rebuild gives both anew.
_KNOWN = """id IN (
    SELECT f.id
    FROM (
        SELECT *, row_number()
            OVER (PARTITION BY route, kind, origin_topic, origin_partition ORDER BY id) AS nth
        FROM audit_fault
    ) f
    JOIN unnest(
        CAST(:routes AS text[]), CAST(:kinds AS text[]), CAST(:topics AS text[]), CAST(:partitions AS int[]),
        CAST(:counts AS bigint[])
    ) AS known (route, kind, topic, partition, count)
        ON (f.route, f.kind, f.origin_topic, f.origin_partition)
            = (known.route, known.kind, known.topic, known.partition)
    WHERE f.nth <= known.count)"""
_STATES = ("delivered", "pending", "rejected", "expired")
_WAIT_SECONDS = 120.0
_PAUSE_SECONDS = 0.2


def rebuild_audit(settings: Settings, *, check: bool, say: Say) -> Outcome:
    """Build the audit's books again and compare them with the live ones; unless `check`, let them take over.

    Raises StoreError where the live audit has judged nothing yet, does not come to the end of a cut, or where
    neither the logs nor a checkpoint reach back far enough.
    """
    with (
        Shadow(settings, [books.CONSUMER], _REPLACED, own=[audit_checkpoint]) as shadow,
        _audit(settings, shadow) as audit,
    ):
        if shadow.cleared:
            say("the tables of an interrupted rebuild were removed")
        with audit.at_a_cut() as live:
            begins = audit.begin(live)
            if begins is not None:
                say(f"logs have lost their beginning; begun at the checkpoint of {begins:%Y-%m-%d %H:%M} UTC")
            audit.judge(live)
        # Judged up to there; what has come meanwhile is little.
        with audit.at_a_cut() as live:
            audit.judge(live)
            compared = [live.compare(table, content) for table, content in _COMPARED.items()]
        if not check:
            shadow.replace(lambda _: None)
        return Outcome("audit", audit.records, compared, replaced=not check)


class UpTo(Questions):
    """Answers as if nothing were there behind the places and cuts of another audit."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.places: Mapping[Place, int] = {}
        self.cuts: Mapping[Place, int] = {}

    def partitions(self) -> dict[str, int]:
        """Leave out topics that the other audit has not met."""
        known = {place.topic for place in self.places}
        return {topic: count for topic, count in super().partitions().items() if topic in known}

    def highs(self, places: Iterable[Place]) -> dict[Place, int]:
        """End where the other audit stands."""
        return self._short(super().highs(places))

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """End where the other audit stands."""
        return self._short(super().ends(places))

    def committed(self, places_of: Mapping[str, Iterable[Place]]) -> dict[Place, int]:
        """Let the gate have committed what the other audit's cut says; recipients what they have."""
        found = super().committed(places_of)
        if topics.GATE_GROUP not in places_of:
            return found
        return {place: min(next_, self.cuts.get(place, next_)) for place, next_ in found.items()}

    def _short(self, found: Mapping[Place, int]) -> dict[Place, int]:
        # The agency registry is read whole: every edition is found by its number or its time.
        return {
            place: end if place.topic == topics.REGISTRY else min(end, self.places.get(place, 0))
            for place, end in found.items()
        }


class _Audit:
    """An audit that writes to a shadow, and looks at the live one's books."""

    def __init__(self, settings: Settings, shadow: Shadow) -> None:
        self._shadow = shadow
        self._live = make_engine(settings, pool_size=1)
        self._questions = UpTo(settings)
        self._auditor = Auditor(settings, shadow.engine, Stop(), self._questions)
        self.records = 0

    @contextmanager
    def at_a_cut(self) -> Iterator[Snapshot]:
        """Look at the live books as they are at the end of a cut that was judged whole."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            with self._shadow.snapshot() as live:
                if self._is_whole(live):
                    yield live
                    return
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the live audit came to the end of no cut within {_WAIT_SECONDS:.0f} s.",
                    do="Is it running, and caught up? See its log.",
                )
            time.sleep(_PAUSE_SECONDS)

    def begin(self, live: Snapshot) -> datetime | None:
        """Prepare the shadow: empty where the logs hold all, else as of a checkpoint, which is returned."""
        places = _places(live)
        lows = self._questions.lows(places)
        began = {Place(row["topic"], row["partition"]): row["began"] for row in live.rows(audit_intake)}
        if all(low <= began.get(place, 0) for place, low in lows.items()):
            return None
        for taken_at in books.checkpoints(self._live):
            loaded = books.checkpoint(self._live, taken_at)
            if loaded and all(loaded.positions.get(place, 0) >= low for place, low in lows.items()):
                self._seed(loaded, taken_at)
                return taken_at
        raise StoreError(
            "retention has removed the beginning of logs, and no checkpoint reaches what is left.",
            do="The live books were left as they are.",
        )

    def judge(self, live: Snapshot) -> None:
        """Judge everything up to where the live audit stands."""
        self._questions.places = _places(live)
        self._questions.cuts = _cuts(live)
        sheet = self._auditor.cycle()
        self.records = sheet["totals"]["read"]

    def close(self) -> None:
        """Leave broker and database."""
        self._auditor.close()
        self._live.dispose()

    def _is_whole(self, live: Snapshot) -> bool:
        """Say whether the books are those of the last whole cut: its sheet, saved with it, says the same."""
        sheet = books.sheet(self._live)
        if sheet is None or self._shadow.positions() != live.positions:
            return False
        shown = {(line["topic"], line["partition"]): line["next"] for line in sheet["intake"]}
        held = {(row["topic"], row["partition"]): row["cut"] for row in live.rows(audit_intake)}
        found = sum(row[state] for row in live.rows(audit_lane) for state in _STATES)
        return shown == held and found == sum(sheet["totals"][state] for state in _STATES)

    def _seed(self, loaded: books.Loaded, taken_at: datetime) -> None:
        """Write a checkpoint to the shadow, with the faults and repairs that were known by then."""
        saved = loaded.saved
        writing = books.Books(self._shadow.engine)
        writing.load()
        changes = Changes(list(saved.intakes), list(saved.lanes), [], [], saved.carry)
        writing.save(changes, loaded.positions, None)
        self._shadow.copy(audit_fault, _KNOWN, _counts(loaded))
        self._shadow.copy(audit_repair, "at_ms <= :until", {"until": round(taken_at.timestamp() * 1000)})


def _counts(loaded: books.Loaded) -> dict[str, list[Any]]:
    """Return how many faults of each lane and kind a checkpoint counts, as arrays."""
    lines: list[tuple[str, Lane | Intake]] = [(each.route, each) for each in loaded.saved.lanes]
    lines += [(INTAKE, each) for each in loaded.saved.intakes]
    rows = [
        (route, kind, line.topic, line.partition, getattr(line, kind, 0))
        for route, line in lines
        for kind in KINDS
    ]
    names = ("routes", "kinds", "topics", "partitions", "counts")
    return {name: [row[number] for row in rows] for number, name in enumerate(names)}


@contextmanager
def _audit(settings: Settings, shadow: Shadow) -> Iterator[_Audit]:
    audit = _Audit(settings, shadow)
    try:
        yield audit
    finally:
        audit.close()


def _cuts(live: Snapshot) -> dict[Place, int]:
    """Return the live audit's last cut.

    An intake's row may be further on: receipts let more be judged, of which the other logs need not hold all.
    """
    (carried,) = [row["data"] for row in live.rows(audit_carry) if row["name"] == books.ACCOUNT]
    return {place: kept["closed"] for place, kept in carry.unpack(carried).intakes.items()}


def _places(live: Snapshot) -> dict[Place, int]:
    """Return the next offset of every log that the live audit reads."""
    return {
        Place(topic, partition): next_
        for (_, topic, partition), next_ in live.positions.items()
        if topic != books.FENCE[0]
    }
