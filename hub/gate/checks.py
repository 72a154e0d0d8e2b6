"""The checks that need nothing but record and contracts, in their order; the first to fail names the class.

Order: too-large, envelope (headers, or structured mode), source-mismatch, frame, unknown-schema, decode,
envelope again (the type must be the schema's, the key must follow the rule), invalid. What needs the agency
registry or the memory comes after, in `hub.gate.decide`.
"""

from __future__ import annotations

from hashlib import blake2b

from hub.contracts import envelope, frame, topics
from hub.contracts import structured as structured_mode
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.scanner import Spans
from hub.contracts.schemas import Contract
from hub.contracts.structured import Structured, UnknownTypeError
from hub.errors import ContractError
from hub.gate.nationalnumber import is_national_number
from hub.gate.verdict import Reason, Sighting

MAX_DETAIL_CHARS = 500


class RefusalError(Exception):
    """A check failed: the class and a detail without personal data; `event` is what could be read before."""

    def __init__(self, reason: Reason, detail: str, event: Envelope | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail[:MAX_DETAIL_CHARS]
        self.event = event


class Event:
    """A record that passed every check of this module.

    `headers` are the event's own in binary mode; `value` is framed Avro, also where it came in structured
    mode; `spans` say where its fields stand, None where they stand as our own writer would not write them;
    `replay_of` is set on events that the hub replays, `only_routes` where one may take only some routes;
    the sighting's digest is what tells a duplicate from an id conflict.
    """

    __slots__ = ("contract", "envelope", "headers", "only_routes", "replay_of", "sighting", "spans", "value")

    def __init__(  # noqa: PLR0917 - by name it would cost more
        self,
        attributes: Envelope,
        headers: list[tuple[str, bytes]],
        contract: Contract,
        value: bytes,
        spans: Spans | None,
        sighting: Sighting,
    ) -> None:
        self.envelope = attributes
        self.headers = headers
        self.contract = contract
        self.value = value
        self.spans = spans
        self.sighting = sighting
        self.replay_of: Origin | None = None
        self.only_routes: frozenset[str] | None = None


_owners: dict[str, AgencyCode] = {}


def owner(topic: str) -> AgencyCode:
    """Return the agency whose outbox this is."""
    found = _owners.get(topic)
    if found is None:
        found = _owners[topic] = topics.agency_of(topic)[0]
    return found


def read(record: Record, codec: Codec, event_bytes: int) -> Event:
    """Return the event of a record, or raise RefusalError; `event_bytes` is the largest size taken."""
    check_size(record, event_bytes)
    attributes, headers, document = _envelope(record)
    replay_of = only_routes = None
    try:
        if owner(record.topic) == topics.HUB:
            replay_of, only_routes = _replay_of(record), _only_routes(record)
        _check_source(record, attributes, replaying=replay_of is not None)
        value = _framed(record) if document is None else _converted(document, codec)
        contract, spans = _fitting(value, codec)
        _check_type_and_key(record, attributes, contract)
        _check_subject(attributes)
    except RefusalError as refusal:
        refusal.event = attributes
        raise
    event = Event(attributes, headers, contract, value, spans, _sighting(attributes, record.value))
    event.replay_of, event.only_routes = replay_of, only_routes
    return event


def sighting(record: Record) -> Sighting | None:
    """Return what is remembered of a record that was not parked; None for a replay, or no event."""
    if is_replay(record):
        return None
    try:
        attributes, _, _ = _envelope(record)
    except RefusalError:
        return None
    return _sighting(attributes, record.value)


def _sighting(attributes: Envelope, value: bytes | None) -> Sighting:
    return Sighting(attributes.source, attributes.id, digest(attributes, value))


def is_replay(record: Record) -> bool:
    """Say whether the hub replays an event with this record."""
    return owner(record.topic) == topics.HUB and any(name == envelope.REPLAY_OF for name, _ in record.headers)


def digest(attributes: Envelope, value: bytes | None) -> bytes:
    """Return 16 bytes that differ iff the content does: value, type, time, subject, case, cause and channel.

    Trace context and signatures may differ between two sends of one event. Attributes hold no control
    characters.
    """
    parts = (
        attributes.type,
        attributes.time,
        attributes.subject or "",
        attributes.caseid or "",
        attributes.causationid or "",
        attributes.channel or "",
        "",
    )
    return blake2b("\0".join(parts).encode() + (value or b""), digest_size=16).digest()


def check_size(record: Record, event_bytes: int) -> None:
    """Raise RefusalError if key, value and headers are together larger than `event_bytes`."""
    size = record.size
    if size > event_bytes:
        raise RefusalError(
            Reason.TOO_LARGE,
            f"the event has {size} bytes in key, value and headers; at most {event_bytes} are taken.",
        )


def _envelope(record: Record) -> tuple[Envelope, list[tuple[str, bytes]], Structured | None]:
    if not record.readable:
        raise RefusalError(
            Reason.ENVELOPE,
            "a header's name is no UTF-8; the parked copy is without headers, the outbox still has them.",
        )
    speaks = owner(record.topic) == topics.HUB
    try:
        if envelope.is_structured(record.headers):
            document = structured_mode.parse(record.headers, record.value, may_speak_for_others=speaks)
            return document.envelope, document.envelope.to_headers(), document
        attributes, headers = envelope.read(record.headers, may_speak_for_others=speaks)
    except ContractError as error:
        raise RefusalError(Reason.ENVELOPE, str(error)) from None
    return attributes, headers, None


def _replay_of(record: Record) -> Origin | None:
    if not is_replay(record):
        return None
    values = [value for name, value in record.headers if name == envelope.REPLAY_OF]
    try:
        (value,) = values
        return Origin.parse((value or b"").decode())
    except (ValueError, ContractError):
        raise RefusalError(
            Reason.ENVELOPE, f"header {envelope.REPLAY_OF} must stand once and name an outbox's place."
        ) from None


def _only_routes(record: Record) -> frozenset[str] | None:
    values = [value for name, value in record.headers if name == envelope.ONLY_ROUTES]
    if not values:
        return None
    if len(values) > 1 or not is_replay(record):
        raise RefusalError(
            Reason.ENVELOPE, f"header {envelope.ONLY_ROUTES} may stand once, and only on a replay."
        )
    return frozenset((values[0] or b"").decode("utf-8", "replace").split(","))


def _check_source(record: Record, attributes: Envelope, *, replaying: bool) -> None:
    agency = owner(record.topic)
    if attributes.agency != agency and not replaying:
        raise RefusalError(
            Reason.SOURCE_MISMATCH,
            f"ce_source must begin with /agency/{agency} on this outbox; an agency speaks for itself only.",
        )


def _framed(record: Record) -> bytes:
    try:
        frame.schema_id(record.value)
    except ContractError as error:
        raise RefusalError(Reason.FRAME, str(error)) from None
    return record.value or b""


def _converted(document: Structured, codec: Codec) -> bytes:
    try:
        return document.framed(codec)
    except UnknownTypeError as error:
        raise RefusalError(Reason.UNKNOWN_SCHEMA, str(error)) from None
    except ContractError as error:
        raise RefusalError(Reason.DECODE, str(error)) from None


def _fitting(value: bytes, codec: Codec) -> tuple[Contract, Spans | None]:
    """Return the contract that the value says it is of, and is; and where its fields stand."""
    try:
        contract = codec.contracts.by_id(frame.schema_id(value))
    except ContractError as error:
        raise RefusalError(Reason.UNKNOWN_SCHEMA, str(error)) from None
    spans = codec.spans(contract, value)
    if spans is None:
        try:
            codec.decode_body(contract, value)
        except ContractError as error:
            raise RefusalError(Reason.DECODE, str(error)) from None
    return contract, spans


def _check_type_and_key(record: Record, attributes: Envelope, contract: Contract) -> None:
    if attributes.type != contract.event_type:
        raise RefusalError(
            Reason.ENVELOPE,
            f"ce_type is not the schema's event type: schema id {contract.id} is {contract.event_type}.",
        )
    if record.key != attributes.key.encode():
        raise RefusalError(
            Reason.ENVELOPE,
            "the key must be the case id, without one the subject, without both the event id.",
        )


def _check_subject(attributes: Envelope) -> None:
    if attributes.subject is not None and is_national_number(attributes.subject):
        raise RefusalError(
            Reason.INVALID, "ce_subject is a valid national number; send a pseudonym of the person instead."
        )
