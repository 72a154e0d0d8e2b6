"""What a replay looks like on the hub's outbox: the original, byte for byte, and what it replays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hub.contracts import envelope, topics
from hub.contracts.envelope import Headers
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.parked.events import Stamped, stamped


@dataclass(frozen=True, slots=True)
class Replay:
    """Key, value and headers to append to the hub's outbox."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Wanted:
    """The original is not in hub.parked as it was; the outbox may still have it, at `origin`.

    `digest` (`sha-256:<hex>` of the value) tells whether it is the same; `only_route` is the one route that
    the replay may take, where a single delivery was parked.
    """

    origin: Origin
    digest: str | None = None
    only_route: str | None = None


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


def replay(record: Record, only_route: str | None = None) -> Replay:
    """Return the record of the hub's outbox that replays an original, perhaps on one route only.

    A replay that was parked again is repeated as it stood: it names what it replays already.
    """
    headers = list(record.headers)
    on_hubs = record.topic == topics.outbox(topics.HUB)
    again = on_hubs and any(name == envelope.REPLAY_OF for name, _ in headers)
    if not again:
        headers.append((envelope.REPLAY_OF, record.origin.encode()))
    if only_route is not None:
        headers = [each for each in headers if not (again and each[0] == envelope.ONLY_ROUTES)]
        headers.append((envelope.ONLY_ROUTES, only_route.encode()))
    return Replay(record.key, record.value, headers)


def _of_delivery(found: Stamped) -> Wanted:
    origin, route = found.last(envelope.ORIGIN), found.last(envelope.ROUTE)
    if origin is None or route is None:
        raise ContractError("the parked delivery does not say where its event stands; it cannot be replayed.")
    return Wanted(Origin.parse(origin), only_route=route)
