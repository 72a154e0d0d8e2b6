"""Structured mode gone wrong: what can be done to a JSON event, and which check finds it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz import avrobytes

ATTRIBUTES = frozenset(
    f"ce_{name}"
    for name in ("specversion", "id", "source", "type", "time", "subject", "caseid", "causationid", "channel")
) | {"ce_traceparent"}
REQUIRED = ("specversion", "id", "source", "type", "time")
TOMBSTONE = ["tombstone"]
DEEP = 50_000
"""Levels that no reader's stack holds."""

HARMLESS = 99


@dataclass(frozen=True, slots=True)
class Change:
    """One way; `apply` changes attributes or the record's parts and returns the rank of what is wrong."""

    name: str
    apply: Callable


CHANGES: list[Change] = []


def change(apply):
    CHANGES.append(Change(apply.__name__, apply))
    return apply


def content_type(rng):
    return rng.choice((b"application/cloudevents+json", b"application/cloudevents+json; charset=UTF-8"))


@change
def no_document(rng, attributes, raw):
    whole = json.dumps(attributes).encode()
    open_ = whole[:-1]
    raw.value = rng.choice(
        (
            b"", b"null", b"[]", b'"x"', b"1", b"{", open_, whole + b"}", b"\xff\xfe{}",
            b"\xef\xbb\xbf" + whole,
            b'{"a":1,"a":2}', open_ + b',"id":"x"}', whole.replace(b'"1.0"', b"NaN", 1),
            open_ + b',"x":-Infinity}', open_ + b',"x":' + b"9" * 5000 + b"}",
            whole.decode().encode("utf-16"),
            b"[" * DEEP, b'{"data":' * DEEP, open_ + b',"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
        )
    )  # fmt: skip
    return 2


@change
def tombstone(_, __, raw):
    raw.pieces = TOMBSTONE
    return 2


@change
def attribute_missing(rng, attributes, _):
    del attributes[rng.choice(REQUIRED)]
    return 2


@change
def attribute_wrong(rng, attributes, _):
    name = rng.choice(REQUIRED)
    attributes[name] = rng.choice((1, True, [], {}, ["x"], "", " \n", "x" * 513, "\ud800", "\x00", {"a": {}}))
    return 2


@change
def both_data(_, attributes, __):
    attributes["data"] = attributes["data_base64"] = ""
    return 2


@change
def no_data(_, attributes, __):
    attributes.pop("data", None)
    attributes.pop("data_base64", None)
    return 2


@change
def bad_base64(rng, attributes, _):
    attributes.pop("data", None)
    attributes["datacontenttype"] = "application/avro"
    attributes["data_base64"] = rng.choice(
        ("x", "====", 1, None, "AAAAAAE=\n", "ééé", "", "AAAA", "AQAAAAEA")
    )
    return 2


@change
def bad_content_type(rng, attributes, _):
    attributes["datacontenttype"] = rng.choice(("text/xml", "application/avro ", 1, ""))
    return 2


@change
def header_of_the_hub(_, __, raw):
    raw.headers.append(("hub-seq", b"1"))
    return 2


@change
def content_type_twice(_, __, raw):
    raw.headers.append(raw.headers[0])
    return 2


@change
def source_of_another(rng, attributes, _):
    attributes["source"] = rng.choice(("/agency/hub", "/agency/window/desk"))
    return 3


@change
def unknown_type(_, attributes, __):
    framed = "data_base64" in attributes
    attributes["type"] = "never.heard.of.v1"
    return 7 if framed else 5


@change
def unknown_schema(_, attributes, __):
    attributes.pop("data", None)
    attributes["datacontenttype"] = "application/avro"
    attributes["data_base64"] = base64.b64encode(b"\x00\xff\xff\xff\xffrest").decode()
    return 5


@change
def spoilt_avro(rng, attributes, raw):
    if "data_base64" in attributes:
        head = base64.b64decode(attributes["data_base64"])[:5]
        spoilt = head + avrobytes.join(avrobytes.spoil(rng, raw.pieces))
        attributes["data_base64"] = base64.b64encode(spoilt).decode()
    else:
        attributes["data"] = rng.choice((None, 1, "x", [], [{}], True, {}, deep(63)))
    return 6


@change
def data_do_not_fit(rng, attributes, _):
    data = attributes.get("data")
    if data is None:
        return no_data(rng, attributes, None)
    name = rng.choice(list(data))
    way = rng.randrange(3)
    if way == 0:
        data["no_such_field"] = 1
    elif way == 1:
        data[name] = deep(30)
    else:
        data[name] = "\udc00"
    return 6


@change
def too_deep(rng, attributes, _):
    """Deeper than one may nest, less deep than any stack; also where nobody would look."""
    attributes["data" if "data" in attributes else "extra"] = deep(rng.choice((64, 200, 800)))
    return 2


@change
def key_against_the_rule(rng, _, raw):
    raw.key = rng.choice((None, b"", raw.key + b"x"))
    return 7


@change
def unknown_attributes(rng, attributes, raw):
    """Add what nobody knows: it is dropped, here as in headers."""
    attributes["x"] = rng.choice((1, None, "x", deep(20)))
    raw.headers += [("ce_id", b"\xff"), ("x-any", None)]
    return HARMLESS


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value
