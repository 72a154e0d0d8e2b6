"""What people did with parked events, as the hub's own events say it: settlements, requests, decisions.

Four eyes: who asked for many events at once never decides on it. A request and its decision carry the case
id `hub/<request id>`, so that they stand in one partition in their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.names import EventType, source_uri
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.parked.events import ParkedEvent
from hub.parked.place import Place

REPLAYED = EventType("hub.parked.replayed.v1")
DISCARDED = EventType("hub.parked.discarded.v1")
REQUESTED = EventType("hub.parked.requested.v1")
CONFIRMED = EventType("hub.parked.confirmed.v1")
VIEWED = EventType("hub.contents.viewed.v1")

Action = Literal["replay", "discard"]
Outcome = Literal["replayed", "discarded"]
Decided = Literal["confirmed", "declined"]
OUTCOMES: dict[Action, Outcome] = {"replay": "replayed", "discard": "discarded"}

MOST_ORIGINS = 5000
"""The most events of one request: what its own event can name."""
MOST_NOTE = 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REQUEST_ID = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Settlement:
    """A parked event was replayed or discarded; `accepted_at` and `record` order those of one origin."""

    origin: Place
    state: Outcome
    by: str
    at: datetime
    note: str | None
    accepted_at: str = ""
    record: Place | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asks that many parked events be settled at once."""

    request_id: str
    action: Action
    origins: tuple[Place, ...]
    by: str
    at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Somebody confirmed or declined a request."""

    request_id: str
    decision: Decided
    by: str
    at: datetime
    note: str | None


Act = Settlement | Request | Decision


def read(record: Record, codec: Codec) -> Act | None:
    """Return what a record of the hub's inbox or outbox says about parked events; None: something else.

    Raises ContractError where it should say it and cannot be understood; the text holds no value.
    """
    headers = envelope.text_headers(record.headers)
    reader = _READERS.get(headers.get("ce_type", ""))
    if reader is None or not record.readable or envelope.REPLAY_OF in headers:
        return None
    contract, data = codec.decode(record.value)
    if contract.event_type != headers["ce_type"]:
        raise ContractError("the event's type is not its schema's.")
    return reader(headers, data)


def may_decide(requested_by: str, name: str) -> bool:
    """Say whether somebody may confirm or decline a request: anybody but who asked."""
    return name != requested_by


def settled(
    event: ParkedEvent, action: Action, by: str, at: datetime, note: str
) -> tuple[EventType, dict[str, Any]]:
    """Return type and data of the event that settles a parked event."""
    done = OUTCOMES[action]
    data = {
        "origin": str(event.origin),
        "event_id": event.event_id,
        "source_agency": event.agency,
        "reason": event.reason,
        f"{done}_by": by,
        "note": note,
        f"{done}_at": at,
    }
    return (REPLAYED if action == "replay" else DISCARDED), data


def requested(request: Request) -> tuple[EventType, dict[str, Any]]:
    """Return type and data of the event that makes a request."""
    return REQUESTED, {
        "request_id": request.request_id,
        "action": request.action,
        "origins": [str(each) for each in request.origins],
        "requested_by": request.by,
        "note": request.note,
        "requested_at": request.at,
    }


def decided(decision: Decision) -> tuple[EventType, dict[str, Any]]:
    """Return type and data of the event that decides on a request."""
    return CONFIRMED, {
        "request_id": decision.request_id,
        "decision": decision.decision,
        "decided_by": decision.by,
        "note": decision.note,
        "decided_at": decision.at,
    }


def viewed(event: ParkedEvent, by: str, at: datetime, purpose: str) -> tuple[EventType, dict[str, Any]]:
    """Return type and data of the event that says who looked at an event's contents, and what for."""
    return VIEWED, {
        "origin": str(event.origin),
        "event_id": event.event_id,
        "source_agency": event.agency,
        "event_type": event.event_type,
        "viewed_by": by,
        "viewer_agency": topics.HUB,
        "purpose": purpose,
        "viewed_at": at,
    }


def event(type_: EventType, id_: str, at: datetime, request_id: str | None = None) -> Envelope:
    """Return the envelope of an event of agency `hub`; `request_id` is the case of requests and decisions."""
    caseid = _case(request_id) if request_id is not None else None
    return Envelope(id_, source_uri(topics.HUB), type_, rfc3339(at), caseid=caseid)


def _case(request_id: str) -> str:
    return f"{topics.HUB}/{request_id}"


def _settlement(state: Outcome) -> Callable[[dict[str, str], dict[str, Any]], Settlement]:
    def read_settlement(headers: dict[str, str], data: dict[str, Any]) -> Settlement:
        record = headers.get(envelope.ORIGIN)
        return Settlement(
            origin=Place.parse(data["origin"]),
            state=state,
            by=_name(data[f"{state}_by"]),
            at=_moment(data[f"{state}_at"], headers),
            note=_note(data["note"]),
            accepted_at=headers.get(envelope.ACCEPTED_AT, ""),
            record=Place.parse(record) if record is not None else None,
        )

    return read_settlement


def _request(headers: dict[str, str], data: dict[str, Any]) -> Request:
    if data["action"] not in OUTCOMES:
        raise ContractError("the request's action is none that this version knows.")
    return Request(
        request_id=_request_id(headers, data),
        action=data["action"],
        origins=tuple(dict.fromkeys(Place.parse(each) for each in data["origins"])),
        by=_name(data["requested_by"]),
        at=_moment(data["requested_at"], headers),
        note=_note(data["note"]),
    )


def _decision(headers: dict[str, str], data: dict[str, Any]) -> Decision:
    if data["decision"] not in ("confirmed", "declined"):
        raise ContractError("the decision is none that this version knows.")
    return Decision(
        request_id=_request_id(headers, data),
        decision=data["decision"],
        by=_name(data["decided_by"]),
        at=_moment(data["decided_at"], headers),
        note=_note(data["note"]),
    )


def _request_id(headers: dict[str, str], data: dict[str, Any]) -> str:
    id_ = str(data["request_id"])
    if not _REQUEST_ID.fullmatch(id_) or headers.get("ce_caseid") != _case(id_):
        raise ContractError("a request and its decision carry the case id hub/<request id>.")
    return id_


def _name(text: str | None) -> str:
    if text is None or not text.strip() or not text.isprintable():
        raise ContractError("the event does not say who did it.")
    return text


def _note(text: str | None) -> str | None:
    return None if text is None else "".join(each if each.isprintable() else " " for each in text)


def _moment(millis: int | None, headers: dict[str, str]) -> datetime:
    try:
        if millis is not None:
            return _EPOCH + timedelta(milliseconds=millis)
        return datetime.fromisoformat(headers["ce_time"]).astimezone(UTC)
    except (OverflowError, ValueError, KeyError):
        raise ContractError("the event does not say when it was done.") from None


_READERS: dict[str, Callable[[dict[str, str], dict[str, Any]], Act]] = {
    REPLAYED: _settlement("replayed"),
    DISCARDED: _settlement("discarded"),
    REQUESTED: _request,
    CONFIRMED: _decision,
}
