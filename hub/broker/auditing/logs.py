"""Every log that the audit reads, cut by cut (docs/decisions/0009-the-audits-cut.md).

One cut: what the gate has committed on every outbox; then where every inbox, hub.parked and the receipts end;
then all of these to there, merged in the broker's time order, and the outboxes as far as receipts and the cut
allow. What belongs to a committed offset was appended before that offset became visible, so it lies below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from hub.audit.account import Account
from hub.audit.books import Place
from hub.broker.auditing.asking import Questions
from hub.broker.auditing.editions import EditionLog
from hub.broker.auditing.reader import Reader
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.settings import Settings

Idle = Callable[[], None]
"""Called whenever nothing came for a moment; what it raises ends the reading, and nothing is lost."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut: when it was taken, the source positions, and how far every log is read for it."""

    as_of: datetime
    places: Mapping[Place, int]
    ends: Mapping[Place, int]
    outbox_ends: Mapping[Place, int]
    lows: Mapping[Place, int]


class Logs:
    """The logs, and how far each was given to the account. Not for two threads at once.

    Methods that reach the broker raise BrokerUnavailableError or BrokerError. Call them again then: nothing
    is given twice and nothing is left out.
    """

    def __init__(self, settings: Settings, questions: Questions, editions: EditionLog, idle: Idle) -> None:
        self._questions = questions
        self._editions = editions
        self._outboxes = Reader(settings, "outboxes", idle)
        self._others = Reader(settings, "logs", idle)
        self._cut: dict[Place, int] = {}
        self._owed: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._given: dict[Place, int] = {}
        self._warned: set[Place] = set()
        self._begun: set[Place] = set()
        self._places: dict[tuple[str, int], Place] = {}

    @property
    def positions(self) -> dict[Place, int]:
        """The next offset of every log; good to go on from when nothing is owed."""
        return self._outboxes.positions | self._others.positions

    @property
    def awaited(self) -> list[str]:
        """The partitions that the reading waits for, as text for the log."""
        places = self._outboxes.awaited | self._others.awaited
        return [f"{topic}/{partition}" for topic, partition in sorted(places)]

    def follow(self, positions: Mapping[Place, int], cut: Mapping[Place, int]) -> None:
        """Go on where an earlier process left off."""
        self._cut.update(cut)
        self._outboxes.follow({place: at for place, at in positions.items() if kind_of(place) == "outbox"})
        self._others.follow({place: at for place, at in positions.items() if kind_of(place) != "outbox"})
        self._begun.update(self._others.positions)

    def take_cut(self, account: Account, *, first: bool) -> Cut:
        """Take a cut, following what is new; `first`: the audit has never seen anything before."""
        as_of = datetime.now(UTC)
        outboxes = list(self._outboxes.positions) or _places(self._questions.partitions(), "outbox")
        committed = self._questions.committed({topics.GATE_GROUP: outboxes}) if outboxes else {}
        # Topics are listed afterwards: what the gate committed may have gone to an inbox that is this new.
        there = self._questions.partitions()
        self._forget_gone(there)
        self._begin_outboxes(account, _places(there, "outbox"), committed, first=first)
        self._begin_others(account, there)
        for place in self._outboxes.positions:
            self._cut[place] = max(self._cut.get(place, 0), committed.get(place, 0))
        lows = self._questions.lows(self._others.positions)
        ends = self._questions.highs(self._others.positions)
        self._editions.catch_up()
        outbox_ends = self._questions.ends(self._outboxes.positions)
        self._warn_of_shrunken(outbox_ends | ends)
        return Cut(as_of, dict(self._cut), ends, outbox_ends, lows)

    def read(self, cut: Cut, account: Account, between: Callable[[], None]) -> None:
        """Give the account all of one cut and let it judge; `between` is called wherever all is settled."""
        self._settle(cut, account)
        for record in self._others.merged(cut.ends):
            self._give(record, cut, account)
            between()
        for place in cut.places.keys() & self._outboxes.positions.keys():
            self._outbox(place, cut.places[place], cut, account)
        account.close(cut.places)
        self._ask_recipients(cut, account)

    def close(self) -> None:
        """Leave the broker."""
        self._outboxes.close()
        self._others.close()

    def _give(self, record: Record, cut: Cut, account: Account) -> None:
        place = self._place(record.topic, record.partition)
        self._given[place] = record.offset + 1
        kind = kind_of(place)
        if kind == "inbox":
            account.delivery(record)
        elif kind == "parked":
            account.parked(record)
        else:
            progress = account.receipt(record)
            if progress is not None:
                self._owed[progress.place] = max(progress.next, self._owed.get(progress.place, 0))
                self._settle(cut, account)

    def _place(self, topic: str, partition: int) -> Place:
        """Return a place; each is made once."""
        name = (topic, partition)
        return self._places.get(name) or self._places.setdefault(name, Place(topic, partition))

    def _settle(self, cut: Cut, account: Account) -> None:
        """Give the outboxes' records that receipts speak of, and have them judged."""
        for place, next_ in list(self._owed.items()):
            if place in cut.outbox_ends:
                end = min(next_, cut.outbox_ends[place])
                self._outbox(place, end, cut, account)
                account.judge(place, end)
            del self._owed[place]

    def _outbox(self, place: Place, end: int, cut: Cut, account: Account) -> None:
        """Give an outbox's records below an end; say what retention took before they could be read."""
        end = min(end, cut.outbox_ends[place])
        expected = self._outboxes.position(place)
        for record in self._outboxes.upto(place, end):
            if record.offset > expected:
                self._gap(place, expected, record.offset, account)
            account.outbox(record)
            expected = record.offset + 1
        if expected < end:
            self._gap(place, expected, end, account)

    def _gap(self, place: Place, expected: int, next_: int, account: Account) -> None:
        """Look into a gap in offsets: transactions leave harmless ones, retention takes records."""
        low = self._questions.lows([place])[place]
        if low > expected:
            account.removed(place, min(low, next_), self._cut.get(place, 0))

    def _begin_outboxes(
        self, account: Account, there: list[Place], committed: Mapping[Place, int], *, first: bool
    ) -> None:
        lows = self._questions.lows(there)
        news = [place for place in there if place not in self._outboxes.positions]
        # Where retention was quicker than the gate, the audit begins where the gate stands, and says so.
        starts = {place: min(lows[place], committed.get(place, lows[place])) for place in news}
        for place, start in starts.items():
            account.begin(place, start, first=first)
            self._cut[place] = start
        self._outboxes.follow(starts)
        behind = [place for place in there if self._outboxes.position(place) < lows[place]]
        # Asked again after the low watermarks: what the gate has not committed now, retention took unread.
        gate = self._questions.committed({topics.GATE_GROUP: behind}) if behind else {}
        for place in behind:
            low, gate_next = lows[place], max(gate.get(place, 0), self._cut[place])
            if gate_next < low or self._outboxes.stands_before(place, low):
                account.removed(place, low, gate_next)
                self._outboxes.skip(place, low)

    def _begin_others(self, account: Account, there: Mapping[str, int]) -> None:
        news = [
            place
            for kind in ("inbox", "receipts", "parked")
            for place in _places(there, kind)
            if place not in self._begun
        ]
        lows = self._questions.lows(news)
        self._others.follow(lows)
        tell_beginnings(account, self._questions, self._others, lows)
        self._begun.update(news)

    def _ask_recipients(self, cut: Cut, account: Account) -> None:
        """Ask the groups that have not passed all that was given; low watermarks were asked for before."""
        groups: dict[str, list[Place]] = {}
        for place, given in self._given.items():
            if kind_of(place) == "inbox" and self._committed.get(place, -1) < given:
                groups.setdefault(group_of(place), []).append(place)
        for place, offset in self._questions.committed(groups).items():
            self._committed[place] = max(offset, self._committed.get(place, 0))
        lows = {place: low for place, low in cut.lows.items() if kind_of(place) == "inbox"}
        account.recipients(self._committed, lows)

    def note_committed(self, committed: Mapping[Place, int], given: Mapping[Place, int]) -> None:
        """After a restart: what groups have committed, and how far inboxes were given before."""
        self._committed.update(committed)
        self._given.update(given)

    def _forget_gone(self, there: Mapping[str, int]) -> None:
        """Topics that were taken away keep their figures, and are asked for no more."""
        for reader in (self._outboxes, self._others):
            gone = [place for place in reader.positions if place.partition >= there.get(place.topic, 0)]
            if gone:
                names = sorted({place.topic for place in gone})
                structlog.get_logger().warning("topics are gone", topics=names)
                reader.drop(gone)
                self._begun.difference_update(gone)
        for place in [each for each in self._given if each.partition >= there.get(each.topic, 0)]:
            del self._given[place]

    def _warn_of_shrunken(self, ends: Mapping[Place, int]) -> None:
        positions = self.positions
        for place in sorted(each for each, end in ends.items() if end < positions[each]):
            if place not in self._warned:
                self._warned.add(place)
                structlog.get_logger().error(
                    "a log ends before the place where the audit stands: was the topic made anew?",
                    topic=place.topic,
                    partition=place.partition,
                    end=ends[place],
                    position=positions[place],
                )


