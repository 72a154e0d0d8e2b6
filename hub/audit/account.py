"""The audit's account: everything it knows, fed record by record, judged receipt by receipt. Pure.

The stream feeds outbox records, receipts, deliveries and parked events, each place in offset order, the
places in whatever order; then says how far every log was read (`close`). The books are what `changes` gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple, Protocol, Self

from hub.audit import carry, expected, sheet
from hub.audit.books import INTAKE, Fault, Intake, Lane, LaneKey, Place, Repair
from hub.audit.claims import Basis, Claim, Refused, basis, told
from hub.audit.due import GATES_WORD, PROCESSOR, Judge, Misread, Reading, opened, replays
from hub.audit.faults import PATIENCE, Explanation, Faults
from hub.audit.intakes import DueParked, FoundParked, IntakeBook
from hub.audit.lanes import NEVER, Around, Expected, Found, LaneBook
from hub.audit.months import month
from hub.audit.rules import Rules, Term, stamp
from hub.audit.seen import Bounds, remembered
from hub.audit.sheet import Sheet
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.registry.model import REJECTED, REPAIRED, Registry

__all__ = ["Account", "Bounds", "Changes", "Editions", "Progress", "Saved"]

ROUTED, UNCLAIMED, DUPLICATE, PARKED = range(4)
STRAY = "?"
"""Before an inbox's topic: the pseudo-route of records there that name no route of ours."""

_MOST_PARTITION = 2**31
_MOST_OFFSET = 2**63
_MOST_SEQ_DIGITS = 18
_END_OF_TIME_MS = 2**62
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NOBODY = Registry(0, {}, {})


class Progress(NamedTuple):
    """What a receipt lets be judged: `place` is a source partition, everything below `next` is decided."""

    place: Place
    next: int


class Verdict(NamedTuple):
    """The audit's own verdict; `owed` are the deliveries: term, digests of head and value."""

    kind: int
    reason: str | None
    reading: Reading | None = None
    owed: tuple[tuple[Term, bytes, bytes], ...] = ()


