"""A record of hub.parked, read: whose it is, why, since when. Its contents stay out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.contracts import envelope, topics
from hub.contracts.envelope import Headers
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.parked import reasons
from hub.parked.place import Place

STAMP = (envelope.REASON, envelope.DETAIL, envelope.ORIGIN, envelope.PARKED_AT)
"""The headers that parking appends; of each name the last counts, what stands before is the original's."""

_MOST_DETAIL = 600
_REASON = re.compile(r"[a-z][a-z-]{0,39}")
_MOST_JSON = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """One parked event without its contents.

    `partition` and `offset` are its place in hub.parked; `agency` is who sent it, `owner` who has to mend it;
    `replay_of` is set where a replay was parked again; `bytes` is the original's size.
    """

    partition: int
    offset: int
    origin: Place
    agency: AgencyCode
    owner: AgencyCode
    reason: str
    detail: str
    event_id: str | None
    event_type: str | None
    replay_of: str | None
    bytes: int
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class Stamped:
    """A record of hub.parked taken apart: the original's headers, and what parking said of it."""

    headers: Headers
    reason: str
    detail: str
    origin: Place
    parked_at: datetime | None

    def last(self, name: str) -> str | None:
        """Return the last of the original's headers of a name, as text."""
        values = [value for each, value in self.headers if each == name]
        return _text(values[-1]) if values else None


def stamped(record: Record) -> Stamped:
    """Take a record of hub.parked apart; raise ContractError where it was not written by parking."""
    if not record.readable:
        raise ContractError("a header's name is no UTF-8, so this was not written by the hub.")
    places: dict[str, int] = {}
    for index, (name, _) in enumerate(record.headers):
        if name in STAMP:
            places[name] = index
    if len(places) < len(STAMP):
        missing = [name for name in STAMP if name not in places]
        raise ContractError(f"the parked record has no header {', '.join(missing)}.")
    found = {name: _text(record.headers[index][1]) for name, index in places.items()}
    if not _REASON.fullmatch(found[envelope.REASON]):
        raise ContractError(f"header {envelope.REASON} of the parked record is no reason class.")
    taken = frozenset(places.values())
    return Stamped(
        headers=[each for index, each in enumerate(record.headers) if index not in taken],
        reason=found[envelope.REASON],
        detail=_plain(found[envelope.DETAIL])[:_MOST_DETAIL],
        origin=Place.parse(found[envelope.ORIGIN]),
        parked_at=_moment(found[envelope.PARKED_AT]),
    )


def read(record: Record) -> ParkedEvent:
    """Return what a record of hub.parked says; raise ContractError where it was not written by parking."""
    found = stamped(record)
    replay_of = _replay_of(found)
    agency = _agency(found, replay_of)
    event_id, event_type = _named(found, record.value)
    return ParkedEvent(
        partition=record.partition,
        offset=record.offset,
        origin=found.origin,
        agency=agency,
        owner=reasons.owner(found.reason, agency),
        reason=found.reason,
        detail=found.detail,
        event_id=event_id,
        event_type=event_type,
        replay_of=replay_of,
        bytes=_size(record, found),
        parked_at=found.parked_at or _EPOCH + timedelta(milliseconds=max(record.timestamp, 0)),
    )


def _replay_of(found: Stamped) -> str | None:
    """Return what the original replayed: true on the hub's outbox, and where the gate passed it on."""
    if found.origin.kind == "outbox" and found.origin.agency != topics.HUB:
        return None
    text = found.last(envelope.REPLAY_OF)
    return text if text is not None and _origin(text) is not None else None


def _agency(found: Stamped, replay_of: str | None) -> AgencyCode:
    """Return who sent the event: the owner of the outbox where it first stood."""
    first = _origin(replay_of) if replay_of is not None else None
    if first is None and found.origin.kind == "inbox":
        first = _origin(found.last(envelope.ORIGIN) or "")
    return first.agency if first is not None else found.origin.agency


def _origin(text: str) -> Origin | None:
    try:
        return Origin.parse(text)
    except ContractError:
        return None


def _named(found: Stamped, value: bytes | None) -> tuple[str | None, str | None]:
    """Return event id and type, where they can be read and are sane."""
    if envelope.is_structured(found.headers):
        body = _document(value)
        return _sane(body.get("id")), _sane(body.get("type"))
    return _header(found.headers, "ce_id"), _header(found.headers, "ce_type")


def _header(headers: Headers, name: str) -> str | None:
    values = [value for each, value in headers if each == name]
    return _sane(_text(values[0])) if len(values) == 1 else None


def _document(value: bytes | None) -> dict[str, object]:
    if value is None or len(value) > _MOST_JSON:
        return {}
    try:
        body = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _sane(text: object) -> str | None:
    if not isinstance(text, str) or not 0 < len(text) <= envelope.MAX_ATTRIBUTE_CHARS:
        return None
    return text if text.isprintable() else None


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _size(record: Record, found: Stamped) -> int:
    told = found.last(envelope.SIZE) if found.reason == "too-large" else None
    if told is not None and told.isascii() and told.isdigit() and len(told) < 19:
        return int(told)
    size = len(record.key or b"") + len(record.value or b"")
    return size + sum(len(name) + len(value or b"") for name, value in found.headers)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
