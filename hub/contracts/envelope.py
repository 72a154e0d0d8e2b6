"""The envelope: CloudEvents 1.0 attributes of one event, read from and written to Kafka headers.

Reading is strict: a required attribute missing, a known header twice, null or not UTF-8, a header that
is not the agency's to write (`hub-…`) is a ContractError whose text carries no header *values* (they
may be personal). Unknown headers are dropped silently; `sig-…` headers pass untouched. Source:
CloudEvents 1.0.2, Kafka protocol binding, and the project's wire contract
(docs/reference/wire-contract.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar, cast

from hub.contracts.names import AgencyCode, EventType, event_type
from hub.errors import ContractError

CONTENT_TYPE = "content-type"
AVRO = "application/avro"
STRUCTURED = "application/cloudevents+json"
SPEC_VERSION = "1.0"
_AVRO, _STRUCTURED = AVRO.encode(), STRUCTURED.encode()
CHANNELS = frozenset({"online", "mobile", "counter", "phone", "batch"})
MAX_ATTRIBUTE_CHARS = 512

_Name = TypeVar("_Name")
_Thing = TypeVar("_Thing")
Headers = Sequence[tuple[str, bytes | None]]
"""Kafka headers as the clients give them: name and bytes, in order; a name may stand twice."""

# Delivery headers, written by the gate and by nobody else.
ROUTE = "hub-route"
AGREEMENT = "hub-agreement"
PURPOSE = "hub-purpose"
SEQ = "hub-seq"
ORIGIN = "hub-origin"
ACCEPTED_AT = "hub-accepted-at"
MASKED = "hub-masked"
# Headers of parked events.
REASON = "hub-reason"
DETAIL = "hub-detail"
PARKED_AT = "hub-parked-at"
# Of a too-large one: SHA-256 of its value (`sha-256:<hex>`), bytes of its key + value + headers.
DIGEST = "hub-digest"
SIZE = "hub-size"
# On the hub's own outbox only.
REPLAY_OF = "hub-replay-of"
# Beside it: the only routes that the replay may take, joined by commas.
ONLY_ROUTES = "hub-only-routes"

ATTRIBUTES = (
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "caseid",
    "causationid",
    "channel",
    "traceparent",
)
"""The attributes that the wire contract knows, in the order in which the hub writes them."""
_REQUIRED = 5
_SPEC_HEADER, _CONTENT_HEADER = ("ce_specversion", SPEC_VERSION.encode()), (CONTENT_TYPE, _AVRO)
_KNOWN = {f"ce_{name}": number for number, name in enumerate(ATTRIBUTES)} | {CONTENT_TYPE: -1}
_HUBS_OWN = (REPLAY_OF, ONLY_ROUTES)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_SOURCE = re.compile(r"/agency/([a-z][a-z0-9-]{0,47})(?:/([a-z][a-z0-9-]{0,47}))?")
_CASE = re.compile(r"([a-z][a-z0-9-]{0,47})/(\S(?:.{0,254}\S)?)")
_NO_CASE = "ce_caseid must be <agency code>/<local id>."
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
# Control characters in an attribute would forge lines in logs and pages; surrogates, which JSON can
# smuggle in, are no text. CloudEvents forbids both.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SAFE_HEADER = re.compile(r"[a-z0-9_-]{1,64}")


class Envelope:
    """The CloudEvents attributes of one event; `signatures` are its `sig-…` headers, passed on untouched.

    A plain class, as are all values of the hot path (see `hub.gate.verdict`); envelopes do not change.
    """

    __slots__ = (
        "caseid",
        "causationid",
        "channel",
        "id",
        "signatures",
        "source",
        "subject",
        "time",
        "traceparent",
        "type",
    )

    def __init__(  # noqa: PLR0917 - by name where it is not the hot path
        self,
        id: str,  # noqa: A002 - CloudEvents' name
        source: str,
        type: EventType,  # noqa: A002 - CloudEvents' name
        time: str,
        subject: str | None = None,
        caseid: str | None = None,
        causationid: str | None = None,
        channel: str | None = None,
        traceparent: str | None = None,
        signatures: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        self.id = id
        self.source = source
        self.type = type
        self.time = time
        self.subject = subject
        self.caseid = caseid
        self.causationid = causationid
        self.channel = channel
        self.traceparent = traceparent
        self.signatures = signatures

    @property
    def agency(self) -> AgencyCode:
        """The agency that the source names."""
        return agency_of_source(self.source)[0]

    @property
    def key(self) -> str:
        """The key that this event must carry: case id, else subject, else event id."""
        return self.caseid or self.subject or self.id

    def of_person(self, subject: str | None, caseid: str | None) -> Envelope:
        """Return the envelope with another subject and case id."""
        return Envelope(
            self.id,
            self.source,
            self.type,
            self.time,
            subject,
            caseid,
            self.causationid,
            self.channel,
            self.traceparent,
            self.signatures,
        )

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers of this event in binary mode, in a fixed order."""
        headers = [
            _SPEC_HEADER,
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_time", self.time.encode()),
        ]
        # Each by itself: a loop over names costs as much again.
        if self.subject is not None:
            headers.append(("ce_subject", self.subject.encode()))
        if self.caseid is not None:
            headers.append(("ce_caseid", self.caseid.encode()))
        if self.causationid is not None:
            headers.append(("ce_causationid", self.causationid.encode()))
        if self.channel is not None:
            headers.append(("ce_channel", self.channel.encode()))
        if self.traceparent is not None:
            headers.append(("ce_traceparent", self.traceparent.encode()))
        headers.append(_CONTENT_HEADER)
        headers.extend(self.signatures)
        return headers

    def _parts(self) -> tuple[object, ...]:
        other = (self.subject, self.caseid, self.causationid, self.channel, self.traceparent, self.signatures)
        return (self.id, self.source, self.type, self.time, *other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Envelope) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        return f"Envelope{self._parts()!r}"


