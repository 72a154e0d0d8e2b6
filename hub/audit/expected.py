"""What must stand in an inbox and in hub.parked, as digests; and the same digests of what was found.

Two digests make a delivery: of its value, and of its key and headers without those that differ by delivery
(`hub-seq`, `hub-origin`, `hub-accepted-at`). The order of headers of different names does not matter.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from hub.audit.due import TOO_LARGE, Judge, Reading
from hub.audit.rules import Term
from hub.contracts import envelope
from hub.contracts.envelope import Envelope
from hub.contracts.record import Record

_MARSHAL = 2
"""The format without references: equal values give equal bytes, in every version of Python."""
_BYTES = 16
_PREFIX_BYTES = 4096
_KEY_BYTES = 512
_CONTENT_TYPE = (envelope.CONTENT_TYPE, envelope.AVRO.encode())
_SPECVERSION = ("ce_specversion", envelope.SPEC_VERSION.encode())
_PARKED = (envelope.REASON, envelope.DETAIL, envelope.ORIGIN, envelope.PARKED_AT)

Headers = Sequence[tuple[str, bytes | None]]


class Delivered:
    """What was read of an inbox record: the headers that differ by delivery, and the digests of the rest."""

    __slots__ = ("accepted_at", "head", "origin", "route", "seq", "value")

    def __init__(  # noqa: PLR0917 - by name it would cost more
        self,
        route: bytes | None,
        origin: bytes | None,
        seq: bytes | None,
        accepted_at: bytes | None,
        head: bytes,
        value: bytes,
    ) -> None:
        self.route = route
        self.origin = origin
        self.seq = seq
        self.accepted_at = accepted_at
        self.head = head
        self.value = value


class Kept(NamedTuple):
    """What was read of a record of hub.parked: the hub's last headers, and the digest of all the rest."""

    reason: bytes | None
    origin: bytes | None
    parked_at: bytes | None
    digest: bytes


class Due:
    """What one event's deliveries must be; asked for one term after the other."""

    def __init__(self, judge: Judge, reading: Reading) -> None:
        self._judge = judge
        self._reading = reading
        self._values: dict[bytes, bytes] = {}
        attributes = reading.envelope
        self._own = own_headers(attributes, attributes.subject, attributes.caseid)

    def value(self, term: Term) -> bytes:
        """Return the value under a term: the event's own, or with defaults in the withheld fields."""
        if not term.masked:
            return self._reading.value
        data = {**self._reading.data, **term.defaults}
        return self._judge.codec.encode_raw(self._reading.contract, data)

    def value_digest(self, term: Term) -> bytes:
        """Return the digest of the value under a term."""
        found = self._values.get(term.masked)
        if found is None:
            found = self._values[term.masked] = value_digest(self.value(term))
        return found

    def head(self, term: Term) -> tuple[bytes, list[tuple[str, bytes]]]:
        """Return key and headers under a term, sorted by name, without those that differ by delivery."""
        reading, agreement = self._reading, term.agreement
        key, own = self._own
        if agreement.subject != "pass" or agreement.caseid != "pass":
            key, own = own_headers(reading.envelope, *treated(self._judge, reading.envelope, term))
        headers = [*own, *term.tail]
        if reading.replay_of is not None:
            headers.append((envelope.REPLAY_OF, str(reading.replay_of).encode()))
        headers.append((envelope.ROUTE, term.raw_route))
        headers.extend(sorted(reading.envelope.signatures, key=_name))
        return key, headers

    def head_digest(self, term: Term) -> bytes:
        """Return the digest of key and headers under a term."""
        return blake2b(marshal.dumps(self.head(term), _MARSHAL), digest_size=_BYTES).digest()


def treated(judge: Judge, attributes: Envelope, term: Term) -> tuple[str | None, str | None]:
    """Return the subject and the case that a recipient gets: passed, dropped or named anew."""
    agreement, names = term.agreement, judge.pseudonyms
    subject, caseid = attributes.subject, attributes.caseid
    if subject is not None and agreement.subject == "pseudonym":
        subject = names.subject(agreement.recipient, subject)
    elif agreement.subject == "drop":
        subject = None
    if caseid is not None and agreement.caseid == "pseudonym":
        caseid = names.case(agreement.recipient, caseid)
    elif agreement.caseid == "drop":
        caseid = None
    return subject, caseid


