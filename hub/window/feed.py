"""One delivery of the window's inbox as one row of the feed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hub.contracts import delivery
from hub.contracts.codec import Codec
from hub.contracts.jsonform import to_json
from hub.contracts.moments import moment, of_millis
from hub.errors import ContractError

_AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Record(NamedTuple):
    """One record of an inbox as the broker gave it; `appended_ms` is the broker's clock, ms since 1970."""

    partition: int
    offset: int
    appended_ms: int
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None


class FeedRow(NamedTuple):
    """One row of the feed: the columns of `hub.store.tables.feed`, in their order; `data` is JSON text."""

    partition: int
    offset: int
    appended_at: datetime
    route: str
    seq: int
    origin_topic: str
    origin_partition: int
    origin_offset: int
    accepted_at: str
    agreement: str
    purpose: str | None
    event_id: str
    source: str
    agency: str
    subsystem: str | None
    type: str
    time: str
    event_time: datetime
    subject: str | None
    caseid: str | None
    causationid: str | None
    channel: str | None
    masked: list[str]
    schema_id: int
    data: str


def row(record: Record, codec: Codec) -> tuple[FeedRow, dict[str, Any]]:
    """Return the feed row of a delivery, and its data as plain JSON.

    Raises ContractError when the record is no delivery of the gate's: a header missing, a value that cannot
    be decoded. The text holds no header value.
    """
    contract, raw = codec.decode(record.value)
    data = to_json(contract, raw)
    found = delivery.read(record.headers)
    try:
        event_time = moment(found.time)
    except ValueError:
        raise ContractError("the delivery has a header or a number that cannot be read.") from None
    made = FeedRow(
        partition=record.partition,
        offset=record.offset,
        appended_at=of_millis(record.appended_ms),
        route=found.route,
        seq=found.seq,
        origin_topic=found.origin.topic,
        origin_partition=found.origin.partition,
        origin_offset=found.origin.offset,
        accepted_at=found.accepted_at,
        agreement=found.agreement,
        purpose=found.purpose,
        event_id=found.id,
        source=found.source,
        agency=found.agency,
        subsystem=found.subsystem,
        type=found.type,
        time=found.time,
        event_time=event_time,
        subject=found.subject,
        caseid=found.caseid,
        causationid=found.causationid,
        channel=found.channel,
        masked=list(found.masked),
        schema_id=contract.id,
        data=_AS_JSON(data),
    )
    return made, data