class _Shape:
    """What a row of header names says, whatever the values: agencies' clients send few different rows.

    `places` has each attribute's number with its header's place, `order` the places of the event's own
    headers as the hub writes them, `ordered` whether they stand so already and alone.
    """

    __slots__ = ("content_type", "names", "order", "ordered", "places", "signatures")

    def __init__(self, names: tuple[str, ...], known: dict[str, int], signatures: list[int]) -> None:
        self.names = names
        self.order = [*[known[name] for name in _KNOWN if name in known], *signatures]
        self.ordered = self.order == list(range(len(names)))
        self.content_type = known.get(CONTENT_TYPE, -1)
        self.places = [(_KNOWN[name], place) for name, place in known.items() if name != CONTENT_TYPE]
        self.signatures = signatures

    def is_of(self, headers: Headers) -> bool:
        """Say whether headers have these names, one after the other."""
        names = self.names
        return len(headers) == len(names) and all(
            name == names[place] for place, (name, _) in enumerate(headers)
        )


class _Shapes:
    """The shapes that were seen, the last one at hand: what a flood of events has in common."""

    __slots__ = ("_known", "_last", "_may_speak_for_others")

    def __init__(self, *, may_speak_for_others: bool) -> None:
        self._may_speak_for_others = may_speak_for_others
        self._known: dict[tuple[str, ...], _Shape] = {}
        self._last: _Shape | None = None

    def of(self, headers: Headers) -> _Shape:
        """Return the headers' shape; raise ContractError where no event has such."""
        last = self._last
        if last is not None and last.is_of(headers):
            return last
        names = tuple([name for name, _ in headers])
        shape = self._known.get(names)
        if shape is None:
            shape = _kept(self._known, names, _shape(names, self._may_speak_for_others))
        self._last = shape
        return shape


def is_structured(headers: Headers) -> bool:
    """Say whether the event came in structured mode (`content-type: application/cloudevents+json`)."""
    for name, value in headers:
        if (
            name == CONTENT_TYPE
            and value != _AVRO
            and value is not None
            and value.partition(b";")[0].strip() == _STRUCTURED
        ):
            return True
    return False


def read_headers(headers: Headers, *, may_speak_for_others: bool = False) -> Envelope:
    """Read the envelope of a binary-mode event; raise ContractError naming the header and what is wrong.

    `may_speak_for_others` is true on the hub's own outbox: there, and only there, `hub-replay-of` and
    `hub-only-routes` may stand.
    """
    return read(headers, may_speak_for_others=may_speak_for_others)[0]


def read(headers: Headers, *, may_speak_for_others: bool = False) -> tuple[Envelope, list[tuple[str, bytes]]]:
    """Read a binary-mode event's envelope, and its own headers as they came in the order of `to_headers`.

    Otherwise as `read_headers`.
    """
    shape = (_others_shapes if may_speak_for_others else _shapes).of(headers)
    texts: list[str | None] = [None] * len(ATTRIBUTES)
    for number, place in shape.places:
        header, value = headers[place]
        if value is None:
            raise ContractError(f"header {header} is null.")
        try:
            texts[number] = value.decode()
        except UnicodeDecodeError:
            raise ContractError(f"header {header} is not UTF-8.") from None
    signatures = tuple([_signature(headers[place]) for place in shape.signatures])
    if shape.content_type < 0 or headers[shape.content_type][1] != _AVRO:
        raise ContractError(f"header {CONTENT_TYPE} must be {AVRO} (or {STRUCTURED} in structured mode).")
    # No value is null here: each was looked at above.
    own = list(headers) if shape.ordered else [headers[place] for place in shape.order]
    return _envelope(texts, signatures), cast("list[tuple[str, bytes]]", own)


def _shape(names: tuple[str, ...], may_speak_for_others: bool) -> _Shape:
    known: dict[str, int] = {}
    signatures: list[int] = []
    for place, name in enumerate(names):
        if name in _KNOWN:
            if name in known:
                raise ContractError(f"header {name} stands twice.")
            known[name] = place
        elif name.startswith("sig-"):
            signatures.append(place)
        elif name.startswith("hub-") and not (may_speak_for_others and name in _HUBS_OWN):
            raise ContractError(f"header {_shown(name)} belongs to the hub and may not stand on an outbox.")
    return _Shape(names, known, signatures)