def tell_beginnings(
    account: Account, questions: Questions, reader: Reader, lows: Mapping[Place, int]
) -> None:
    """Tell the account where logs begin and when their oldest record came; `reader` stands there."""
    told = {place: low for place, low in lows.items() if kind_of(place) in ("inbox", "parked")}
    heads = reader.heads(questions.ends([place for place, low in told.items() if low > 0]))
    for place, low in told.items():
        account.inbox_began(place, low, heads[place].timestamp if place in heads else None)


def kind_of(place: Place) -> str:
    """Return `outbox`, `inbox`, `receipts` or `parked`; empty for any other topic."""
    if place.topic == topics.PARKED:
        return "parked"
    return _kinds.get(place.topic) or _kinds.setdefault(place.topic, _kind(place.topic))


def group_of(inbox: Place) -> str:
    """Return the consumer group whose commits count for an inbox."""
    return topics.group(AgencyCode(topics.agency_of(inbox.topic)[0]))


_kinds: dict[str, str] = {}


def _kind(topic: str) -> str:
    try:
        return topics.agency_of(topic)[1]
    except ContractError:
        return ""


def _places(there: Mapping[str, int], kind: str) -> list[Place]:
    return [
        Place(topic, partition)
        for topic, count in there.items()
        if kind_of(Place(topic, 0)) == kind
        for partition in range(count)
    ]
