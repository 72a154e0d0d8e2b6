"""What the audit knows by heart and finds again in the logs after a restart.

Which events each source partition carried lately (duplicates), which of these stand in hub.parked, and which
deliveries their recipients have not committed past.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hub.audit.account import Account, Bounds
from hub.audit.books import Place
from hub.audit.seen import CLOCK_MARGIN_MS
from hub.broker.auditing.asking import Questions
from hub.broker.auditing.logs import Idle, group_of, kind_of, tell_beginnings
from hub.broker.auditing.reader import Reader
from hub.contracts import envelope
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.settings import Settings


class Recall:
    """Reads the logs' tails below the positions that an earlier process reached."""

    def __init__(
        self, settings: Settings, questions: Questions, positions: Mapping[Place, int], idle: Idle
    ) -> None:
        self._settings = settings
        self._questions = questions
        self._idle = idle
        there = questions.partitions()
        self._positions = {
            place: at for place, at in positions.items() if place.partition < there.get(place.topic, 0)
        }

    def remember(self, account: Account, bounds: Bounds) -> None:
        """Give the account the outboxes' tails, and before them the origins that stand in hub.parked."""
        outboxes = self._of("outbox")
        lows = self._questions.lows(outboxes)
        with self._reader() as reader:
            starts = self._tails(reader, outboxes, lows, bounds)
        with self._reader() as reader:
            reader.follow(starts)
            ends = {place: min(outboxes[place], end) for place, end in self._questions.ends(starts).items()}
            heads = reader.heads(ends)
            if heads:
                self._refused(account, min(record.timestamp for record in heads.values()))
            for place, end in ends.items():
                for record in reader.upto(place, end):
                    account.recall(record)

    def revisit(self, account: Account) -> dict[Place, int]:
        """Give the account the deliveries that wait for recipients; return what the groups have committed."""
        inboxes = self._of("inbox")
        lows = self._questions.lows(inboxes)
        logs = lows | self._questions.lows(self._of("parked"))
        with self._reader() as reader:
            reader.follow(logs)
            tell_beginnings(account, self._questions, reader, logs)
        groups: dict[str, list[Place]] = {}
        for place in inboxes:
            groups.setdefault(group_of(place), []).append(place)
        committed = self._questions.committed(groups)
        ends = self._questions.ends(inboxes)
        with self._reader() as reader:
            starts = {place: max(low, committed.get(place, 0)) for place, low in lows.items()}
            waiting = {place: start for place, start in starts.items() if start < inboxes[place]}
            reader.follow(waiting)
            for record in reader.merged({place: min(inboxes[place], ends[place]) for place in waiting}):
                account.revisit(record)
        return committed

    def _tails(
        self, reader: Reader, outboxes: Mapping[Place, int], lows: Mapping[Place, int], bounds: Bounds
    ) -> dict[Place, int]:
        """Return where to begin: within both bounds of the record that comes next, and not before the log."""
        ends = self._questions.ends(outboxes)
        reader.follow({place: min(at, ends[place]) for place, at in outboxes.items()})
        nexts = reader.heads(ends)
        reach = bounds.milliseconds + CLOCK_MARGIN_MS
        # Where no record comes next, the next will have a time from now on.
        now = round(time.time() * 1000)
        moments = {place: nexts[place].timestamp if place in nexts else now for place in outboxes}
        found = self._questions.at_times({place: moment - reach for place, moment in moments.items()})
        return {
            place: max(lows[place], at - bounds.places, min(found.get(place, at), at))
            for place, at in outboxes.items()
            if at > lows[place]
        }

    def _refused(self, account: Account, since_ms: int) -> None:
        parked = self._of("parked")
        starts = self._questions.at_times(dict.fromkeys(parked, since_ms))
        ends = self._questions.ends(starts)
        with self._reader() as reader:
            reader.follow(starts)
            for record in reader.merged({place: min(parked[place], ends[place]) for place in starts}):
                origin = _origin(record)
                if origin is not None:
                    account.recall_refused(origin)

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        reader = Reader(self._settings, "recall", self._idle)
        try:
            yield reader
        finally:
            reader.close()

    def _of(self, kind: str) -> dict[Place, int]:
        return {place: at for place, at in self._positions.items() if kind_of(place) == kind}


def _origin(record: Record) -> Origin | None:
    """Return the origin of a parked event; the hub's own header is the last of its name."""
    for name, value in reversed(record.headers):
        if name == envelope.ORIGIN:
            try:
                return Origin.parse((value or b"").decode())
            except (ContractError, UnicodeDecodeError):
                return None
    return None
