"""The audit's account: everything it knows, fed record by record, judged receipt by receipt. Pure.

The stream feeds outbox records, receipts, deliveries and parked events, each place in offset order, the
places in whatever order; then says how far every log was read (`close`). The books are what `changes` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, Self

from hub.audit import carry, expected, sheet
from hub.audit.books import Fault, Intake, Lane, LaneKey, Place, Repair
from hub.audit.claims import Basis, Claim, Refused, told
from hub.audit.due import GATES_WORD, PROCESSOR, Judge, Misread, Reading, opened, replays
from hub.audit.faults import Faults
from hub.audit.ground import Editions, Ground
from hub.audit.intakes import DueParked, FoundParked, IntakeBook
from hub.audit.lanes import NEVER, Around, Expected, Found, LaneBook
from hub.audit.months import month
from hub.audit.rules import Term, stamp
from hub.audit.seen import Bounds, remembered
from hub.audit.settling import Settling
from hub.audit.sheet import Sheet
from hub.audit.shelf import STRAY, Shelf, copied, named, source_of
from hub.contracts import topics
from hub.contracts.origin import Origin
from hub.contracts.record import Record

__all__ = ["Account", "Bounds", "Changes", "Progress", "Saved"]

ROUTED, UNCLAIMED, DUPLICATE, PARKED = range(4)
_MOST_SEQ_DIGITS = 18


class Progress(NamedTuple):
    """What a receipt lets be judged: `place` is a source partition, everything below `next` is decided."""

    place: Place
    next: int


class Verdict:
    """The audit's own verdict.

    `owed` are the deliveries: term, digests of head and value; `seen`: what the event is remembered by, None
    for a replay.
    """

    __slots__ = ("kind", "owed", "reading", "reason", "seen")

    def __init__(
        self,
        kind: int,
        reason: str | None,
        reading: Reading | None = None,
        owed: Sequence[tuple[Term, bytes, bytes]] = (),
        seen: tuple[int, int] | None = None,
    ) -> None:
        self.kind = kind
        self.reason = reason
        self.reading = reading
        self.owed = owed
        self.seen = seen


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the last call: rows to write over (intakes, lanes), rows to add (faults, repairs).

    `carry` is what the account needs beside the rows; it replaces the last one.
    """

    intakes: list[Intake]
    lanes: list[Lane]
    faults: list[Fault]
    repairs: list[Repair]
    carry: bytes


@dataclass(frozen=True, slots=True)
class Saved:
    """What was kept: every intake and lane, and the last carry. Faults and repairs are not needed."""

    intakes: list[Intake] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    carry: bytes = b""


