"""The fuzzer: an endless line of events from a seed, each with the verdict that the gate must reach.

The verdict is stated when the event is made, from the wire contract's order of checks; nothing of `hub.gate`
is asked. Good events stand between the bad ones. One generator serves the pure test, the test on a real
gate, and the long run of `make soak`.
"""

from __future__ import annotations

import base64
import json
import random
from collections import deque
from dataclasses import dataclass, field

from hub.contracts import frame, jsonform, topics
from hub.registry.model import REJECTED
from tests.fuzz import avrobytes, documents
from tests.fuzz.faults import CLASSES, LARGE, SMALL, Raw
from tests.fuzz.world import CODEC, MASKED, PARTITIONS, STEP, UNCLAIMED, UNGRANTED, WHOLE

REMEMBERED = 400
"""How far back events are sent again, in events of one source partition; far within the gate's bounds."""

TIMES = (
    "2026-03-21T08:30:00+03:30", "2026-03-21T08:30:00Z", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999999Z", "1900-02-28T23:59:59.1-00:00",
)  # fmt: skip
SUBSYSTEMS = ("", "", "/desk", "/permits-2")
CHANNELS = ("online", "mobile", "counter", "phone", "batch")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHERS = {
    "ce_time": (b"2001-01-01T00:00:00Z", b"2002-01-01T00:00:00Z"),
    "ce_channel": (b"phone", b"batch"),
    "ce_causationid": (b"another", b"yet another"),
}
BENIGN = (
    ("x-anything", b"\xff\x00"), ("Hub-Seq", b"9"), ("hub", b"x"), ("CE_ID", b"other"), ("", b"no name"),
    ("traceparent", None), ("sig-ed25519", b"\x00\xff"), ("sig-key", b"k1"), ("ce_dataschema", b"\xff"),
    ("کلید", b"1"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as it is sent. `readable` false: it gets a header more whose name is no UTF-8.

    `verdict` and `reason` are what the gate must say, `routes` where it must go; `name` tells what was done
    to it; `plain` says that recipients who see all must get the very bytes of `value`; `secrets` are texts
    that the masked recipient must not see.
    """

    number: int
    name: str
    agency: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple
    verdict: str
    reason: str = ""
    routes: tuple = ()
    readable: bool = True
    plain: bool = True
    secrets: tuple = ()


@dataclass(slots=True)
class _Event:
    """A good event before it is spoilt; what it would be if it were not."""

    raw: Raw
    routes: tuple
    rank: int = 0
    plain: bool = True
    secrets: tuple = ()
    name: str = "good"


@dataclass
class Fuzzer:
    """Makes events among the agencies of a world. `large_one_in`: how rare events beyond the size are."""

    world: object
    seed: int
    large_one_in: int = 400
    number: int = 0
    _seen: dict = field(default_factory=dict)
    _moved: set = field(default_factory=set)

    def __post_init__(self):
        self._rng = random.Random(self.seed)
        # Ids of two runs on one broker differ even where the seed does not.
        self._run = f"{self.world.prefix}-{self.seed}"

    def next(self):
        """Return the next event."""
        self.number += 1
        rng = self._rng
        kind = rng.choices(
            (self._binary, self._again, self._document, self._rejection, self._replay, self._hub_alone),
            (60, 14, 14, 5, 5, 2),
        )[0]
        return kind(rng)

    def _sent(self, event, name, verdict, reason="", partition=0):
        raw = event.raw
        return Sent(
            self.number, name, raw.agency, partition, raw.key, raw.value, tuple(raw.headers), verdict, reason,
            event.routes if verdict == "routed" else (), raw.readable, event.plain, event.secrets,
        )  # fmt: skip

    def _judged(self, event, partition, *, remember=True):
        """Return the event with the verdict that its rank and routes say; remember it as the gate must."""
        if event.rank:
            return self._sent(event, event.name, "parked", CLASSES[event.rank], partition)
        if remember:
            seen = self._seen.setdefault((event.raw.agency, partition), deque(maxlen=REMEMBERED))
            seen.append(event)
        return self._sent(event, event.name, "routed" if event.routes else "unclaimed", partition=partition)

    # -- binary mode -------------------------------------------------------------------------------------

    def _binary(self, rng):
        agency = rng.choice((self.world.source, self.world.source, self.world.other))
        event = self._good(rng, agency, self._type(rng, agency))
        if rng.random() < 0.6:
            self._spoil(rng, event)
        elif not event.rank and rng.random() < 1 / self.large_one_in:
            self._fill(event)
            return self._judged(event, rng.randrange(PARTITIONS), remember=False)
        return self._judged(event, rng.randrange(PARTITIONS))

    def _type(self, rng, agency):
        groups = (WHOLE, MASKED, UNCLAIMED, UNGRANTED)
        if agency == self.world.other:
            return STEP if rng.random() < 0.85 else rng.choice(WHOLE)
        return rng.choice(rng.choices(groups, (40, 40, 10, 10))[0])

    def _good(self, rng, agency, type_):
        """Return an event that is routed or unclaimed, or whose type the agency may not publish."""
        contract = rng.choice(CODEC.contracts.versions(type_))
        _, pieces = avrobytes.write(rng, contract.schema)
        value = frame.join(contract.id, avrobytes.join(pieces))
        headers, key = self._headers(rng, agency, type_)
        event = _Event(Raw(agency, key, value, headers, pieces), self.world.routes(agency, type_))
        event.secrets = _secrets(headers)
        if not self._may(agency, type_):
            event.rank, event.name = 9, "type without grant"
        if rng.random() < 0.03:
            event.rank, event.name = 8, "national number as subject"
            self._identify(event, rng)
        return event

    def _may(self, agency, type_):
        if type_ == REJECTED:
            return True
        if agency == self.world.other:
            return type_ == STEP
        return agency == self.world.source and type_ not in UNGRANTED and not type_.startswith("hub.")

    def _headers(self, rng, agency, type_):
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", self._id(rng).encode()),
            ("ce_source", f"/agency/{agency}{rng.choice(SUBSYSTEMS)}".encode()),
            ("ce_type", type_.encode()),
            ("ce_time", rng.choice(TIMES).encode()),
            ("content-type", b"application/avro"),
        ]
        key = headers[1][1]
        if rng.random() < 0.5:
            key = rng.choice((f"person-{rng.randrange(50)}", "شخص ۱۲", "5" * 10, "1234567890")).encode()
            headers.append(("ce_subject", key))
        if rng.random() < 0.5:
            key = f"{agency}/{rng.choice(('case', 'پروندهٔ', 'a/b', 'x' * 200))} {rng.randrange(200)}".encode()
            headers.append(("ce_caseid", key))
        for name, value in (
            ("ce_causationid", b"cause"), ("ce_channel", rng.choice(CHANNELS).encode()),
            ("ce_traceparent", TRACE.encode()),
        ):  # fmt: skip
            if rng.random() < 0.3:
                headers.append((name, value))
        headers += [each for each in BENIGN if rng.random() < 0.04]
        rng.shuffle(headers)
        return headers, key

    def _id(self, rng):
        return f"{self._run}-{self.number}" + rng.choice(("", "", "-شناسه", " with space", "-/%'\"<b>"))

    def _identify(self, event, rng):
        headers = [each for each in event.raw.headers if each[0] != "ce_caseid"]
        event.raw.headers = headers
        event.raw.put("ce_subject", national_number(rng).encode())
        event.raw.key = event.raw.headers[event.raw.head("ce_subject")][1]

    def _spoil(self, rng, event):
        """Put a fault into an event, sometimes two in different parts; the check that comes first counts."""
        if rng.random() < 1 / self.large_one_in:
            faults = [rng.choice(LARGE)]
        else:
            faults = rng.sample(SMALL, 2 if rng.random() < 0.2 else 1)
        if len({each.part for each in faults}) < len(faults):
            faults = faults[:1]
        for each in sorted(faults, key=lambda each: ("key", "value", "size", "headers").index(each.part)):
            each.apply(rng, event.raw)
        ranks = [each.rank for each in faults] + [event.rank] * bool(event.rank)
        event.name = "+".join(each.name for each in faults)
        event.rank = min(ranks)

    def _fill(self, event):
        """Make a good event exactly as large as one may be."""
        raw, name = event.raw, "x-filler"
        size = len(raw.key) + len(raw.value) + sum(len(n.encode()) + len(v or b"") for n, v in raw.headers)
        raw.headers.append((name, bytes(topics.EVENT_BYTES - size - len(name))))
        event.name = "as large as may be"

    # -- sent again --------------------------------------------------------------------------------------

    def _again(self, rng):
        """Send an event a second time: unchanged, changed where it does not matter, or changed for good."""
        agency, partition = rng.choice((self.world.source, self.world.other)), rng.randrange(PARTITIONS)
        seen = self._seen.get((agency, partition))
        if not seen:
            return self._binary(rng)
        first = rng.choice(seen)
        raw = Raw(agency, first.raw.key, first.raw.value, list(first.raw.headers), first.raw.pieces)
        event = _Event(raw, first.routes, plain=first.plain, secrets=first.secrets)
        if first.plain and rng.random() < 0.1:
            # Another subsystem is another source: its ids are its own.
            raw.put("ce_source", f"/agency/{agency}/desk-{self.number}".encode())
            event.name = "again from another desk"
            return self._judged(event, partition)
        way = rng.choice((_unchanged, _changed_aside, _changed))
        event.name = f"again{way.__name__}"
        verdict = way(rng, raw)
        if first.plain and rng.random() < 0.1:
            # The memory is a source partition's own: elsewhere the same event is new.
            return self._elsewhere(event, (partition + 1) % PARTITIONS)
        return self._sent(event, event.name, *verdict, partition=partition)

    def _elsewhere(self, event, partition):
        source_and_id = _name_of(event)
        seen = self._seen.get((event.raw.agency, partition), ())
        if any(_name_of(each) == source_and_id for each in seen) or source_and_id in self._moved:
            return self._binary(self._rng)
        self._moved.add(source_and_id)
        event.name = "again in another partition"
        return self._judged(event, partition)

    # -- structured mode ---------------------------------------------------------------------------------

    def _document(self, rng):
        agency = self.world.source
        type_ = self._type(rng, agency)
        contract = CODEC.contracts.newest(type_)
        data, pieces = avrobytes.write(rng, contract.schema)
        headers, key = self._headers(rng, agency, type_)
        attributes = {
            name.removeprefix("ce_"): value.decode()
            for name, value in headers
            if name in documents.ATTRIBUTES
        }
        if rng.random() < 0.25:
            value = frame.join(contract.id, avrobytes.join(pieces))
            attributes["data_base64"] = base64.b64encode(value).decode()
            attributes["datacontenttype"] = "application/avro"
        else:
            attributes["data"] = jsonform.to_json(contract, data)
        raw = Raw(agency, key, None, [("content-type", documents.content_type(rng))], pieces)
        event = _Event(raw, self.world.routes(agency, type_), plain=False, name="document")
        event.secrets = _secrets(headers)
        event.rank = 0 if self._may(agency, type_) else 9
        if rng.random() < 0.6:
            change = rng.choice(documents.CHANGES)
            rank = change.apply(rng, attributes, raw)
            event.name = change.name
            if rank != documents.HARMLESS:
                event.rank = min(rank, event.rank or rank)
        if raw.value is None and raw.pieces != documents.TOMBSTONE:
            raw.value = _json(attributes, escaped=rng.random() < 0.5)
        return self._judged(event, rng.randrange(PARTITIONS))

    # -- rejections, replays, the hub's own outbox -------------------------------------------------------

    def _rejection(self, rng):
        """Reject a delivery; or name a route or an origin that cannot be."""
        agency = self.world.whole
        route = f"{self.world.whole_agreement}/{STEP}"
        origin = f"{topics.outbox(self.world.source)}/{rng.randrange(4)}/{rng.randrange(10**6)}"
        no_places = ("", "x/1/2", f"{topics.inbox(agency)}/0/1", origin + "x", "۱/۲/۳", f"{origin}/1")
        good = (route, origin, 0, "rejection")
        bad = (
            (f"{self.world.masked_agreement}/{STEP}", origin, 8, "rejection of another's delivery"),
            (f"{self.world.whole_agreement}/{UNCLAIMED[0]}", origin, 8, "rejection on a route that is none"),
            ("no route", origin, 8, "rejection without a route"),
            (route, f"{topics.outbox(self.world.other)}/0/1", 8, "rejection of another source's event"),
            (route, rng.choice(no_places), 8, "rejection of no place"),
        )
        route, origin, rank, name = good if rng.random() < 0.5 else rng.choice(bad)
        data = {"origin": origin, "route": route, "reason_code": "unknown"}
        headers, key = self._headers(rng, agency, REJECTED)
        raw = Raw(agency, key, CODEC.encode(REJECTED, data), headers, [])
        event = _Event(raw, self.world.routes(agency, REJECTED), rank, name=name)
        if rng.random() < 0.15:
            raw.value, event.rank, event.name = raw.value[:-2], 6, f"{name}, cut off"
        return self._judged(event, rng.randrange(PARTITIONS))

    def _replay(self, rng):
        """Replay an event on the hub's outbox; sometimes in a way that the hub may not."""
        agency = self.world.source
        type_ = rng.choice(MASKED)
        event = self._good(rng, agency, type_)
        raw = event.raw
        raw.agency = topics.HUB
        origin = f"{topics.outbox(agency)}/1/{rng.randrange(10**6)}".encode()
        event.name = "replay"
        change = rng.choice((*[None] * 6, *REPLAY_CHANGES))
        if change is None:
            raw.headers.append(("hub-replay-of", origin))
            if rng.random() < 0.4:
                event.routes = self._only(rng, raw, event.routes)
        else:
            event.name = change.__name__
            rank = change(rng, raw, origin)
            event.rank = min(rank, event.rank or rank)
        return self._judged(event, rng.randrange(PARTITIONS), remember=False)

    def _only(self, rng, raw, routes):
        wanted = rng.choice(([routes[0]], list(routes), [], ["no/route"], [routes[-1], "no/route"]))
        raw.headers.append(("hub-only-routes", ",".join(wanted).encode()))
        return tuple(route for route in routes if route in wanted)

    def _hub_alone(self, rng):
        """Publish what is the hub's alone."""
        agency = rng.choice((self.world.source, self.world.other, self.world.whole))
        type_ = rng.choice([each for each in CODEC.contracts.event_types() if _is_the_hubs(each)])
        event = self._good(rng, agency, type_)
        event.name, event.rank = "type of the hub", event.rank or 9
        return self._judged(event, rng.randrange(PARTITIONS))


def _json(document, *, escaped):
    try:
        return json.dumps(document, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can carry it, UTF-8 cannot
        return json.dumps(document).encode()


def _is_the_hubs(type_):
    return type_.startswith("hub.") and type_ not in (REJECTED, "hub.receipt.v1")


def _name_of(event):
    """Return the source and id of an event in binary mode."""
    found = dict(event.raw.headers)
    return found.get("ce_source"), found.get("ce_id")


def _secrets(headers):
    """Return what the masked recipient must not see of an event: subject and case."""
    return tuple(value for name, value in headers if name in ("ce_subject", "ce_caseid"))


def _unchanged(_, __):
    return ("duplicate",)


def _changed_aside(rng, raw):
    """Trace context, signatures and unknown headers may differ between two sends of one event."""
    raw.headers = [each for each in raw.headers if each[0] != "sig-ed25519"]
    raw.headers += [("sig-ed25519", rng.randbytes(4)), ("x-attempt", b"2")]
    return ("duplicate",)


def _changed(rng, raw):
    """Other content under the same id."""
    if raw.value[:1] != b"\x00":
        raw.value += b" "
        return "parked", "id-conflict"
    name = rng.choice(("ce_time", "ce_channel", "ce_causationid"))
    old = dict(raw.headers).get(name)
    raw.put(name, next(each for each in OTHERS[name] if each != old))
    return "parked", "id-conflict"


def replay_of_nothing(rng, raw, _):
    bad = (None, b"", b"\xff", b"x", b"agency.x.inbox/0/1", b"agency.x.outbox/0", b"agency.x.outbox/00/1")
    raw.headers.append(("hub-replay-of", rng.choice(bad)))
    return 2


def replay_of_two(_, raw, origin):
    raw.headers += [("hub-replay-of", origin), ("hub-replay-of", origin)]
    return 2


def routes_without_replay(_, raw, __):
    raw.headers.append(("hub-only-routes", b"a/b"))
    return 2


def routes_twice(_, raw, origin):
    raw.headers += [("hub-replay-of", origin), ("hub-only-routes", b"a"), ("hub-only-routes", b"a")]
    return 2


def replay_with_a_sequence(_, raw, origin):
    raw.headers += [("hub-replay-of", origin), ("hub-seq", b"1")]
    return 2


def the_hub_speaks_for_another(_, __, ___):
    return 3


REPLAY_CHANGES = (
    replay_of_nothing, replay_of_two, routes_without_replay, routes_twice, replay_with_a_sequence,
    the_hub_speaks_for_another,
)  # fmt: skip


def national_number(rng):
    """Return a valid national number, in one of the ways in which people write it."""
    digits = [rng.randrange(10) for _ in range(9)]
    if len(set(digits)) == 1:
        digits[0] = (digits[0] + 1) % 10
    rest = sum(digit * (10 - place) for place, digit in enumerate(digits)) % 11
    text = "".join(map(str, [*digits, rest if rest < 2 else 11 - rest]))
    way = rng.randrange(4)
    if way == 1:
        text = text.translate({ord("0") + digit: chr(0x6F0 + digit) for digit in range(10)})
    elif way == 2:
        text = f"{text[:3]}-{text[3:9]}-{text[9]}"
    elif way == 3:
        text = f"{text[:3]}\u200c{text[3:]}"
    return text