def read_signatures(headers: Headers, *, may_speak_for_others: bool = False) -> tuple[tuple[str, bytes], ...]:
    """Return the `sig-…` headers of a structured event; raise ContractError on headers that are the hub's."""
    names = tuple(name for name, _ in headers if name == CONTENT_TYPE or name not in _KNOWN)
    _shape(names, may_speak_for_others)
    return tuple(_signature(header) for header in headers if header[0].startswith("sig-"))


def from_attributes(attributes: dict[str, str], signatures: tuple[tuple[str, bytes], ...] = ()) -> Envelope:
    """Check CloudEvents attributes (names without `ce_`) and return the envelope; raise ContractError."""
    return _envelope([attributes.get(name) for name in ATTRIBUTES], signatures)


def _envelope(texts: list[str | None], signatures: tuple[tuple[str, bytes], ...]) -> Envelope:
    """Check attributes, which stand in the order of `ATTRIBUTES`."""
    if texts[0] != SPEC_VERSION:
        raise ContractError(f"ce_specversion must be {SPEC_VERSION}.")
    id_, source, type_, time = texts[1], texts[2], texts[3], texts[4]
    if not (id_ and source and type_ and time):
        missing = next(name for name, text in zip(ATTRIBUTES[:_REQUIRED], texts, strict=False) if not text)
        raise ContractError(f"ce_{missing} is missing.")
    subject, caseid, causationid = texts[5], texts[6], texts[7]
    _check_text("id", id_)
    if subject is not None:
        _check_text("subject", subject)
    if caseid is not None:
        _check_text("caseid", caseid)
    if causationid is not None:
        _check_text("causationid", causationid)
    agency_of_source(source)
    _check_time(time)
    if caseid is not None and not _CASE.fullmatch(caseid):
        raise ContractError(_NO_CASE)
    channel, traceparent = texts[8], texts[9]
    if channel is not None and channel not in CHANNELS:
        raise ContractError(f"ce_channel must be one of {', '.join(sorted(CHANNELS))}.")
    if traceparent is not None and not _TRACEPARENT.fullmatch(traceparent):
        raise ContractError("ce_traceparent must be a W3C traceparent.")
    return Envelope(
        id_, source, _type(type_), time, subject, caseid, causationid, channel, traceparent, signatures
    )


def _check_text(name: str, value: str) -> None:
    """Refuse what is no line of text of an agency's own choice: ids and the like."""
    # Plain printable ASCII, which most is, needs no search.
    plain = value.isascii() and value.isprintable()
    if not 0 < len(value) <= MAX_ATTRIBUTE_CHARS or not (plain or _NO_TEXT.search(value) is None):
        raise ContractError(
            f"ce_{name} must have 1 to {MAX_ATTRIBUTE_CHARS} characters and no control characters."
        )


def agency_of_source(source: str) -> tuple[AgencyCode, str | None]:
    """Return the agency and subsystem named by `/agency/<code>[/<subsystem>]`, or raise ContractError."""
    found = _sources.get(source)
    if found is not None:
        return found
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise ContractError("ce_source must be /agency/<code> or /agency/<code>/<subsystem>.")
    return _kept(_sources, source, (AgencyCode(match[1]), match[2]))


def split_case(caseid: str) -> tuple[AgencyCode, str]:
    """Return the opening agency and the local id of a case id, or raise ContractError."""
    match = _CASE.fullmatch(caseid)
    if match is None:
        raise ContractError(_NO_CASE)
    return AgencyCode(match[1]), match[2]


def text_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Return headers as text for people and read models; a later duplicate wins, bad UTF-8 is replaced."""
    return {name: (value or b"").decode("utf-8", "replace") for name, value in headers}


def _signature(header: tuple[str, bytes | None]) -> tuple[str, bytes]:
    name, value = header
    if value is None:
        raise ContractError(f"header {_shown(name)} is null.")
    return name, value


def _shown(name: str) -> str:
    return name if _SAFE_HEADER.fullmatch(name) else f"{name[:4]}…"


def _type(text: str) -> EventType:
    found = _types.get(text)
    if found is not None:
        return found
    try:
        if len(text) <= MAX_ATTRIBUTE_CHARS:
            return _kept(_types, text, event_type(text))
    except ContractError:
        pass
    raise ContractError("ce_type must be <domain>.<subject>.<past-verb>.v<major>, in lower case.")


def _check_time(text: str) -> None:
    if _TIME.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return
    raise ContractError(
        "ce_time must be an RFC 3339 time with offset, for example 2026-03-21T08:30:00+03:30."
    )


# Sources, types and rows of header names are few, and every event has one.
_MOST_KEPT = 4096
_sources: dict[str, tuple[AgencyCode, str | None]] = {}
_types: dict[str, EventType] = {}
_shapes = _Shapes(may_speak_for_others=False)
_others_shapes = _Shapes(may_speak_for_others=True)


def _kept(known: dict[_Name, _Thing], name: _Name, thing: _Thing) -> _Thing:
    """Keep what was made of a name, and no more of them than there are honest ones."""
    if len(known) >= _MOST_KEPT:
        known.clear()
    known[name] = thing
    return thing
