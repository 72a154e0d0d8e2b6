"""The records of `hub.ledger`: how far the gate is in each source partition, what it accepted per route.

Written by the gate in the transaction of each batch, read by the gate itself on assignment, by the ledger's
readers and by the audit. Keys are text, values JSON objects; all records of one source partition
live in one ledger partition, so that reading that partition to its end gives one consistent cut.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.contracts.names import AgreementId, EventType, RouteId, agreement_id, event_type, route_id
from hub.errors import ContractError

_POSITION = "position"
_ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source partition is decided, and the counts by verdict since its first event.

    `next` is the offset of the next record to decide and equals the gate group's committed offset;
    `registry` is the version of the agency registry that the last batch was decided by.
    read = routed + unclaimed + duplicate + sum(parked). `expired` counts the places that retention removed
    before the gate read them; they are not in `read`.
    """

    topic: str
    partition: int
    next: int
    registry: int
    read: int = 0
    routed: int = 0
    unclaimed: int = 0
    duplicate: int = 0
    parked: Mapping[str, int] = field(default_factory=dict)
    expired: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every event read has exactly one verdict."""
        return self.read == self.routed + self.unclaimed + self.duplicate + sum(self.parked.values())

    @property
    def key(self) -> bytes:
        """The Kafka key of this record."""
        return f"{_POSITION}/{self.topic}/{self.partition}".encode()

    def value(self) -> bytes:
        """Return the Kafka value of this record."""
        return _json(
            {
                "next": self.next,
                "registry": self.registry,
                "read": self.read,
                "routed": self.routed,
                "unclaimed": self.unclaimed,
                "duplicate": self.duplicate,
                "parked": dict(self.parked),
                "expired": self.expired,
            }
        )


@dataclass(frozen=True, slots=True)
class RouteCount:
    """How many events of one source partition were accepted on one route: the last `hub-seq` given.

    `agreement_version` is the version of the agreement (`<id>@<version>`) that the last was accepted under.
    """

    agreement: AgreementId
    event_type: EventType
    topic: str
    partition: int
    seq: int
    agreement_version: int

    @property
    def route(self) -> RouteId:
        """The route, `<agreement>/<event type>`."""
        return route_id(self.agreement, self.event_type)

    @property
    def key(self) -> bytes:
        """The Kafka key of this record."""
        return f"{_ROUTE}/{self.agreement}/{self.event_type}/{self.topic}/{self.partition}".encode()

    def value(self) -> bytes:
        """Return the Kafka value of this record."""
        return _json({"seq": self.seq, "agreement": f"{self.agreement}@{self.agreement_version}"})


def ledger_partition(topic: str, partition: int, partitions: int) -> int:
    """Return the ledger partition (of `partitions`) that holds every record of a source partition."""
    return zlib.crc32(f"{topic}/{partition}".encode()) % partitions


def parse(key: bytes, value: bytes) -> Position | RouteCount:
    """Read one record of `hub.ledger` (no tombstone); raise ContractError when it is none."""
    try:
        parts = key.decode().split("/")
        body = json.loads(value)
        if parts[0] == _POSITION:
            return _position(parts, body)
        if parts[0] == _ROUTE:
            return _route(parts, body)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        pass
    raise ContractError(f"{key[:200]!r} is no record of the ledger.")


def _position(parts: list[str], body: dict[str, Any]) -> Position:
    _, topic, partition = parts
    return Position(
        topic=topic,
        partition=int(partition),
        next=int(body["next"]),
        registry=int(body["registry"]),
        read=int(body["read"]),
        routed=int(body["routed"]),
        unclaimed=int(body["unclaimed"]),
        duplicate=int(body["duplicate"]),
        parked={str(reason): int(count) for reason, count in body["parked"].items()},
        expired=int(body.get("expired", 0)),
    )


def _route(parts: list[str], body: dict[str, Any]) -> RouteCount:
    _, agreement, type_, topic, partition = parts
    agreed, version = str(body["agreement"]).rsplit("@", 1)
    if agreed != agreement:
        raise ValueError(agreed)
    return RouteCount(
        agreement=agreement_id(agreement),
        event_type=event_type(type_),
        topic=topic,
        partition=int(partition),
        seq=int(body["seq"]),
        agreement_version=int(version),
    )


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
