"""One lane: what was due and what was found, joined from both sides; order, sequence, and states.

Faults depend on the order within the inbox and within the outbox, never on which of the two was fed first:
what is found waits in the inbox's order until it is known to be due, a copy, or from before the audit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hub.audit.books import Fault, FaultKind, Lane, LaneKey, Place
from hub.audit.faults import PATIENCE, Faults
from hub.audit.intakes import IntakeBook
from hub.audit.pending import Pending
from hub.contracts.origin import Origin

AGAIN = "found again"
ELSEWHERE = "found in an inbox or partition to which its route does not lead"
NEVER = "found again, or found though it was never due"

_OPEN, _DUE, _COPY, _BEFORE, _ARRIVED = range(5)


class Expected:
    """A due delivery: digests of head and value, `hub-accepted-at` where a receipt says it, and the basis."""

    __slots__ = ("at_ms", "edition", "head", "moment", "replay_of", "value")

    def __init__(  # noqa: PLR0917 - by name it would cost more
        self,
        head: bytes,
        value: bytes,
        moment: bytes | None,
        edition: int,
        at_ms: int,
        replay_of: Origin | None,
    ) -> None:
        self.head = head
        self.value = value
        self.moment = moment
        self.edition = edition
        self.at_ms = at_ms
        self.replay_of = replay_of


class Found:
    """A record of an inbox that names this lane; `origin` is an offset, `seq` -1 where it cannot be read."""

    __slots__ = (
        "accepted_at",
        "due",
        "head",
        "offset",
        "origin",
        "place",
        "seq",
        "state",
        "time_ms",
        "value",
        "waited",
    )

    def __init__(  # noqa: PLR0917 - by name it would cost more
        self,
        place: Place,
        offset: int,
        time_ms: int,
        origin: int,
        seq: int,
        head: bytes,
        value: bytes,
        accepted_at: bytes | None,
        state: int = _OPEN,
        due: Expected | None = None,
        waited: int = 0,
    ) -> None:
        self.place = place
        self.offset = offset
        self.time_ms = time_ms
        self.origin = origin
        self.seq = seq
        self.head = head
        self.value = value
        self.accepted_at = accepted_at
        self.state = state
        self.due = due
        self.waited = waited


class Around(NamedTuple):
    """What a lane needs of the account: the faults, and what to do with copies and replays found; months."""

    faults: Faults
    copy: Callable[[LaneBook, Found, str], None]
    replayed: Callable[[str, Origin, Origin, int], None]
    month: Callable[[int], str]


class LaneBook:
    """A lane's row, its unmatched sides, and its pending deliveries.

    `source` is its source partition; `inbox` is where its deliveries belong, None while nothing was due.
    `blind`: deliveries before the first one found may have been removed, so it may have any number.
    `unplaced`: pending ones of which `revisit` has not told the place (yet).
    """

    def __init__(self, row: Lane, source: IntakeBook, around: Around, inbox: Place | None = None) -> None:
        self.row = row
        self.source = source
        self.key = LaneKey(row.route, row.topic, row.partition)
        self.inbox = inbox
        self.blind = False
        self.dirty = False
        self.expected: dict[int, Expected] = {}
        self.lost: dict[int, Expected] = {}
        self.pending = Pending()
        self.rejected: set[int] = set()
        self.unplaced = 0
        self._around = around
        self._queue: deque[Found] = deque()
        self._found: dict[int, Found] = {}
        self._twins: set[int] = set()
        self._passed: list[int] = []
        # After a wrong number: the one that it should have been.
        self._instead: int | None = None

    @property
    def busy(self) -> bool:
        """Whether something is unmatched."""
        return bool(self._queue or self.expected)

    def lead_to(self, inbox: Place, recipient: str) -> None:
        """Say where deliveries of this lane belong; what was found elsewhere is a copy."""
        self.inbox, self.row.recipient, self.row.inbox_partition = inbox, recipient, inbox.partition
        for found in self._queue:
            if found.state == _OPEN and found.place != inbox:
                self._copy(found, ELSEWHERE)
        self._index()

    def owe(self, offset: int, expected: Expected) -> None:
        """Expect a delivery."""
        found = self._found.pop(offset, None) if self._found else None
        if found is None:
            self.expected[offset] = expected
            return
        found.state, found.due = _DUE, expected
        if offset in self._twins:
            self._twins.discard(offset)
            for other in self._queue:
                if other.origin == offset and other.state == _OPEN:
                    self._copy(other, AGAIN)
        self._drain()

    def take(self, found: Found) -> None:
        """Take a record that names this lane."""
        origin = found.origin
        if self.inbox is not None and found.place != self.inbox:
            self._copy(found, ELSEWHERE)
            return
        due = self.expected.pop(origin, None)
        if due is not None:
            found.state, found.due = _DUE, due
        elif origin in self.lost:
            found.state, found.due = _ARRIVED, self.lost.pop(origin)
        elif self.source.before(origin):
            found.state = _BEFORE
        elif self.source.begun and origin < self.source.row.cut:
            self._copy(found, NEVER)
            return
        elif origin not in self._found:
            self._found[origin] = found
        else:
            self._twins.add(origin)
        if self._queue or found.state == _OPEN:
            self._queue.append(found)
        else:
            self._pass(found)

    def close(self, removed: Callable[[Place, int], bool]) -> None:
        """Everything of the outbox below its cut was judged, and everything that belongs to it was fed.

        `removed` says whether retention may have taken a delivery of a moment before it could be read.
        """
        cut = self.source.closed
        for found in self._queue:
            if found.state != _OPEN:
                continue
            if self.source.before(found.origin):
                found.state = _BEFORE
            elif found.origin < cut:
                self._copy(found, NEVER)
            else:
                found.waited += 1
                if found.waited > PATIENCE:
                    self._copy(found, "found for an origin that the gate has not decided")
        self._index()
        self._drain()
        for origin in [each for each in self.expected if each < cut]:
            self._miss(origin, self.expected.pop(origin), removed)

    def advance(self, committed: int, low: int) -> None:
        """Take where the recipient's group stands and where the inbox begins."""
        row = self.row
        first = self.pending.first()
        if first is not None and first < max(committed, low):
            delivered = self._still(self.pending.pop_below(committed))
            expired = self._still(self.pending.pop_below(low))
            row.delivered += delivered
            row.expired += expired
            row.pending -= delivered + expired
            self.touch()
        if self.unplaced:
            # Their records are gone from before `revisit`'s beginning: the commit or retention came first.
            if committed >= low:
                row.delivered += self.unplaced
            else:
                row.expired += self.unplaced
            row.pending -= self.unplaced
            self.unplaced = 0
            self.touch()

    def reject(self, origin: int) -> None:
        """Count a delivery as rejected: it leaves its state, once."""
        row = self.row
        if origin in self.rejected or origin in self.lost:
            return
        if self.pending.holds(origin):
            row.pending -= 1
        elif row.delivered:
            row.delivered -= 1
        elif row.expired:
            row.expired -= 1
        else:
            return
        row.rejected += 1
        self.rejected.add(origin)
        self.touch()

    def revisit(self, offset: int, origin: int, time_ms: int) -> None:
        """After a restart: a delivery that was pending is so again."""
        if origin in self.rejected or not self.unplaced:
            return
        self.unplaced -= 1
        self.pending.add(offset, origin, time_ms)

    def waiting(self) -> Iterator[Found]:
        """Yield what was found and not counted yet."""
        return iter(self._queue)

    def touch(self) -> None:
        """Note that the row changed."""
        self.dirty = True

    def settled_row(self) -> Lane:
        """Return the row with its oldest pending delivery."""
        self.row.oldest_pending_ms = self.pending.oldest_ms(self.rejected)
        return self.row

    def _copy(self, found: Found, why: str) -> None:
        found.state = _COPY
        self._around.copy(self, found, why)

    def _still(self, origins: Any) -> int:
        if not self.rejected:
            return len(origins)
        return sum(origin not in self.rejected for origin in origins)

    def _index(self) -> None:
        self._found, self._twins = {}, set()
        for found in self._queue:
            if found.state == _OPEN and self._found.setdefault(found.origin, found) is not found:
                self._twins.add(found.origin)

    def _drain(self) -> None:
        queue = self._queue
        while queue and queue[0].state != _OPEN:
            found = queue.popleft()
            if found.state != _COPY:
                self._pass(found)

    def _pass(self, found: Found) -> None:
        """Count what was found, in the inbox's order."""
        row, due, origin = self.row, found.due, found.origin
        self.dirty = True
        if due is None:
            row.before += 1
            if origin > row.last_origin:
                row.last_origin, row.last_seq = origin, max(found.seq, 0)
            return
        wrong = [] if found.value == due.value and found.head == due.head else _parts(found, due)
        if found.accepted_at != due.moment and (due.moment is not None or found.accepted_at is None):
            wrong.append("hub-accepted-at")
        if origin < row.last_origin:
            if self._note("out_of_order", found, due, "a later event of its source came first"):
                row.out_of_order += 1
        elif not self._numbered(found):
            wrong.append("hub-seq")
        if wrong and self._note("altered", found, due, f"not as due: {', '.join(wrong)}"):
            row.altered += 1
        if found.state == _ARRIVED:
            self._around.faults.arrive(row.route, self._origin(origin), found.time_ms)
        else:
            self._accept(due)
        row.pending += 1
        self.pending.add(found.offset, origin, found.time_ms)
        if due.replay_of is not None:
            self._around.replayed(row.route, due.replay_of, self._origin(origin), due.at_ms)

    def _numbered(self, found: Found) -> bool:
        """Say whether `hub-seq` goes on from the last one, and go on from what was found."""
        row = self.row
        right = found.seq == row.last_seq + 1 or self._follows(found)
        self._instead = None if right else row.last_seq + 1
        row.last_origin, row.last_seq = found.origin, max(found.seq, 0)
        if self._passed:
            del self._passed[: bisect_right(self._passed, found.origin)]
        return right

    def _follows(self, found: Found) -> bool:
        """Say whether a number can be right that is not the next one.

        It may leave out as many as are missing in between; after one wrong number, what follows may go on as
        if that had been right; and before a lane's first one any number may have been used.
        """
        row = self.row
        if row.last_origin < 0 and self.blind:
            return True
        if found.seq < 0:
            return False
        if self._instead is not None and found.seq == self._instead + 1:
            return True
        left_out = found.seq - row.last_seq - 1
        between = range(row.last_origin + 1, found.origin)
        unfound = sum(origin in between for origin in self._passed)
        unfound += sum(origin in between for origin in self.expected)
        unfound += sum(each.state == _DUE and each.origin in between for each in self._queue)
        return 0 <= left_out <= unfound

    def _miss(self, origin: int, due: Expected, removed: Callable[[Place, int], bool]) -> None:
        row = self.row
        self._accept(due)
        self.touch()
        if origin > row.last_origin:
            self._passed.append(origin)
        if self.inbox is not None and removed(self.inbox, due.at_ms):
            row.pending += 1
            self.unplaced += 1
            return
        fault = Fault(
            row.route, "missing", self._origin(origin), due.edition, due.at_ms, None, "not in the inbox"
        )
        if self._around.faults.note(fault):
            row.missing += 1
            self.lost[origin] = due

    def _accept(self, due: Expected) -> None:
        month = self._around.month(due.at_ms)
        self.row.accepted += 1
        self.row.months[month] = self.row.months.get(month, 0) + 1

    def _note(self, kind: FaultKind, found: Found, due: Expected, detail: str) -> bool:
        place, origin = (*found.place, found.offset), self._origin(found.origin)
        return self._around.faults.note(
            Fault(self.row.route, kind, origin, due.edition, due.at_ms, place, detail)
        )

    def _origin(self, offset: int) -> Origin:
        return Origin(self.row.topic, self.row.partition, offset)

    def dump(self) -> dict[str, Any] | None:
        """Return what a restart needs beside the row, JSON-able; None if nothing."""
        kept: dict[str, Any] = {
            "expected": _dump_expected(self.expected),
            "lost": _dump_expected(self.lost),
            "queue": [_dump_found(each) for each in self._queue],
            "passed": self._passed,
            "instead": self._instead,
            "rejected": sorted(self.rejected),
            "recipient": self.row.recipient,
            "inbox": self.inbox,
        }
        sides = (self.expected, self.lost, self._queue, self._passed, self.rejected)
        if not any(sides) and self._instead is None:
            return None
        return kept

    def load(self, kept: dict[str, Any]) -> None:
        """Take what `dump` gave."""
        self.inbox = None if kept["inbox"] is None else Place(*kept["inbox"])
        if self.inbox is not None:
            self.row.inbox_partition = self.inbox.partition
        self.expected = _load_expected(kept["expected"])
        self.lost = _load_expected(kept["lost"])
        self._queue = deque(_load_found(each) for each in kept["queue"])
        self._passed = list(kept["passed"])
        self._instead = kept["instead"]
        self.rejected = set(kept["rejected"])
        self._index()