class Account:
    """The whole state of the audit. Not for two threads. No bytes whatever make a feeding method raise."""

    def __init__(self, judge: Judge, editions: Editions, bounds: Bounds, zone: str = "UTC") -> None:
        """`zone` is the time zone (an IANA name) in which months begin."""
        self._judge = judge
        self._faults = Faults()
        self._settling = Settling(self._faults)
        self._ground = Ground(editions)
        around = Around(self._faults, self._doubled, self._settling.replayed, partial(month, zone))
        self._shelf = Shelf(self._ground, bounds, around)
        self._next: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._copies: set[tuple[str, int, int]] = set()

    # -- beginning and going on

    @classmethod
    def restore(
        cls, judge: Judge, editions: Editions, bounds: Bounds, saved: Saved, zone: str = "UTC"
    ) -> Self:
        """Return the account as it was when `changes` gave what was saved.

        Feed on from the places that were read then; outboxes from their intake's `cut`.
        """
        account = cls(judge, editions, bounds, zone)
        for intake in saved.intakes:
            account._shelf.put(intake)
        for lane in saved.lanes:
            account._shelf.put_lane(lane)
        if saved.carry:
            account._load(carry.unpack(saved.carry))
        return account

    def recall_refused(self, origin: Origin) -> None:
        """After `restore`: an origin that stands in hub.parked (since the tails' start)."""
        book = self._shelf.intakes.get(Place(origin.topic, origin.partition))
        if book is not None:
            book.refused.add(origin.offset)

    def recall(self, record: Record) -> None:
        """After `restore`: an outbox record below the intake's cut, at most `bounds.places` of each place.

        In the order of offsets; every refused origin was recalled before.
        """
        book = self._shelf.intakes.get(self._shelf.place(record))
        if book is None or record.offset >= book.row.cut or book.refuses(record.offset) or replays(record):
            return
        try:
            attributes, _ = opened(record)
        except Misread:
            return
        name, content_ = remembered(attributes, record.value)
        book.seen.remember(name, content_, record.offset, record.timestamp)

    def revisit(self, record: Record) -> None:
        """After `restore`: an inbox record from the recipient's commit to our position: pending again."""
        place = self._shelf.place(record)
        if record.offset < self._committed.get(place, 0) or (*place, record.offset) in self._copies:
            return
        says = expected.delivered(record)
        origin = named(says.origin)
        lane = None if origin is None or says.route is None else self._shelf.known(says.route, origin)
        if lane is None or origin is None or lane.inbox != place:
            return
        waits = any(each.place == place and each.offset == record.offset for each in lane.waiting())
        if not waits and not lane.source.before(origin[1]):
            lane.revisit(record.offset, origin[1], record.timestamp)

    # -- the logs' edges

    def begin(self, place: Place, low: int, *, first: bool) -> None:
        """Begin an outbox partition, seen for the first time; `low` is its oldest offset, there or not.

        `first`: at the audit's very first start; otherwise the partition is younger than the audit, and what
        retention removed from it counts as unaudited. A partition that is known already is left as it is.
        """
        self._shelf.intake(place).begin(low, first=first)

    def removed(self, place: Place, low: int, gate_next: int) -> None:
        """Note that retention passed our position in an outbox; `gate_next`: what the gate has committed."""
        self._shelf.intake(place).remove(low, gate_next)

    def inbox_began(self, place: Place, low: int, oldest_ms: int | None) -> None:
        """Take the edge of an inbox partition (or of hub.parked): its oldest offset and that record's time.

        The time is None where it is empty. To be called for every partition at every start, and for a new
        one, before records are fed.
        """
        self._shelf.began(place, low, oldest_ms, self._next.get(place, 0))

    # -- feeding

    def outbox(self, record: Record) -> None:
        """Take an outbox record; it is kept until judged."""
        book = self._shelf.intake(self._shelf.place(record))
        if record.offset >= book.fed:
            book.fed = record.offset + 1
            book.kept.append(record)

    def receipt(self, record: Record) -> Progress | None:
        """Take a record of a receipts topic; return what it lets be judged, if anything new.

        The stream then feeds the outbox records below `next` and calls `judge(place, next)`.
        """
        if not self._fresh(record):
            return None
        said = told(record, self._judge.codec)
        if said is None or not self._shelf.intake(said.place).claims.take(said.word):
            return None
        return None if isinstance(said.word, Refused) else Progress(said.place, said.word.next)

    def delivery(self, record: Record) -> None:
        """Take an inbox record."""
        place = self._fresh(record)
        if place is None:
            return
        says = expected.delivered(record)
        origin = named(says.origin)
        lane = (
            None if origin is None or says.route is None else self._shelf.lane_of(says.route, origin, place)
        )
        offset = record.offset if origin is None else origin[1]
        found = Found(
            place,
            record.offset,
            record.timestamp,
            offset,
            _number(says.seq),
            says.head,
            says.value,
            says.accepted_at,
        )
        if lane is None:
            route = None if says.route is None else says.route.decode("utf-8", "replace")
            source = None if origin is None else source_of(origin[0])
            self._stray(route, source or place, found)
            return
        lane.take(found)

    def parked(self, record: Record) -> None:
        """Take a record of hub.parked; what a stream processor parked is not the intake's."""
        place = self._fresh(record)
        if place is None:
            return
        says = expected.kept(record)
        origin = named(says.origin)
        source = None if origin is None else source_of(origin[0])
        if origin is None or source is None:
            return
        reason = (says.reason or b"").decode("utf-8", "replace")
        found = FoundParked(place, record.offset, record.timestamp, reason, says.digest, says.parked_at)
        self._shelf.intake(source).take_parked(origin[1], found)

    # -- judging

    def judge(self, place: Place, upto: int) -> None:
        """Judge the outbox records below `upto` by the receipts taken; no further than these reach."""
        book = self._shelf.intake(place)
        self._judge_below(book, min(upto, book.claims.told))

    def close(self, cut: Mapping[Place, int]) -> None:
        """Judge everything below the cut; what is unmatched then is a fault.

        To be called when the outboxes were fed to the cut and every other log to its end as it was after.
        """
        for place, upto in cut.items():
            book = self._shelf.intake(place)
            book.begun = True
            book.closed = max(book.closed, upto)
            self._judge_below(book, upto)
        for book in self._shelf.intakes.values():
            book.close(book.closed, self._shelf.parked_removed(book))
        for lane in list(self._shelf.lanes.values()):
            if lane.busy:
                lane.close(self._shelf.was_removed)
        self._settling.settle(self._shelf)

    def recipients(self, committed: Mapping[Place, int], lows: Mapping[Place, int]) -> None:
        """Take the recipients' committed offsets and the low watermarks, both by inbox partition."""
        for place, offset in committed.items():
            if offset > self._committed.get(place, 0):
                self._committed[place] = offset
        for lane in self._shelf.lanes.values():
            if lane.inbox is not None and lane.row.pending:
                low = max(lows.get(lane.inbox, 0), self._shelf.removed.get(lane.inbox, (0, None))[0])
                lane.advance(self._committed.get(lane.inbox, 0), low)
        self._copies = {
            each for each in self._copies if each[2] >= self._committed.get(Place(each[0], each[1]), 0)
        }

    # -- the books

    def changes(self) -> Changes:
        """Return what changed since the last call, the faults and repairs since then, and the carry."""
        intakes = [book for book in self._shelf.intakes.values() if book.dirty and book.begun]
        lanes = [lane for lane in self._shelf.lanes.values() if lane.dirty]
        for book in intakes:
            book.dirty = False
        for lane in lanes:
            lane.dirty = False
        faults, repairs = self._faults.drain()
        return Changes(
            intakes=[replace(book.row, parked=dict(book.row.parked)) for book in intakes],
            lanes=[copied(lane.settled_row()) for lane in lanes],
            faults=faults,
            repairs=repairs,
            carry=carry.pack(self._dump()),
        )

    def sheet(self, as_of: datetime, completed_at: datetime, lag_seconds: float) -> Sheet:
        """Return the books as a sheet."""
        return sheet.make(
            as_of,
            completed_at,
            lag_seconds,
            intakes=[book.row for book in self._shelf.intakes.values() if book.begun],
            lanes=[lane.settled_row() for lane in self._shelf.lanes.values() if _counts(lane.row)],
            repaired=self._faults.repaired(),
            arrived=self._faults.arrived(),
            resent=self._faults.resent(),
            source_of=self._ground.newest.source,
        )

    # -- one record of an outbox

    def _judge_below(self, book: IntakeBook, upto: int) -> None:
        kept, claims = book.kept, book.claims
        claim = ground = moment = None
        while kept and kept[0].offset < upto:
            record = kept[0]
            if not claims.queue:
                number = self._ground.in_force(record.timestamp)
                self._judge_one(book, kept.popleft(), None, Basis(number, record.timestamp, ""), None)
                continue
            if claim is not claims.queue[0]:
                claim = claims.queue[0]
                ground, moment = self._ground.basis(claim), stamp(claim.at_ms)
            if record.offset >= claim.next:
                self._settle(book, claim)
            elif ground is not None:
                self._judge_one(book, kept.popleft(), claim, ground, moment)
        while claims.queue and claims.queue[0].next <= upto:
            self._settle(book, claims.queue[0])
        if upto > book.row.cut:
            book.row.cut = upto
            book.dirty = True
            claims.forget_below(upto)

    def _judge_one(
        self, book: IntakeBook, record: Record, claim: Claim | None, ground: Basis, moment: bytes | None
    ) -> None:
        """Judge a record: by a claim, or, where no receipt covers it, by what hub.parked holds of it."""
        offset, row = record.offset, book.row
        said = book.word_of_parked(offset) if claim is None else book.claims.refused.pop(offset, None)
        verdict = self._verdict(book, record, ground)
        if said in GATES_WORD:
            verdict = Verdict(PARKED, said)
        elif claim is not None and said != verdict.reason:
            detail = f"the receipts say {said or 'accepted'}, it was to be {verdict.reason or 'accepted'}"
            book.alter(offset, ground.edition, ground.at_ms, detail)
        row.read += 1
        book.claims.tally[verdict.kind] += 1
        if verdict.reason is not None:
            digest = expected.parked(record, verdict.reason)
            book.due_parked(offset, DueParked(verdict.reason, digest, moment, ground.edition, ground.at_ms))
        elif verdict.reading is not None:
            if book.finds:
                book.not_parked(offset)
            self._accept(book, record, verdict, verdict.reading, ground=ground, moment=moment)

    def _verdict(self, book: IntakeBook, record: Record, ground: Basis) -> Verdict:
        """Return the audit's own verdict; no record whatever makes it raise."""
        try:
            reading = self._judge.read(record)
            rules = self._ground.rules(ground.edition)
            rules.check(reading)
            seen = None
            if reading.replay_of is None:
                seen = remembered(reading.envelope, record.value)
                match book.seen.sight(*seen, record.offset, record.timestamp):
                    case "conflict":
                        return Verdict(PARKED, "id-conflict")
                    case "duplicate":
                        return Verdict(DUPLICATE, None, reading, seen=seen)
            terms = rules.terms(reading, ground.at_ms)
            due = expected.Due(self._judge, reading)
            owed = [(term, due.head_digest(term), due.value_digest(term)) for term in terms]
            return Verdict(ROUTED if owed else UNCLAIMED, None, reading, owed, seen)
        except Misread as misread:
            return Verdict(PARKED, misread.reason)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - see the comment
            # What cannot be judged is the gate's `processor` too, or a fault in the books; never the end.
            return Verdict(PARKED, PROCESSOR)

    def _accept(
        self,
        book: IntakeBook,
        record: Record,
        verdict: Verdict,
        reading: Reading,
        *,
        ground: Basis,
        moment: bytes | None,
    ) -> None:
        row = book.row
        if verdict.seen is not None:
            book.seen.remember(*verdict.seen, record.offset, record.timestamp)
        if verdict.kind == DUPLICATE:
            row.duplicate += 1
        elif verdict.kind == UNCLAIMED:
            row.unclaimed += 1
        else:
            row.routed += 1
            prefix = f"{record.topic}/{record.partition}".encode()
            for term, head, value in verdict.owed:
                lane = self._shelf.led(term, record, prefix)
                owed = Expected(head, value, moment, ground.edition, ground.at_ms, reading.replay_of)
                lane.owe(record.offset, owed)
            self._settling.heed(record, reading, ground.at_ms)

    # -- receipts

    def _settle(self, book: IntakeBook, claim: Claim) -> None:
        ground = self._ground.basis(claim)
        counted = tuple(book.claims.tally)
        wrong = [ground.fault] if ground.fault else []
        if not book.claims.settle(claim):
            wrong.append(
                f"the receipt counts {claim.counts} routed, unclaimed, duplicate, parked; found {counted}"
            )
        if wrong and book.begun:
            book.alter(claim.next - 1, ground.edition, ground.at_ms, "; ".join(wrong))

    def _fresh(self, record: Record) -> Place | None:
        """Return a record's place and move our position past it; None if we have been there."""
        place = self._shelf.place(record)
        if record.offset < self._next.get(place, 0):
            return None
        self._next[place] = record.offset + 1
        return place

    # -- copies

    def _doubled(self, lane: LaneBook, found: Found, why: str) -> None:
        """Count a record that is no delivery of its lane."""
        if lane.inbox is not None:
            self._double(lane, found, why)
        else:
            self._stray(lane.row.route, Place(lane.row.topic, lane.row.partition), found)

    def _stray(self, route: str | None, source: Place, found: Found) -> None:
        """Count a record that is due nowhere: on its route, or where that is none of ours, on `?`."""
        rules = self._ground.rules(self._ground.in_force(found.time_ms))
        recipient = None if route is None else rules.recipient(route)
        if route is not None and recipient is not None:
            lane = self._shelf.lane(LaneKey(route, *source), recipient)
            lane.row.recipient = recipient
            self._double(lane, found, NEVER)
            return
        agency, _ = topics.agency_of(found.place.topic)
        lane = self._shelf.lane(LaneKey(f"{STRAY}{found.place.topic}", *source), agency)
        self._double(lane, found, "no delivery: its route or origin cannot be read or is none of ours")

    def _double(self, lane: LaneBook, found: Found, why: str) -> None:
        place = (*found.place, found.offset)
        self._copies.add(place)
        origin = Origin(lane.row.topic, lane.row.partition, found.origin)
        edition = self._ground.in_force(found.time_ms)
        if self._faults.note(Fault(lane.row.route, "doubled", origin, edition, found.time_ms, place, why)):
            lane.row.doubled += 1
            lane.touch()

    # -- what is carried over a restart

    def _dump(self) -> carry.Carried:
        lanes = {lane.key: kept for lane in self._shelf.lanes.values() if (kept := lane.dump()) is not None}
        carried = carry.Carried(
            intakes={place: book.dump() for place, book in self._shelf.intakes.items()},
            lanes=lanes,
            faults=self._faults.dump(),
            next=self._next,
            removed=self._shelf.removed,
            committed=self._committed,
            copies=sorted(self._copies),
        )
        self._settling.dump(carried)
        return carried

    def _load(self, carried: carry.Carried) -> None:
        for place, kept in carried.intakes.items():
            self._shelf.intake(place).load(kept)
        for key, kept in carried.lanes.items():
            recipient = kept["recipient"]
            self._shelf.lane(key, recipient).load(kept)
        self._faults.load(carried.faults)
        self._next = carried.next
        self._shelf.removed = carried.removed
        self._committed = carried.committed
        self._copies = set(carried.copies)
        self._settling.load(carried)


def _number(seq: bytes | None) -> int:
    """Return a `hub-seq`, -1 where it is none."""
    if seq is None or not seq.isdigit() or len(seq) > _MOST_SEQ_DIGITS or seq[0] == 48:
        return -1
    return int(seq)


def _counts(row: Lane) -> bool:
    """Say whether a lane has anything to show."""
    return bool(row.accepted or row.before or row.doubled)
