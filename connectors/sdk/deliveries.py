"""A delivery as a recipient reads it: the event, and what the hub says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import RouteId
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contract
from hub.errors import ContractError


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on this agency's inbox.

    `raw` is what Avro holds, decoded with the schema it was written with (masked fields carry their default
    and are named in `masked`), `data` the same as Python types. `seq` counts the deliveries of `route` from
    one partition of the source, from 1, without a gap; `accepted_at` is the gate's clock, `appended_ms` the
    broker's (milliseconds since 1970 UTC).
    """

    topic: str
    partition: int
    offset: int
    appended_ms: int
    envelope: Envelope
    raw: dict[str, Any] = field(repr=False)
    contract: Contract = field(repr=False)
    route: RouteId
    agreement: str
    purpose: str
    seq: int
    origin: Origin
    accepted_at: str
    masked: tuple[str, ...]
    codec: Codec = field(repr=False, compare=False)

    @property
    def data(self) -> dict[str, Any]:
        """The event's fields: aware `datetime`, `date`, `Decimal` …; made anew at each call."""
        return self.codec.to_python(self.contract, self.raw)

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
        raw=data,
        contract=contract,
        route=RouteId(_need(told, envelope.ROUTE)),
        agreement=_need(told, envelope.AGREEMENT),
        purpose=_need(told, envelope.PURPOSE),
        seq=_number(_need(told, envelope.SEQ)),
        origin=Origin.parse(_need(told, envelope.ORIGIN)),
        accepted_at=_need(told, envelope.ACCEPTED_AT),
        masked=tuple(filter(None, told.get(envelope.MASKED, "").split(","))),
        codec=codec,
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