class Editions(Protocol):
    """The editions of the agency registry with the broker's times of their manifests.

    Read hub.registry to its end before feeding what was read after: a receipt may name its newest edition.
    """

    def edition(self, number: int) -> Registry | None:
        """Return an edition, None if it was never on hub.registry (or is gone)."""

    def in_force(self, at_ms: int) -> int | None:
        """Return the number of the edition whose manifest was the newest at a time of the broker's."""

    def appended_ms(self, number: int) -> int | None:
        """Return when an edition's manifest was appended."""

    def superseded_ms(self, number: int) -> int | None:
        """Return when the next edition's manifest was appended; None for the newest."""


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
        self._editions = editions
        self._bounds = bounds
        self._faults = Faults()
        self._around = Around(self._faults, self._doubled, self._replayed, partial(month, zone))
        self._rules: dict[int, Rules] = {}
        self._intakes: dict[Place, IntakeBook] = {}
        self._lanes: dict[LaneKey, LaneBook] = {}
        self._named: dict[tuple[bytes, bytes], LaneBook] = {}
        self._places: dict[tuple[str, int], Place] = {}
        self._next: dict[Place, int] = {}
        self._sizes: dict[str, int] = {}
        self._removed: dict[Place, tuple[int, int | None]] = {}
        self._committed: dict[Place, int] = {}
        self._copies: set[tuple[str, int, int]] = set()
        self._rejections: dict[tuple[LaneKey, int], int] = {}
        self._explanations: list[Explanation] = []
        self._replays: dict[tuple[str, Origin], tuple[Origin, int]] = {}

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
            place = Place(intake.topic, intake.partition)
            row = replace(intake, parked=dict(intake.parked))
            account._intakes[place] = IntakeBook(row, account._faults, bounds)
        for lane in saved.lanes:
            inbox = Place(_inbox(lane.recipient), lane.inbox_partition) if lane.accepted else None
            source = account._intake(Place(lane.topic, lane.partition))
            book = LaneBook(_copied(lane), source, account._around, inbox)
            book.unplaced = lane.pending
            account._lanes[book.key] = book
        if saved.carry:
            account._load(carry.unpack(saved.carry))
        return account

    def recall_refused(self, origin: Origin) -> None:
        """After `restore`: an origin that stands in hub.parked (since the tails' start)."""
        book = self._intakes.get(Place(origin.topic, origin.partition))
        if book is not None:
            book.refused.add(origin.offset)

    def recall(self, record: Record) -> None:
        """After `restore`: an outbox record below the intake's cut, at most `bounds.places` of each place.

        In the order of offsets; every refused origin was recalled before.
        """
        book = self._intakes.get(self._place(record))
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
        place = self._place(record)
        if record.offset < self._committed.get(place, 0) or (*place, record.offset) in self._copies:
            return
        says = expected.delivered(record)
        named = _named(says.origin)
        lane = None if named is None or says.route is None else self._known(says.route, named)
        if lane is None or named is None or lane.inbox != place:
            return
        waits = any(each.place == place and each.offset == record.offset for each in lane.waiting())
        if not waits and not lane.source.before(named[1]):
            lane.revisit(record.offset, named[1], record.timestamp)

    # -- the logs' edges

    def begin(self, place: Place, low: int, *, first: bool) -> None:
        """Begin an outbox partition, seen for the first time; `low` is its oldest offset, there or not.

        `first`: at the audit's very first start; otherwise the partition is younger than the audit, and what
        retention removed from it counts as unaudited. A partition that is known already is left as it is.
        """
        self._intake(place).begin(low, first=first)

    def removed(self, place: Place, low: int, gate_next: int) -> None:
        """Note that retention passed our position in an outbox; `gate_next`: what the gate has committed."""
        self._intake(place).remove(low, gate_next)

    def inbox_began(self, place: Place, low: int, oldest_ms: int | None) -> None:
        """Take the edge of an inbox partition (or of hub.parked): its oldest offset and that record's time.

        The time is None where it is empty. To be called for every partition at every start, and for a new
        one, before records are fed.
        """
        self._sizes[place.topic] = max(self._sizes.get(place.topic, 0), place.partition + 1)
        if low > self._next.get(place, 0):
            self._removed[place] = (low, oldest_ms)

    # -- feeding

    def outbox(self, record: Record) -> None:
        """Take an outbox record; it is kept until judged."""
        book = self._intake(self._place(record))
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
        if said is None or not self._intake(said.place).claims.take(said.word):
            return None
        return None if isinstance(said.word, Refused) else Progress(said.place, said.word.next)

    def delivery(self, record: Record) -> None:
        """Take an inbox record."""
        place = self._fresh(record)
        if place is None:
            return
        says = expected.delivered(record)
        origin = says.origin
        named = _named(origin)
        lane = None if named is None or says.route is None else self._lane_of(says.route, named, place)
        offset = record.offset if named is None else named[1]
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
            source = None if named is None else _source(named[0])
            self._stray(route, source or place, found)
            return
        lane.take(found)

    def parked(self, record: Record) -> None:
        """Take a record of hub.parked; what a stream processor parked is not the intake's."""
        place = self._fresh(record)
        if place is None:
            return
        says = expected.kept(record)
        named = _named(says.origin)
        source = None if named is None else _source(named[0])
        if named is None or source is None:
            return
        reason = (says.reason or b"").decode("utf-8", "replace")
        found = FoundParked(place, record.offset, record.timestamp, reason, says.digest, says.parked_at)
        self._intake(source).take_parked(named[1], found)

    # -- judging

    def judge(self, place: Place, upto: int) -> None:
        """Judge the outbox records below `upto` by the receipts taken; no further than these reach."""
        book = self._intake(place)
        self._judge_below(book, min(upto, book.claims.told))

    def close(self, cut: Mapping[Place, int]) -> None:
        """Judge everything below the cut; what is unmatched then is a fault.

        To be called when the outboxes were fed to the cut and every other log to its end as it was after.
        """
        for place, upto in cut.items():
            book = self._intake(place)
            book.begun = True
            book.closed = max(book.closed, upto)
            self._judge_below(book, upto)
        for book in self._intakes.values():
            book.close(book.closed, self._parked_removed(book))
        for lane in list(self._lanes.values()):
            if lane.busy:
                lane.close(self._was_removed)
        self._reject()
        self._repair()

    def recipients(self, committed: Mapping[Place, int], lows: Mapping[Place, int]) -> None:
        """Take the recipients' committed offsets and the low watermarks, both by inbox partition."""
        for place, offset in committed.items():
            if offset > self._committed.get(place, 0):
                self._committed[place] = offset
        for lane in self._lanes.values():
            if lane.inbox is not None and lane.row.pending:
                low = max(lows.get(lane.inbox, 0), self._removed.get(lane.inbox, (0, None))[0])
                lane.advance(self._committed.get(lane.inbox, 0), low)
        self._copies = {
            each for each in self._copies if each[2] >= self._committed.get(Place(each[0], each[1]), 0)
        }

    # -- the books

    def changes(self) -> Changes:
        """Return what changed since the last call, the faults and repairs since then, and the carry."""
        intakes = [book for book in self._intakes.values() if book.dirty and book.begun]
        lanes = [lane for lane in self._lanes.values() if lane.dirty]
        for book in intakes:
            book.dirty = False
        for lane in lanes:
            lane.dirty = False
        faults, repairs = self._faults.drain()
        return Changes(
            intakes=[replace(book.row, parked=dict(book.row.parked)) for book in intakes],
            lanes=[_copied(lane.settled_row()) for lane in lanes],
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
            intakes=[book.row for book in self._intakes.values() if book.begun],
            lanes=[lane.settled_row() for lane in self._lanes.values() if _counts(lane.row)],
            repaired=self._faults.repaired(),
            arrived=self._faults.arrived(),
            resent=self._faults.resent(),
            source_of=self._source_of,
        )

    # -- one record of an outbox

    def _judge_below(self, book: IntakeBook, upto: int) -> None:
        kept, claims = book.kept, book.claims
        claim = ground = moment = None
        while kept and kept[0].offset < upto:
            record = kept[0]
            if not claims.queue:
                number = self._in_force(record.timestamp)
                self._judge_one(book, kept.popleft(), None, Basis(number, record.timestamp, ""), None)
                continue
            if claim is not claims.queue[0]:
                claim = claims.queue[0]
                ground, moment = self._basis(claim), stamp(claim.at_ms)
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
            rules = self._rules_of(ground.edition)
            rules.check(reading)
            if reading.replay_of is None:
                name, content_ = remembered(reading.envelope, record.value)
                match book.seen.sight(name, content_, record.offset, record.timestamp):
                    case "conflict":
                        return Verdict(PARKED, "id-conflict")
                    case "duplicate":
                        return Verdict(DUPLICATE, None, reading)
            terms = rules.terms(reading, ground.at_ms)
            due = expected.Due(self._judge, reading)
            owed = tuple((term, due.head_digest(term), due.value_digest(term)) for term in terms)
            return Verdict(ROUTED if owed else UNCLAIMED, None, reading, owed)
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
        if reading.replay_of is None:
            name, content_ = remembered(reading.envelope, record.value)
            book.seen.remember(name, content_, record.offset, record.timestamp)
        if verdict.kind == DUPLICATE:
            row.duplicate += 1
        elif verdict.kind == UNCLAIMED:
            row.unclaimed += 1
        else:
            row.routed += 1
            prefix = f"{record.topic}/{record.partition}".encode()
            for term, head, value in verdict.owed:
                lane = self._named.get((term.raw_route, prefix))
                if lane is None or lane.inbox is None or lane.row.recipient != term.agreement.recipient:
                    lane = self._led(term, record)
                owed = Expected(head, value, moment, ground.edition, ground.at_ms, reading.replay_of)
                lane.owe(record.offset, owed)
            self._heed(record, reading, ground.at_ms)

    def _heed(self, record: Record, reading: Reading, at_ms: int) -> None:
        """Take what a routed event means for the books themselves."""
        if reading.envelope.type == REJECTED:
            self._take_rejection(reading)
        elif reading.envelope.type == REPAIRED:
            self._take_explanation(reading, at_ms)
        if reading.replay_of is not None:
            origin = Origin(record.topic, record.partition, record.offset)
            self._replayed(INTAKE, reading.replay_of, origin, at_ms)

    def _take_rejection(self, reading: Reading) -> None:
        origin = Origin.parse(reading.data["origin"])
        key = LaneKey(reading.data["route"], origin.topic, origin.partition)
        self._rejections.setdefault((key, origin.offset), 0)

    def _take_explanation(self, reading: Reading, at_ms: int) -> None:
        data = reading.data
        try:
            origin = Origin.parse_fault(data["origin"])
        except ContractError:
            return
        if data["action"] != "explained":
            return
        explanation = Explanation(
            origin,
            tuple(data["routes"]),
            tuple(data["kinds"]),
            _CONTROLS.sub(" ", data["repaired_by"] or ""),
            _CONTROLS.sub(" ", data["reason"]),
            at_ms if data["repaired_at"] is None else data["repaired_at"],
        )
        self._explanations.append(explanation)

    # -- receipts

    def _basis(self, claim: Claim) -> Basis:
        editions = self._editions
        return basis(claim, editions.in_force, editions.appended_ms, editions.superseded_ms)

    def _settle(self, book: IntakeBook, claim: Claim) -> None:
        ground = self._basis(claim)
        counted = tuple(book.claims.tally)
        wrong = [ground.fault] if ground.fault else []
        if not book.claims.settle(claim):
            wrong.append(
                f"the receipt counts {claim.counts} routed, unclaimed, duplicate, parked; found {counted}"
            )
        if wrong and book.begun:
            book.alter(claim.next - 1, ground.edition, ground.at_ms, "; ".join(wrong))

    # -- repairs and rejections, once everything below the cut is judged

    def _replayed(self, route: str, of: Origin, origin: Origin, at_ms: int) -> None:
        self._replays.setdefault((route, of), (origin, at_ms))

    def _repair(self) -> None:
        for (route, of), (origin, at_ms) in list(self._replays.items()):
            kinds = frozenset({"missing"} if route == INTAKE else {"missing", "altered"})
            reason = f"replayed as {origin}"
            self._faults.repair(Repair(route, of, kinds, "redelivered", topics.HUB, reason, at_ms))
            if self._is_closed(of):
                del self._replays[route, of]
        waiting = []
        for each in self._explanations:
            for repair in each.repairs():
                self._faults.repair(repair)
            # A stray record's fault was noted before anybody could explain it.
            if topics.agency_of(each.origin.topic)[1] == "outbox" and not self._is_closed(each.origin):
                waiting.append(each)
        self._explanations = waiting

    def _reject(self) -> None:
        for (key, offset), waited in list(self._rejections.items()):
            lane = self._lanes.get(key)
            if lane is not None and self._is_closed(Origin(key.topic, key.partition, offset)):
                lane.reject(offset)
            elif waited < PATIENCE:
                self._rejections[key, offset] = waited + 1
                continue
            del self._rejections[key, offset]

    def _is_closed(self, origin: Origin) -> bool:
        book = self._intakes.get(Place(origin.topic, origin.partition))
        return book is not None and origin.offset < book.closed

    # -- looking up

    def _place(self, record: Record) -> Place:
        name = (record.topic, record.partition)
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = Place(*name)
        return place

    def _fresh(self, record: Record) -> Place | None:
        """Return a record's place and move our position past it; None if we have been there."""
        place = self._place(record)
        if record.offset < self._next.get(place, 0):
            return None
        self._next[place] = record.offset + 1
        return place

    def _intake(self, place: Place) -> IntakeBook:
        book = self._intakes.get(place)
        if book is None:
            book = IntakeBook(Intake(*place), self._faults, self._bounds)
            self._intakes[place] = book
        return book

    def _in_force(self, at_ms: int) -> int:
        return self._editions.in_force(at_ms) or 0

    def _rules_of(self, number: int) -> Rules:
        rules = self._rules.get(number)
        if rules is None:
            registry = self._editions.edition(number)
            rules = Rules(_NOBODY if registry is None else registry)
            if registry is not None:
                self._rules[number] = rules
        return rules

    def _source_of(self, route: str) -> str | None:
        return self._newest.source(route)

    @property
    def _newest(self) -> Rules:
        return self._rules_of(self._in_force(_END_OF_TIME_MS))

    def _known(self, raw_route: bytes, named: tuple[bytes, int]) -> LaneBook | None:
        found = self._named.get((raw_route, named[0]))
        if found is None:
            source = _source(named[0])
            route = raw_route.decode("utf-8", "replace")
            found = None if source is None else self._lanes.get(LaneKey(route, *source))
        return found

    def _lane_of(self, raw_route: bytes, named: tuple[bytes, int], inbox: Place) -> LaneBook | None:
        """Return the lane that an inbox record names; None where no route can be called so."""
        lane = self._named.get((raw_route, named[0]))
        if lane is None:
            source = _source(named[0])
            try:
                route = raw_route.decode()
            except UnicodeDecodeError:
                return None
            if source is None or "/" not in route or route.startswith(STRAY) or _CONTROLS.search(route):
                return None
            lane = self._lane(LaneKey(route, *source), topics.agency_of(inbox.topic)[0])
            self._named[raw_route, named[0]] = lane
        return lane

    def _lane(self, key: LaneKey, recipient: AgencyCode) -> LaneBook:
        lane = self._lanes.get(key)
        if lane is None:
            row = Lane(*key, recipient=recipient, inbox_partition=key.partition % self._size(recipient))
            source = self._intake(Place(key.topic, key.partition))
            lane = self._lanes[key] = LaneBook(row, source, self._around)
        return lane

    def _led(self, term: Term, record: Record) -> LaneBook:
        """Return the lane of a due delivery and say where its deliveries belong."""
        recipient = term.agreement.recipient
        inbox = Place(term.inbox, record.partition % self._size(recipient))
        source = self._place(record)
        lane = self._lane(LaneKey(term.route, *source), recipient)
        lane.blind = lane.blind or lane.source.blind or inbox in self._removed
        lane.lead_to(inbox, recipient)
        self._named[term.raw_route, f"{source.topic}/{source.partition}".encode()] = lane
        return lane

    def _size(self, recipient: AgencyCode) -> int:
        """Return how many partitions an agency's inbox has."""
        known = self._sizes.get(_inbox(recipient))
        if known is None:
            agency = self._newest.registry.agencies.get(recipient)
            known = topics.DEFAULT_PARTITIONS if agency is None else agency.partitions
        return known

    def _was_removed(self, inbox: Place, at_ms: int) -> bool:
        """Say whether retention may have removed a delivery before we could read it."""
        low_and_oldest = self._removed.get(inbox)
        if low_and_oldest is None:
            return False
        return low_and_oldest[1] is None or at_ms < low_and_oldest[1]

    def _parked_removed(self, book: IntakeBook) -> bool:
        return book.blind and any(place.topic == topics.PARKED for place in self._removed)

    # -- copies

    def _doubled(self, lane: LaneBook, found: Found, why: str) -> None:
        """Count a record that is no delivery of its lane."""
        if lane.inbox is not None:
            self._double(lane, found, why)
        else:
            self._stray(lane.row.route, Place(lane.row.topic, lane.row.partition), found)

    def _stray(self, route: str | None, source: Place, found: Found) -> None:
        """Count a record that is due nowhere: on its route, or where that is none of ours, on `?`."""
        rules = self._rules_of(self._in_force(found.time_ms))
        recipient = None if route is None else rules.recipient(route)
        if route is not None and recipient is not None:
            lane = self._lane(LaneKey(route, *source), recipient)
            lane.row.recipient = recipient
            self._double(lane, found, NEVER)
            return
        agency, _ = topics.agency_of(found.place.topic)
        lane = self._lane(LaneKey(f"{STRAY}{found.place.topic}", *source), agency)
        self._double(lane, found, "no delivery: its route or origin cannot be read or is none of ours")

    def _double(self, lane: LaneBook, found: Found, why: str) -> None:
        place = (*found.place, found.offset)
        self._copies.add(place)
        origin = Origin(lane.row.topic, lane.row.partition, found.origin)
        edition = self._in_force(found.time_ms)
        if self._faults.note(Fault(lane.row.route, "doubled", origin, edition, found.time_ms, place, why)):
            lane.row.doubled += 1
            lane.touch()

    # -- what is carried over a restart

    def _dump(self) -> carry.Carried:
        lanes = {lane.key: kept for lane in self._lanes.values() if (kept := lane.dump()) is not None}
        return carry.Carried(
            intakes={place: book.dump() for place, book in self._intakes.items()},
            lanes=lanes,
            faults=self._faults.dump(),
            next=self._next,
            removed=self._removed,
            committed=self._committed,
            copies=sorted(self._copies),
            rejections=self._rejections,
            explanations=self._explanations,
            replays=self._replays,
        )

    def _load(self, carried: carry.Carried) -> None:
        for place, kept in carried.intakes.items():
            self._intake(place).load(kept)
        for key, kept in carried.lanes.items():
            recipient = kept["recipient"]
            self._lane(key, recipient).load(kept)
        self._faults.load(carried.faults)
        self._next = carried.next
        self._removed = carried.removed
        self._committed = carried.committed
        self._copies = set(carried.copies)
        self._rejections = carried.rejections
        self._explanations = carried.explanations
        self._replays = carried.replays


