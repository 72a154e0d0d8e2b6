"""What a replay looks like on the hub's outbox: the original, byte for byte, and what it replays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from hub.contracts import envelope, topics
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.parked.events import Stamped, stamped
from hub.parked.outgoing import Outgoing

_OUTBOX = topics.outbox(topics.HUB)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The original is not in hub.parked as it was; the outbox may still have it, at `origin`.

    `digest` (`sha-256:<hex>` of the value) tells whether it is the same; `routes` are those that the replay
    keeps to: the one of a single delivery that was parked, else none, which means all.
    """

    origin: Origin
    digest: str | None = None
    routes: tuple[str, ...] = ()


def original(record: Record) -> Record | Wanted:
    """Return the original of a parked record as it stood on its outbox, or where to look for it.

    A too-large event was parked with a piece of its value; a processor parked a delivery, which is masked: to
    replay that, the event itself has to pass the gate again. Raises ContractError where nothing can be
    replayed.
    """
    found = stamped(record)
    if found.origin.kind == "inbox":
        return _of_delivery(found)
    origin = Origin.parse(str(found.origin))
    if found.reason == "too-large":
        digest = found.last(envelope.DIGEST)
        if digest is None:
            raise ContractError(f"the parked record has no header {envelope.DIGEST}.")
        return Wanted(origin, digest=digest)
    return Record(
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=found.headers,
    )


def check(record: Record, wanted: Wanted) -> None:
    """Raise ContractError unless a record of the outbox is the original that was wanted."""
    digest = f"sha-256:{hashlib.sha256(record.value or b'').hexdigest()}"
    if wanted.digest not in (None, digest):
        raise ContractError(f"{record.origin} holds another value than the one that was parked.")
    if not record.readable:
        raise ContractError(f"{record.origin} has a header whose name is no UTF-8; it cannot be sent again.")


def replay(record: Record, routes: Iterable[str] = ()) -> Outgoing:
    """Return the record of the hub's outbox that replays an original, kept to `routes`; none: all.

    A replay that was parked again is repeated as it stood: it names what it replays already.
    """
    headers = list(record.headers)
    again = record.topic == _OUTBOX and any(name == envelope.REPLAY_OF for name, _ in headers)
    if not again:
        headers.append((envelope.REPLAY_OF, record.origin.encode()))
    named = ",".join(sorted(routes))
    if named:
        headers = [each for each in headers if not (again and each[0] == envelope.ONLY_ROUTES)]
        headers.append((envelope.ONLY_ROUTES, named.encode()))
    return Outgoing(record.key, record.value, headers)


def afresh(record: Record, routes: Iterable[str]) -> Outgoing:
    """Return the replay of an outbox record under its own place, kept to `routes`; none: all.

    Of a replay that was lost itself, the old place and routes give way to the new ones. Raises ContractError
    where the headers cannot be read.
    """
    if not record.readable:
        raise ContractError(
            "a header's name is no UTF-8, so the event cannot be copied byte for byte.",
            where=record.origin,
            do="Close the fault with --explain; its agency can send the event again.",
        )
    marks = (envelope.REPLAY_OF, envelope.ONLY_ROUTES) if record.topic == _OUTBOX else ()
    headers = [each for each in record.headers if each[0] not in marks]
    return replay(record.replace(headers=headers), routes)


def _of_delivery(found: Stamped) -> Wanted:
    origin, route = found.last(envelope.ORIGIN), found.last(envelope.ROUTE)
    if origin is None or route is None:
        raise ContractError("the parked delivery does not say where its event stands; it cannot be replayed.")
    return Wanted(Origin.parse(origin), routes=(route,))
