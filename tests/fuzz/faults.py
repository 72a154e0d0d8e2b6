"""What can be wrong with an event in binary mode, each with the reason class that the wire contract gives it.

A fault touches one part of an event only, so that two faults of different parts can meet in one event; the
check that comes first decides then. `rank` is the number of the check in the wire contract.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from hub.contracts import topics
from tests.fuzz import avrobytes

REQUIRED = ("content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time")
KNOWN = (*REQUIRED, "ce_subject", "ce_caseid", "ce_causationid", "ce_channel", "ce_traceparent")
CLASSES = {
    1: "too-large",
    2: "envelope",
    3: "source-mismatch",
    4: "frame",
    5: "unknown-schema",
    6: "decode",
    7: "envelope",
    8: "invalid",
    9: "not-allowed",
    10: "id-conflict",
}
UNKNOWN_IDS = 1000
WRONG = {
    "ce_specversion": ("0.3", "1", "1.0 ", "١.٠"),
    "content-type": ("application/json", "avro/binary", "application/cloudevents+avro", "APPLICATION/AVRO"),
    "ce_time": (
        "2026-03-21", "2026-03-21T08:30:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-03-21T08:30:00+0330", "2026-03-21T25:00:00Z",
        "2026-03-21T23:59:60Z", "2026-03-21T08:30:00+24:00", "1405-01-01", "۲۰۲۶-۰۳-۲۱T08:30:00Z", "now",
        "2026-03-21 08:30:00Z", "-001-01-01T00:00:00Z",
    ),
    "ce_source": (
        "/agency/", "/agency", "agency/x", "/agency/X", "/agency/x/y/z", "/agency/x/", "//agency/x",
        "/agency/1x", "/agency/x y", f"/agency/{'x' * 49}",
    ),
    "ce_type": (
        "step", "service.step.v1", "service.step.completed", "service.step.completed.v0", "hub.receipt.v1",
        "service.step.completed.v12345", "Service.Step.Completed.v1", "service..completed.v1",
    ),
    "ce_caseid": ("x", "/1", "x/", "X/1", "x/ 1", "x/1 ", "1x/1"),
    "ce_channel": ("fax", "Online", "online "),
    "ce_traceparent": ("x", "00-0-0-00", f"00-{'A' * 32}-{'b' * 16}-00"),
    "ce_causationid": ("c" * 513,),
}  # fmt: skip
FORGED = (
    "hub-route", "hub-agreement", "hub-purpose", "hub-seq", "hub-origin", "hub-accepted-at", "hub-masked",
    "hub-reason", "hub-detail", "hub-parked-at", "hub-replay-of", "hub-only-routes", "hub-", "hub-whatever",
    "hub-\u202eorigin",
)  # fmt: skip


@dataclass(slots=True)
class Raw:
    """An event's parts while it is made; `pieces` are those of its Avro bytes."""

    agency: str
    key: bytes | None
    value: bytes | None
    headers: list
    pieces: list
    readable: bool = True

    def head(self, name):
        return next(place for place, (each, _) in enumerate(self.headers) if each == name)

    def put(self, name, value):
        """Give a header this value, at its place or at the end."""
        try:
            self.headers[self.head(name)] = (name, value)
        except StopIteration:
            self.headers.append((name, value))


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to spoil one part of an event, and the number of the check that finds it."""

    name: str
    part: str
    rank: int
    apply: Callable


FAULTS: list[Fault] = []


def fault(part, rank):
    def register(apply):
        FAULTS.append(Fault(apply.__name__, part, rank, apply))
        return apply

    return register


def _known(rng, raw):
    return rng.choice([name for name, _ in raw.headers if name in KNOWN])


@fault("headers", 2)
def header_missing(rng, raw):
    del raw.headers[raw.head(rng.choice(REQUIRED))]


@fault("headers", 2)
def header_twice(rng, raw):
    name = _known(rng, raw)
    value = raw.headers[raw.head(name)][1]
    raw.headers.insert(rng.randrange(len(raw.headers) + 1), (name, rng.choice((value, b"", b"other"))))


@fault("headers", 2)
def header_null(rng, raw):
    raw.put(rng.choice((_known(rng, raw), "sig-ed25519")), None)


@fault("headers", 2)
def header_no_utf8(rng, raw):
    name = _known(rng, raw)
    value = raw.headers[raw.head(name)][1]
    raw.put(name, rng.choice((value + bytes([rng.randrange(128, 256)]), b"\xff\xfe", b"\xed\xa0\x80")))


@fault("headers", 2)
def header_without_text(rng, raw):
    value = rng.choice(
        (b"", b"a\x00b", b"a\nb", b"\x7f", "a\u0085b".encode(), b"x" * 513, "ش".encode() * 513)
    )
    raw.put(rng.choice(("ce_id", "ce_subject", "ce_causationid", "ce_channel")), value)


@fault("headers", 2)
def header_wrong(rng, raw):
    name = rng.choice(list(WRONG))
    raw.put(name, rng.choice(WRONG[name]).encode())


@fault("headers", 2)
def header_of_the_hub(rng, raw):
    for name in rng.sample(FORGED, rng.randrange(1, 4)):
        raw.headers.insert(
            rng.randrange(len(raw.headers) + 1), (name, rng.choice((b"", b"1", b"\xff", None)))
        )


@fault("headers", 2)
def header_name_no_utf8(_, raw):
    raw.readable = False


@fault("headers", 2)
def avro_called_structured(_, raw):
    raw.put("content-type", b"application/cloudevents+json; charset=utf-8")


@fault("headers", 3)
def source_of_another(rng, raw):
    codes = ("another", topics.HUB, topics.WINDOW, raw.agency[:-1], f"{raw.agency}x")
    source = f"/agency/{rng.choice(codes)}" + rng.choice(("", "/desk"))
    raw.put("ce_source", source.encode())


@fault("headers", 7)
def type_of_another_schema(rng, raw):
    own = raw.headers[raw.head("ce_type")][1]
    others = (b"service.step.completed.v1", b"feedback.rating.given.v1", b"service.step.completed.v2",
              b"never.heard.of.v1", b"hub.parked.replayed.v1")  # fmt: skip
    raw.put("ce_type", rng.choice([each for each in others if each != own]))


@fault("value", 4)
def tombstone(_, raw):
    raw.value = None


@fault("value", 4)
def no_frame(rng, raw):
    long = bytes([rng.randrange(1, 256)]) + rng.randbytes(rng.randrange(4, 60))
    raw.value = rng.choice((b"", bytes(rng.randrange(1, 5)), long, b"{}"))


@fault("value", 5)
def unknown_schema(rng, raw):
    raw.value = b"\x00" + struct.pack(">I", rng.randrange(UNKNOWN_IDS, 2**32)) + raw.value[5:]


@fault("value", 6)
def cut_off(rng, raw):
    raw.value = raw.value[: rng.randrange(5, len(raw.value))]


@fault("value", 6)
def over_long(rng, raw):
    raw.value += rng.randbytes(rng.choice((1, 2, 19)))


@fault("value", 6)
def piece_spoilt(rng, raw):
    raw.value = raw.value[:5] + avrobytes.join(avrobytes.spoil(rng, raw.pieces))


@fault("key", 7)
def key_against_the_rule(rng, raw):
    id_ = raw.headers[raw.head("ce_id")][1]
    others = (None, b"", b"\x00", rng.randbytes(9), raw.key + b" ", raw.key[:-1], raw.key.upper() + b"X", id_)
    raw.key = rng.choice([each for each in others if each != raw.key])


@fault("size", 1)
def value_too_large(rng, raw):
    raw.value = raw.value + bytes(topics.EVENT_BYTES + rng.randrange(1000))


@fault("size", 1)
def header_too_large(_, raw):
    raw.headers.append(("x-filler", bytes(topics.EVENT_BYTES)))


@fault("size", 1)
def key_too_large(_, raw):
    raw.key = b"k" * topics.EVENT_BYTES


LARGE = tuple(each for each in FAULTS if each.part == "size")
SMALL = tuple(each for each in FAULTS if each.part != "size")
