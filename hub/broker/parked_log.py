"""Fetching parked records from hub.parked, and originals from the outboxes, by their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from confluent_kafka import Message

from hub.broker.records import record_of
from hub.broker.tail import Place as Partition
from hub.broker.tail import Tail
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.parked import acts, replay
from hub.parked.acts import Decision, Request, Settlement
from hub.parked.events import ParkedEvent
from hub.parked.place import Place
from hub.parked.replay import Replay, Wanted
from hub.settings import Settings

_NAME = "parked"


def reads_as(settings: Settings) -> str:
    """Return the principal to read as; its consumer groups begin with its own name."""
    return settings.kafka.username or topics.READER_PRINCIPAL


class ParkedLog:
    """Reads what a decision on parked events needs, as the principal of the login, else as hub.reader."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._principal = reads_as(settings)
        self._codec = Codec(Contracts.load())

    def records(self, events: Iterable[ParkedEvent]) -> Iterator[tuple[ParkedEvent, Record]]:
        """Yield each event with its record of hub.parked, in no promised order; those not found are left out.

        Raises BrokerUnavailableError or BrokerError.
        """
        wanted = {(each.partition, each.offset): each for each in events}
        places = {(topics.PARKED, partition, offset) for partition, offset in wanted}
        for record in self._fetch(places):
            yield wanted[record.partition, record.offset], record

    def replay_of(self, record: Record) -> Replay:
        """Return what replays a parked record; ContractError where its original is not to be had any more."""
        found = replay.original(record)
        if isinstance(found, Record):
            return replay.replay(found)
        return replay.replay(self._original(found), found.only_route)

    def history(self) -> History:
        """Read the hub's outbox to its end: everything that was settled, asked and decided by now."""
        history = History()
        outbox = topics.outbox(topics.HUB)
        with closing(Tail(self._settings, self._principal, _NAME)) as tail:
            count = tail.partitions().get(outbox, 0)
            tail.follow_all([(outbox, each) for each in range(count)])
            for message in tail.to_end():
                history.take(message, self._codec)
        return history

    def _original(self, wanted: Wanted) -> Record:
        origin = wanted.origin
        for record in self._fetch([(origin.topic, origin.partition, origin.offset)]):
            replay.check(record, wanted)
            return record
        raise ContractError(
            f"{origin} is no longer in its outbox, and hub.parked does not hold it whole:",
            do="ask the source to send the event again, and discard this one.",
        )

    def _fetch(self, places: Iterable[tuple[str, int, int]]) -> Iterator[Record]:
        """Yield the records at some places, those that are still there."""
        wanted = set(places)
        starts: dict[Partition, int] = {}
        for topic, partition, offset in wanted:
            starts[topic, partition] = min(offset, starts.get((topic, partition), offset))
        with closing(Tail(self._settings, self._principal, _NAME)) as tail:
            lows = tail.lows(starts)
            wanted = {each for each in wanted if each[2] >= lows[each[0], each[1]]}
            if not wanted:
                return
            tail.follow({place: max(start, lows[place]) for place, start in starts.items()})
            for message in tail.to_end():
                record = record_of(message)
                place = (record.topic, record.partition, record.offset)
                if place in wanted:
                    wanted.discard(place)
                    yield record
                if not wanted:
                    return


class History:
    """What the hub's outbox says was done: the first settlement of each origin, requests, first decisions."""

    def __init__(self) -> None:
        self.settled: dict[Place, Settlement] = {}
        self.requests: dict[str, Request] = {}
        self.decisions: dict[str, Decision] = {}

    def take(self, message: Message, codec: Codec) -> None:
        """Take in one record of the hub's outbox; what is something else, or broken, says nothing."""
        try:
            act = acts.read(record_of(message), codec)
        except ContractError:
            return
        if isinstance(act, Settlement):
            self.settled.setdefault(act.origin, act)
        elif isinstance(act, Request):
            self.requests.setdefault(act.request_id, act)
        elif isinstance(act, Decision):
            asked = self.requests.get(act.request_id)
            if asked is None or acts.may_decide(asked.by, act.by):
                self.decisions.setdefault(act.request_id, act)
