"""One delivery of the window's inbox as one row of the feed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.jsonform import to_json
from hub.contracts.origin import Origin
from hub.errors import ContractError

_AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of an inbox as the broker gave it; `appended_ms` is the broker's clock, ms since 1970."""

    partition: int
    offset: int
    appended_ms: int
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class FeedRow:
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
    headers = envelope.text_headers(record.headers)
    contract, raw = codec.decode(record.value)
    data = to_json(contract, raw)
    try:
        origin = Origin.parse(headers[envelope.ORIGIN])
        agency, subsystem = envelope.agency_of_source(headers["ce_source"])
        masked = headers.get(envelope.MASKED)
        made = FeedRow(
            partition=record.partition,
            offset=record.offset,
            appended_at=_EPOCH + timedelta(milliseconds=record.appended_ms),
            route=headers[envelope.ROUTE],
            seq=int(headers[envelope.SEQ]),
            origin_topic=origin.topic,
            origin_partition=origin.partition,
            origin_offset=origin.offset,
            accepted_at=headers[envelope.ACCEPTED_AT],
            agreement=headers[envelope.AGREEMENT],
            purpose=headers.get(envelope.PURPOSE),
            event_id=headers["ce_id"],
            source=headers["ce_source"],
            agency=agency,
            subsystem=subsystem,
            type=headers["ce_type"],
            time=headers["ce_time"],
            event_time=moment(headers["ce_time"]),
            subject=headers.get("ce_subject"),
            caseid=headers.get("ce_caseid"),
            causationid=headers.get("ce_causationid"),
            channel=headers.get("ce_channel"),
            masked=masked.split(",") if masked else [],
            schema_id=contract.id,
            data=_AS_JSON(data),
        )
    except KeyError as missing:
        raise ContractError(f"the delivery has no header {missing.args[0]}.") from None
    except ValueError:
        raise ContractError("the delivery has a header or a number that cannot be read.") from None
    return made, data


def moment(text: str) -> datetime:
    """Return an RFC 3339 time in UTC; beyond UTC's years 1 to 9999, their first or last moment.

    Raises ValueError if the text is no time with an offset.
    """
    local = datetime.fromisoformat(text)
    if local.tzinfo is None:
        raise ValueError(text)
    try:
        return local.astimezone(UTC)
    except OverflowError:
        return _FIRST if local.year == 1 else _LAST
