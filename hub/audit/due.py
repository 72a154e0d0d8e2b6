"""What an outbox record deserves, judged by the wire contract alone: a reading of it, or the reason class.

The checks that need no agency registry and no memory, in the contract's order; the registry's are in
`hub.audit.rules`, duplicates in `hub.audit.seen`.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from hub.audit.pseudonyms import Pseudonyms
from hub.contracts import envelope, frame, structured, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.schemas import Contract
from hub.contracts.structured import UnknownTypeError
from hub.errors import ContractError

TOO_LARGE = "too-large"
PROCESSOR = "processor"
GATES_WORD = frozenset({TOO_LARGE, PROCESSOR})
"""Classes that the gate may give to what is right by itself: a bug of its own, a broker that refuses."""

_IGNORED = frozenset(" -\u200b\u200c\u200e\u200f")
_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)


class Misread(Exception):  # noqa: N818 - never leaves this room
    """A check failed; `reason` is the class."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reading:
    """A record that passed the checks: `value` is framed Avro also where it came in structured mode.

    `agency` is the one that `ce_source` names; `only` are the routes that a replay keeps to, None for all.
    """

    __slots__ = ("agency", "codec", "contract", "envelope", "only", "replay_of", "value")

    def __init__(  # noqa: PLR0917 - by name it would cost more
        self,
        envelope: Envelope,
        agency: AgencyCode,
        contract: Contract,
        value: bytes,
        replay_of: Origin | None,
        only: frozenset[str] | None,
        codec: Codec,
    ) -> None:
        self.envelope = envelope
        self.agency = agency
        self.contract = contract
        self.value = value
        self.replay_of = replay_of
        self.only = only
        self.codec = codec

    @property
    def data(self) -> dict[str, Any]:
        """The raw data of the value; few events need it."""
        return self.codec.decode_body(self.contract, self.value)


class Judge:
    """What does not change while the audit runs: codec, the pseudonyms' master secret, the largest event.

    Raises ValueError if the secret has fewer than 16 bytes.
    """

    def __init__(self, codec: Codec, secret: bytes, event_bytes: int) -> None:
        self.codec = codec
        self.event_bytes = event_bytes
        self.pseudonyms = Pseudonyms(secret)

    def read(self, record: Record) -> Reading:
        """Return the reading of a record, or raise Misread with the class of the first check that fails."""
        if record.size > self.event_bytes:
            raise Misread(TOO_LARGE)
        attributes, document = opened(record)
        hubs = record.topic == _HUB_OUTBOX
        replay_of, only = _replay(record) if hubs else (None, None)
        agency = attributes.agency
        if replay_of is None and record.topic != topics.outbox(agency):
            raise Misread("source-mismatch")
        value = self._value(record, document)
        contract = self._contract(value)
        if attributes.type != contract.event_type or record.key != attributes.key.encode():
            raise Misread("envelope")
        if attributes.subject is not None and names_a_person(attributes.subject):
            raise Misread("invalid")
        return Reading(attributes, agency, contract, value, replay_of, only, self.codec)

    def _value(self, record: Record, document: structured.Structured | None) -> bytes:
        if document is not None:
            try:
                return document.framed(self.codec)
            except UnknownTypeError:
                raise Misread("unknown-schema") from None
            except ContractError:
                raise Misread("decode") from None
        value = record.value
        if value is None or len(value) < frame.HEAD_BYTES or value[0] != 0:
            raise Misread("frame")
        return value

    def _contract(self, value: bytes) -> Contract:
        """Return the contract of which the bytes are one value; whatever looks unusual is decoded."""
        try:
            contract = self.codec.contracts.by_id(frame.schema_id(value))
        except ContractError:
            raise Misread("unknown-schema") from None
        if self.codec.spans(contract, value) is None:
            try:
                self.codec.decode_body(contract, value)
            except ContractError:
                raise Misread("decode") from None
        return contract


_HUB_OUTBOX = topics.outbox(topics.HUB)


def opened(record: Record) -> tuple[Envelope, structured.Structured | None]:
    """Return a record's attributes, and its document where it is structured; raise Misread."""
    if not record.readable:
        raise Misread("envelope")
    hubs = record.topic == _HUB_OUTBOX
    try:
        if envelope.is_structured(record.headers):
            document = structured.parse(record.headers, record.value, may_speak_for_others=hubs)
            return document.envelope, document
        return envelope.read_headers(record.headers, may_speak_for_others=hubs), None
    except ContractError:
        raise Misread("envelope") from None


def replays(record: Record) -> bool:
    """Say whether the hub replays an event with this record."""
    return record.topic == _HUB_OUTBOX and any(name == envelope.REPLAY_OF for name, _ in record.headers)


def _replay(record: Record) -> tuple[Origin | None, frozenset[str] | None]:
    """Return which event the hub replays and the routes it is kept to; raise Misread."""
    places = [value for name, value in record.headers if name == envelope.REPLAY_OF]
    limits = [value for name, value in record.headers if name == envelope.ONLY_ROUTES]
    if len(places) > 1 or len(limits) > (1 if places else 0):
        raise Misread("envelope")
    if not places:
        return None, None
    try:
        of = Origin.parse((places[0] or b"").decode())
    except (ValueError, ContractError):
        raise Misread("envelope") from None
    if not limits:
        return of, None
    return of, frozenset((limits[0] or b"").decode("utf-8", "replace").split(","))


def names_a_person(subject: str) -> bool:
    """Say whether a subject is a valid national number, whatever script and spacing it is written in.

    Nine digits weighted 10 to 2; the tenth is their sum modulo 11, taken from 11 where that is 2 or more.
    Ten equal digits are never issued.
    """
    signs = [sign for sign in subject if sign not in _IGNORED]
    if len(signs) != 10:
        return False
    digits = [unicodedata.decimal(sign, -1) for sign in signs]
    if -1 in digits or digits.count(digits[0]) == 10:
        return False
    total = sum(map(int.__mul__, digits, _WEIGHTS)) % 11
    return digits[9] == total if total < 2 else digits[9] + total == 11