@lru_cache(maxsize=65_536)
def _source(prefix: bytes) -> Place | None:
    """Return the source partition that an origin without its offset names, None if it is no outbox's."""
    try:
        origin = Origin.parse(f"{prefix.decode()}/0")
    except (ContractError, UnicodeDecodeError):
        return None
    return Place(origin.topic, origin.partition) if origin.partition < _MOST_PARTITION else None


def _named(origin: bytes | None) -> tuple[bytes, int] | None:
    """Return the source partition, as written, and the offset that a `hub-origin` names; None: no origin."""
    if origin is None:
        return None
    prefix, _, digits = origin.rpartition(b"/")
    if not digits.isdigit() or len(digits) > 19 or (digits[0] == 48 and len(digits) > 1):
        return None
    offset = int(digits)
    return (prefix, offset) if offset < _MOST_OFFSET and _source(prefix) is not None else None


def _number(seq: bytes | None) -> int:
    """Return a `hub-seq`, -1 where it is none."""
    if seq is None or not seq.isdigit() or len(seq) > _MOST_SEQ_DIGITS or seq[0] == 48:
        return -1
    return int(seq)


def _inbox(recipient: str) -> str:
    return topics.inbox(AgencyCode(recipient))


def _copied(row: Lane) -> Lane:
    return replace(row, months=dict(row.months))


def _counts(row: Lane) -> bool:
    """Say whether a lane has anything to show."""
    return bool(row.accepted or row.before or row.doubled)
