"""CloudEvents structured mode: an event whose value is one JSON document (`application/cloudevents+json`).

`parse` reads the envelope; what it refuses is the envelope's fault. `Structured.framed` makes the Avro
value, by the newest contract of the type; `UnknownTypeError` and `DataError` tell whose fault that is.
Between the two the gate checks the source. Kafka headers of such an event carry `sig-…` only;
attributes stand in the document.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from hub.contracts import envelope, frame, jsonform
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope, Headers
from hub.errors import ContractError

MAX_LEVELS = 64
"""How deep a document may nest. Without it the verdict would hang on how deep the reader's own stack is."""

_JSON_TYPES = (None, "application/json", "text/json")


class UnknownTypeError(ContractError):
    """The event type of a structured event has no contract."""


class DataError(ContractError):
    """The data of a structured event do not fit the newest contract of its type."""


@dataclass(frozen=True, slots=True)
class Structured:
    """A structured event with its envelope read: `data` is parsed JSON, or framed Avro from `data_base64`."""

    envelope: Envelope
    data: Any

    def framed(self, codec: Codec) -> bytes:
        """Return the event's framed Avro value.

        Raises UnknownTypeError, or DataError naming the field that does not fit. Bytes from
        `data_base64` are returned as they are if they have a frame; whether they fit is checked like
        any binary event's value.
        """
        if isinstance(self.data, bytes):
            return self.data
        try:
            contract = codec.contracts.newest(self.envelope.type)
        except ContractError as error:
            raise UnknownTypeError(error.what, where=error.where, do=error.do) from None
        try:
            return codec.encode_raw(contract, jsonform.from_json(contract, self.data))
        except ContractError as error:
            raise DataError(error.what, where=error.where, do=error.do) from None


def read_structured(
    headers: Headers, value: bytes | None, codec: Codec, *, may_speak_for_others: bool = False
) -> tuple[Envelope, bytes]:
    """Return the envelope and the framed value of a structured event: `parse` and `framed` in one.

    Raises UnknownTypeError or DataError for the value, any other ContractError for the envelope.
    """
    event = parse(headers, value, may_speak_for_others=may_speak_for_others)
    return event.envelope, event.framed(codec)


def parse(headers: Headers, value: bytes | None, *, may_speak_for_others: bool = False) -> Structured:
    """Read a structured event's document and check its envelope; raise ContractError naming the attribute.

    Attributes that the wire contract does not know are dropped, as unknown headers are in binary mode.
    """
    signatures = envelope.read_signatures(headers, may_speak_for_others=may_speak_for_others)
    document = _document(value)
    attributes: dict[str, str] = {}
    for name in envelope.ATTRIBUTES:
        text = document.get(name)
        if text is None:
            continue
        if not isinstance(text, str):
            raise ContractError(f"attribute {name} must be text.")
        attributes[name] = text
    return Structured(envelope.from_attributes(attributes, signatures), _data(document))


def _document(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise ContractError("the value is null; a structured event is a JSON document.")
    try:
        document = json.loads(value.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ContractError("the value is no JSON document in UTF-8 without repeated keys.") from None
    if not isinstance(document, dict):
        raise ContractError("the value must be one JSON object with the event's attributes.")
    _check_levels(document)
    return document


def _check_levels(document: dict[str, Any]) -> None:
    """Raise ContractError for a document that nests deeper than MAX_LEVELS, itself being the first level."""
    level: list[Any] = [document]
    for _ in range(MAX_LEVELS):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise ContractError(f"the document nests deeper than {MAX_LEVELS} levels.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError
    return out


def _no_constant(_: str) -> Any:
    raise ValueError


def _data(document: dict[str, Any]) -> Any:
    if ("data" in document) == ("data_base64" in document):
        raise ContractError("a structured event has either data or data_base64.")
    content_type = document.get("datacontenttype")
    if "data" in document:
        if content_type not in _JSON_TYPES:
            raise ContractError("attribute datacontenttype must be application/json beside data.")
        return document["data"]
    if content_type != envelope.AVRO:
        raise ContractError(f"attribute datacontenttype must be {envelope.AVRO} beside data_base64.")
    try:
        data = base64.b64decode(document["data_base64"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ContractError("attribute data_base64 is no base64 text.") from None
    frame.schema_id(data)
    return data
