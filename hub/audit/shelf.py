"""The shelf: every intake and lane that the audit keeps, found by the names that records give them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from hub.audit.books import Intake, Lane, LaneKey, Place
from hub.audit.ground import Ground
from hub.audit.intakes import IntakeBook
from hub.audit.lanes import Around, LaneBook
from hub.audit.rules import Term
from hub.audit.seen import Bounds
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError

STRAY = "?"
"""Before an inbox's topic: the pseudo-route of records there that name no route of ours."""

_MOST_PARTITION = 2**31
_MOST_OFFSET = 2**63
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class Shelf:
    """Intakes by source partition, lanes by route and source partition; and what is known of the logs' edges.

    `sizes`: partitions of each topic; `removed`: of inboxes that do not begin at 0 their oldest offset and
    that record's time.
    """

    def __init__(self, ground: Ground, bounds: Bounds, around: Around) -> None:
        self._ground = ground
        self._bounds = bounds
        self._around = around
        self._places: dict[tuple[str, int], Place] = {}
        self._named: dict[tuple[bytes, bytes], LaneBook] = {}
        self.intakes: dict[Place, IntakeBook] = {}
        self.lanes: dict[LaneKey, LaneBook] = {}
        self.sizes: dict[str, int] = {}
        self.removed: dict[Place, tuple[int, int | None]] = {}

    def place(self, record: Record) -> Place:
        """Return a record's place."""
        name = (record.topic, record.partition)
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = Place(*name)
        return place

    def intake(self, place: Place) -> IntakeBook:
        """Return the book of a source partition, a new one if need be."""
        book = self.intakes.get(place)
        if book is None:
            book = self.intakes[place] = IntakeBook(Intake(*place), self._around.faults, self._bounds)
        return book

    def put(self, intake: Intake) -> None:
        """Take back an intake that was saved."""
        row = replace(intake, parked=dict(intake.parked))
        place = Place(intake.topic, intake.partition)
        self.intakes[place] = IntakeBook(row, self._around.faults, self._bounds)

    def put_lane(self, lane: Lane) -> None:
        """Take back a lane that was saved; its intake, if it has one, was taken before."""
        inbox = Place(inbox_of(lane.recipient), lane.inbox_partition) if lane.accepted else None
        source = self.intake(Place(lane.topic, lane.partition))
        book = LaneBook(copied(lane), source, self._around, inbox)
        book.unplaced = lane.pending
        self.lanes[book.key] = book

    def lane(self, key: LaneKey, recipient: AgencyCode) -> LaneBook:
        """Return a lane, a new one if need be."""
        lane = self.lanes.get(key)
        if lane is None:
            row = Lane(*key, recipient=recipient, inbox_partition=key.partition % self._size(recipient))
            source = self.intake(Place(key.topic, key.partition))
            lane = self.lanes[key] = LaneBook(row, source, self._around)
        return lane

    def known(self, raw_route: bytes, origin: tuple[bytes, int]) -> LaneBook | None:
        """Return the lane of a route and origin as they are written, None where there is none."""
        found = self._named.get((raw_route, origin[0]))
        if found is None:
            source = source_of(origin[0])
            route = raw_route.decode("utf-8", "replace")
            found = None if source is None else self.lanes.get(LaneKey(route, *source))
        return found

    def lane_of(self, raw_route: bytes, origin: tuple[bytes, int], inbox: Place) -> LaneBook | None:
        """Return the lane that an inbox record names; None where no route can be called so."""
        lane = self._named.get((raw_route, origin[0]))
        if lane is None:
            source = source_of(origin[0])
            try:
                route = raw_route.decode()
            except UnicodeDecodeError:
                return None
            if source is None or "/" not in route or route.startswith(STRAY) or _CONTROLS.search(route):
                return None
            lane = self.lane(LaneKey(route, *source), topics.agency_of(inbox.topic)[0])
            self._named[raw_route, origin[0]] = lane
        return lane

    def led(self, term: Term, record: Record, prefix: bytes) -> LaneBook:
        """Return the lane of a due delivery; it knows then where its deliveries belong.

        `prefix` is the record's place as an origin writes it.
        """
        recipient = term.agreement.recipient
        lane = self._named.get((term.raw_route, prefix))
        if lane is not None and lane.inbox is not None and lane.row.recipient == recipient:
            return lane
        inbox = Place(term.inbox, record.partition % self._size(recipient))
        lane = self.lane(LaneKey(term.route, *self.place(record)), recipient)
        lane.blind = lane.blind or lane.source.blind or inbox in self.removed
        lane.lead_to(inbox, recipient)
        self._named[term.raw_route, prefix] = lane
        return lane

    def began(self, place: Place, low: int, oldest_ms: int | None, next_: int) -> None:
        """Take the edge of an inbox partition, of which everything below `next_` was read."""
        self.sizes[place.topic] = max(self.sizes.get(place.topic, 0), place.partition + 1)
        if low > next_:
            self.removed[place] = (low, oldest_ms)

    def was_removed(self, inbox: Place, at_ms: int) -> bool:
        """Say whether retention may have removed a delivery before we could read it."""
        low_and_oldest = self.removed.get(inbox)
        if low_and_oldest is None:
            return False
        return low_and_oldest[1] is None or at_ms < low_and_oldest[1]

    def parked_removed(self, book: IntakeBook) -> bool:
        """Say whether records of hub.parked may be gone that belong to an intake."""
        return book.blind and any(place.topic == topics.PARKED for place in self.removed)

    def is_closed(self, origin: Origin) -> bool:
        """Say whether an origin lies below the last cut."""
        book = self.intakes.get(Place(origin.topic, origin.partition))
        return book is not None and origin.offset < book.closed

    def _size(self, recipient: AgencyCode) -> int:
        """Return how many partitions an agency's inbox has."""
        known = self.sizes.get(inbox_of(recipient))
        if known is None:
            agency = self._ground.newest.registry.agencies.get(recipient)
            known = topics.DEFAULT_PARTITIONS if agency is None else agency.partitions
        return known


@lru_cache(maxsize=65_536)
def source_of(prefix: bytes) -> Place | None:
    """Return the source partition that an origin without its offset names, None if it is no outbox's."""
    try:
        origin = Origin.parse(f"{prefix.decode()}/0")
    except (ContractError, UnicodeDecodeError):
        return None
    return Place(origin.topic, origin.partition) if origin.partition < _MOST_PARTITION else None


def named(origin: bytes | None) -> tuple[bytes, int] | None:
    """Return the source partition, as written, and the offset that a `hub-origin` names; None: no origin."""
    if origin is None:
        return None
    prefix, _, digits = origin.rpartition(b"/")
    if not digits.isdigit() or len(digits) > 19 or (digits[0] == 48 and len(digits) > 1):
        return None
    offset = int(digits)
    return (prefix, offset) if offset < _MOST_OFFSET and source_of(prefix) is not None else None


def inbox_of(recipient: str) -> str:
    """Return an agency's inbox."""
    return topics.inbox(AgencyCode(recipient))


def copied(row: Lane) -> Lane:
    """Return a copy of a lane that shares nothing with it."""
    return replace(row, months=dict(row.months))