def own_headers(
    attributes: Envelope, subject: str | None, caseid: str | None
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return the key, and an event's own headers in binary mode but its signatures, sorted by name."""
    headers = []
    if caseid is not None:
        headers.append(("ce_caseid", caseid.encode()))
    if attributes.causationid is not None:
        headers.append(("ce_causationid", attributes.causationid.encode()))
    if attributes.channel is not None:
        headers.append(("ce_channel", attributes.channel.encode()))
    headers.append(("ce_id", attributes.id.encode()))
    headers.append(("ce_source", attributes.source.encode()))
    headers.append(_SPECVERSION)
    if subject is not None:
        headers.append(("ce_subject", subject.encode()))
    headers.append(("ce_time", attributes.time.encode()))
    if attributes.traceparent is not None:
        headers.append(("ce_traceparent", attributes.traceparent.encode()))
    headers.append(("ce_type", attributes.type.encode()))
    headers.append(_CONTENT_TYPE)
    return (caseid or subject or attributes.id).encode(), headers


def value_digest(value: bytes | None) -> bytes:
    """Return the digest of a value; a null one has one of its own."""
    return b"null" if value is None else blake2b(value, digest_size=_BYTES).digest()


class _Shape:
    """What a row of header names says, whatever the values: deliveries have few different rows.

    The places of the headers that differ by delivery (the last of each name; -1: none) and of the route, and
    those of all others, sorted by name.
    """

    __slots__ = ("accepted_at", "origin", "others", "route", "seq")

    def __init__(self, names: tuple[str, ...]) -> None:
        last = {name: place for place, name in enumerate(names)}
        self.route = last.get(envelope.ROUTE, -1)
        self.origin = last.get(envelope.ORIGIN, -1)
        self.seq = last.get(envelope.SEQ, -1)
        self.accepted_at = last.get(envelope.ACCEPTED_AT, -1)
        by_delivery = (self.origin, self.seq, self.accepted_at)
        others = [place for place in range(len(names)) if place not in by_delivery]
        self.others = sorted(others, key=names.__getitem__)


_shape = lru_cache(maxsize=4096)(_Shape)


def delivered(record: Record) -> Delivered:
    """Return what an inbox record says of itself, and its digests; any bytes whatever."""
    headers = record.headers
    shape = _shape(tuple([name for name, _ in headers]))
    others = [headers[place] for place in shape.others]
    return Delivered(
        _value(headers, shape.route),
        _value(headers, shape.origin),
        _value(headers, shape.seq),
        _value(headers, shape.accepted_at),
        blake2b(marshal.dumps((record.key, others), _MARSHAL), digest_size=_BYTES).digest(),
        value_digest(record.value),
    )


def _value(headers: Headers, place: int) -> bytes | None:
    return None if place < 0 else headers[place][1]


def without_last(headers: Headers, names: Sequence[str]) -> list[tuple[str, bytes | None]]:
    """Return headers without the last one of each name: a name that stands twice leaves one behind."""
    gone = {name: place for place, (name, _) in enumerate(headers) if name in names}
    places = frozenset(gone.values())
    return [header for place, header in enumerate(headers) if place not in places]


def kept(record: Record) -> Kept:
    """Return what a record of hub.parked says of itself, and its digest."""
    last = dict(record.headers)
    return Kept(
        last.get(envelope.REASON),
        last.get(envelope.ORIGIN),
        last.get(envelope.PARKED_AT),
        _parked_digest(record.key, record.value, without_last(record.headers, _PARKED)),
    )


def parked(record: Record, reason: str) -> bytes:
    """Return the digest of what must stand in hub.parked of an outbox record that is refused."""
    return _parked_digest(*parked_parts(record, reason))


def parked_parts(record: Record, reason: str) -> tuple[bytes | None, bytes | None, Headers]:
    """Return key, value and headers that must stand in hub.parked, without the hub's last four."""
    if reason != TOO_LARGE:
        return record.key, record.value, list(record.headers)
    key = record.key if record.key is None or len(record.key) <= _KEY_BYTES else None
    prefix = None if record.value is None else record.value[:_PREFIX_BYTES]
    sha256 = hashlib.sha256(record.value or b"").hexdigest()
    size = str(record.size).encode()
    return key, prefix, [(envelope.DIGEST, f"sha-256:{sha256}".encode()), (envelope.SIZE, size)]


def _parked_digest(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    return blake2b(marshal.dumps((key, value, list(headers)), _MARSHAL), digest_size=_BYTES).digest()


def _name(header: tuple[str, bytes | None]) -> str:
    return header[0]
