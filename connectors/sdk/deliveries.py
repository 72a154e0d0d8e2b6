"""A delivery as a recipient reads it: the event, and what the hub says about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import RouteId
from hub.errors import ContractError

_ORIGIN = re.compile(r"(\S+)/(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """The place of the event on its source's outbox."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read `topic/partition/offset`; raise ContractError."""
        match = _ORIGIN.fullmatch(text)
        if match is None:
            raise ContractError(f"header {envelope.ORIGIN} is not topic/partition/offset.")
        return cls(match[1], int(match[2]), int(match[3]))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on this agency's inbox.

    `data` is decoded with the schema it was written with (masked fields carry their default and are named in
    `masked`); `seq` counts the deliveries of `route` from one partition of the source, from 1, without a gap;
    `accepted_at` is the gate's clock, `appended_ms` the broker's (milliseconds since 1970 UTC).
    """

    topic: str
    partition: int
    offset: int
    appended_ms: int
    envelope: Envelope
    data: dict[str, Any]
    schema_version: int
    route: RouteId
    agreement: str
    purpose: str
    seq: int
    origin: Origin
    accepted_at: str
    masked: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it lies on the inbox."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def read(record: Any, codec: Codec) -> Delivery:
    """Read a delivery from a kafka-python record; raise ContractError if it is none."""
    told, own = _split(record.headers)
    contract, data = codec.decode(record.value)
    return Delivery(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_ms=record.timestamp,
        envelope=envelope.read_headers(own),
        data=data,
        schema_version=contract.version,
        route=RouteId(_need(told, envelope.ROUTE)),
        agreement=_need(told, envelope.AGREEMENT),
        purpose=_need(told, envelope.PURPOSE),
        seq=_number(_need(told, envelope.SEQ)),
        origin=Origin.parse(_need(told, envelope.ORIGIN)),
        accepted_at=_need(told, envelope.ACCEPTED_AT),
        masked=tuple(filter(None, told.get(envelope.MASKED, "").split(","))),
    )


def _split(headers: Sequence[tuple[str, bytes]]) -> tuple[dict[str, str], list[tuple[str, bytes | None]]]:
    told: dict[str, str] = {}
    own: list[tuple[str, bytes | None]] = []
    for name, value in headers:
        if name.startswith("hub-"):
            told[name] = value.decode("utf-8", "replace")
        else:
            own.append((name, value))
    return told, own


def _need(told: dict[str, str], name: str) -> str:
    try:
        return told[name]
    except KeyError:
        raise ContractError(f"header {name} is missing: this is no delivery of the hub.") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ContractError(f"header {envelope.SEQ} is no number.")
    return int(text)