def _parts(found: Found, due: Expected) -> list[str]:
    """Return which parts of a delivery are not as due."""
    wrong = []
    if found.value != due.value:
        wrong.append("value")
    if found.head != due.head:
        wrong.append("key or headers")
    return wrong


def _dump_expected(side: dict[int, Expected]) -> list[list[Any]]:
    return [[origin, *_dump_due(due)] for origin, due in side.items()]


def _load_expected(side: list[list[Any]]) -> dict[int, Expected]:
    return {origin: _load_due(due) for origin, *due in side}


def _dump_due(due: Expected) -> list[Any]:
    moment = None if due.moment is None else due.moment.decode()
    replay = None if due.replay_of is None else str(due.replay_of)
    return [due.head.hex(), due.value.hex(), moment, due.edition, due.at_ms, replay]


def _load_due(due: list[Any]) -> Expected:
    head, value, moment, edition, at_ms, replay = due
    return Expected(
        bytes.fromhex(head),
        bytes.fromhex(value),
        None if moment is None else moment.encode(),
        edition,
        at_ms,
        None if replay is None else Origin.parse(replay),
    )


def _dump_found(found: Found) -> list[Any]:
    accepted_at = None if found.accepted_at is None else found.accepted_at.hex()
    due = None if found.due is None else _dump_due(found.due)
    return [
        [*found.place],
        found.offset,
        found.time_ms,
        found.origin,
        found.seq,
        found.head.hex(),
        found.value.hex(),
        accepted_at,
        found.state,
        due,
        found.waited,
    ]


def _load_found(kept: list[Any]) -> Found:
    place, offset, time_ms, origin, seq, head, value, accepted_at, state, due, waited = kept
    return Found(
        Place(*place),
        offset,
        time_ms,
        origin,
        seq,
        bytes.fromhex(head),
        bytes.fromhex(value),
        None if accepted_at is None else bytes.fromhex(accepted_at),
        state,
        None if due is None else _load_due(due),
        waited,
    )
