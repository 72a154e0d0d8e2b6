"""Parked events from hub.parked, and what replays them: their originals, from the outboxes where need be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.broker.desk import places
from hub.contracts import topics
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.parked import replay
from hub.parked.events import ParkedEvent
from hub.parked.outgoing import Outgoing
from hub.parked.replay import Wanted
from hub.settings import Settings


def records(settings: Settings, events: Iterable[ParkedEvent]) -> Iterator[tuple[ParkedEvent, Record]]:
    """Yield each event with its record of hub.parked, in no promised order; those not found are left out.

    Raises BrokerUnavailableError or BrokerError.
    """
    wanted = {(topics.PARKED, each.partition, each.offset): each for each in events}
    for record in places.fetch(settings, wanted):
        yield wanted[places.place_of(record)], record


def replay_of(settings: Settings, record: Record) -> Outgoing:
    """Return what replays a parked record; ContractError where its original is not to be had any more."""
    found = replay.original(record)
    if isinstance(found, Record):
        return replay.replay(found)
    return replay.replay(_original(settings, found), found.routes)


def _original(settings: Settings, wanted: Wanted) -> Record:
    origin = wanted.origin
    for record in places.fetch(settings, [(origin.topic, origin.partition, origin.offset)]):
        replay.check(record, wanted)
        return record
    raise ContractError(
        f"{origin} is no longer in its outbox, and hub.parked does not hold it whole:",
        do="ask the source to send the event again, and discard this one.",
    )
