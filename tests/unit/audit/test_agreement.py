"""Two implementations, one spec: over thousands of records the audit finds nothing wrong with the gate."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.audit.account import Bounds
from hub.contracts.names import RECEIPT
from tests.fuzz.cases import Fuzzer
from tests.fuzz.world import World as Agencies

from .conftest import (
    AGREEMENTS,
    CITY,
    CODEC,
    HUBS,
    START,
    STEP,
    Editions,
    World,
    agreement,
    begin,
    books,
    cycle,
    make,
    registry,
    rejection,
)

STAFF = {"service_id": "permit", "handled_by": "560872", "supervised_by": "560890", "step_id": "review"}


def ends(number):
    """Return an edition; one has agreements that end and begin in mid-run, one a mask without default."""
    middle = datetime.fromtimestamp((START + 3000) / 1000, UTC)
    extra = {
        2: (agreement("z-until", "register", until=middle), agreement("z-from", "statistics", since=middle)),
        3: (agreement("bare", "window", ("service_id",)),),
    }
    return registry(number, (*AGREEMENTS, *extra.get(number, ())))


def structured(rng, number):
    document = {
        "specversion": "1.0",
        "id": f"json-{number % 40}",
        "source": "/agency/city/desk",
        "type": rng.choice([STEP, STEP, STEP, "service.request.unheard.v1"]),
        "time": "2026-03-21T08:30:00Z",
        "data": rng.choice([{"service_id": "permit"}, {"service_id": 5}, STAFF]),
    }
    if rng.random() < 0.1:
        del document[rng.choice(list(document))]
    record = make(key=document.get("id", "x").encode(), value=json.dumps(document).encode())
    return record.replace(headers=[("content-type", b"application/cloudevents+json"), ("sig-a", b"1")])


def replay(rng, offset):
    of = ("hub-replay-of", f"{CITY}/0/{offset}".encode())
    extra = [of]
    if rng.random() < 0.5:
        routes = rng.choice(
            [f"city-window/{STEP}", f"city-register/{STEP},city-window/{STEP}", "nowhere", ""]
        )
        extra.append(("hub-only-routes", routes.encode()))
    if rng.random() < 0.1:
        extra.append(rng.choice([of, ("hub-only-routes", None), ("hub-seq", b"1")]))
    return make(STAFF, topic=HUBS, source="/agency/city", extra=extra, id=f"event-{offset}")


def binary(rng, number):
    parts = {
        "caseid": rng.choice([None, f"city/{number % 7}", "register/9 9"]),
        "subject": rng.choice([None, f"person-{number % 5}", "0013542419", "۰۰۱۳۵۴۲۴۱۹"]),
        "channel": rng.choice([None, "online"]),
        "causationid": rng.choice([None, "event-0"]),
        "traceparent": rng.choice([None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"]),
        "source": rng.choice(["/agency/city", "/agency/city/desk"]),
    }
    extra = rng.choice([(), (("sig-b", b"2"), ("sig-a", b"1"), ("sig-b", b"1")), (("x-unknown", None),)])
    record = make(
        rng.choice([None, STAFF]), id=f"event-{rng.randrange(max(1, number - 20), number + 2)}", **parts
    )
    return record.replace(headers=[*record.headers, *extra])


def broken(rng, good):
    place = rng.randrange(len(good.headers))
    name, value = good.headers[place]
    wrong = rng.choice([[], [(name, None)], [(name, (value or b"") + b"\xff")], [(name, value)] * 2])
    return good.replace(
        **rng.choice(
            [
                {"headers": [*good.headers[:place], *wrong, *good.headers[place + 1 :]]},
                {"headers": [*good.headers, ("hub-seq", b"1")]},
                {"key": rng.choice([None, b"", b"k" * 600])},
                {
                    "value": rng.choice(
                        [None, b"", b"\x00", b"\x01" * 9, good.value[:-1], good.value + b"\x00"]
                    )
                },
                {"value": b"\x00\xff\xff\xff\xff\x00"},
                {"value": bytes(100_001), "key": rng.choice([None, b"k", b"k" * 600])},
            ]
        ),
    )


def one(rng, number):
    roll = rng.random()
    if roll < 0.12:
        return structured(rng, number)
    if roll < 0.2:
        return replay(rng, number)
    if roll < 0.25:
        route = rng.choice([f"city-register/{STEP}", f"city-statistics/{STEP}", "nowhere/at.all.v1"])
        return rejection(route, rng.choice([f"{CITY}/0/{number}", "here", f"{CITY}/0/1"]))
    good = binary(rng, number).replace(partition=rng.randrange(2))
    if roll < 0.45:
        return broken(rng, good)
    if roll < 0.47:
        return good.replace(readable=False, headers=[])
    return good


@pytest.mark.parametrize("seed", range(4))
def test_the_audit_finds_nothing_wrong_with_the_gate(seed):
    """Every class, structured mode, replays, duplicates over their bounds, periods, editions, masks."""
    rng = random.Random(seed)
    world = World(bounds=(Bounds(1000, 10**9), Bounds(30, 10**9), Bounds(1000, 250))[seed % 3])
    world.editions = Editions([(START - 1, ends(1)), (START + 1500, ends(2)), (START + 4500, ends(3))])
    account, positions = begin(world), {}
    for number in range(800):
        world.publish(one(rng, number), gap=rng.choice([1, 1, 2]))
        if rng.random() < 0.05:
            for place in world.kinds("outbox"):
                world.gate(*place, only=rng.choice([None, 5]))
        if rng.random() < 0.01:
            account = cycle(account, world, rng if seed % 2 else None, positions)
    for place in world.kinds("outbox"):
        world.gate(*place)
    account = cycle(account, world, rng if seed % 2 else None, positions)
    found = books(account)
    assert found["faults"] == []
    assert found["sheet"]["balanced"]
    totals = found["sheet"]["totals"]
    assert totals["read"] == 800
    assert min(totals[term] for term in ("routed", "unclaimed", "duplicate", "parked")) > 0
    assert len(found["sheet"]["parked"]) >= 7


def test_the_audit_finds_nothing_wrong_with_the_gate_under_the_fuzzer():
    """The fuzzer's events, whose verdicts were stated beforehand: every count agrees with that too."""
    agencies = Agencies()
    world = World(Bounds(100_000, 86_400_000), partitions=4, event_bytes=900_000)
    world.editions = Editions([(START - 1, replace(agencies.registry(), version=1))])
    account, fuzzer, positions, stated = begin(world), Fuzzer(agencies, 20260321), {}, Counter()
    for number in range(4000):
        sent = fuzzer.next()
        headers = sent.headers if sent.readable else ()
        world.append(
            f"agency.{sent.agency}.outbox", sent.partition, sent.key, sent.value, headers, 1, sent.readable
        )
        stated[sent.reason or sent.verdict] += 1
        if number % 500 == 499:
            for place in world.kinds("outbox"):
                world.gate(*place)
            account = cycle(account, world, random.Random(number), positions)
    found = books(account)
    assert found["faults"] == []
    totals = found["sheet"]["totals"]
    kinds = {kind: totals[kind] for kind in ("routed", "unclaimed", "duplicate")} | found["sheet"]["parked"]
    assert kinds == stated


def test_receipts_without_an_edition_are_judged_by_the_one_in_force(world):
    """A gate of before the field was there says nothing of its edition."""
    world.publish(make())
    world.gate(alter=lambda written: [*written[:-1], without_edition(written[-1])])
    assert books(cycle(begin(world), world))["faults"] == []


def without_edition(written):
    _, data = CODEC.decode(written[3])
    return (*written[:3], CODEC.encode(RECEIPT, {**data, "registry": None}), written[4])


def test_the_gates_clock_may_lag_a_minute(world):
    """Agreements end by the gate's clock, as its receipt tells it."""
    end = datetime.fromtimestamp(START / 1000, UTC) - timedelta(seconds=30)
    world.editions = Editions([(START - 10**6, registry(1, (agreement("ends", "register", until=end),)))])
    world.publish(make())
    world.gate(at=end - timedelta(milliseconds=1))
    found = books(cycle(begin(world), world))
    assert (found["faults"], found["sheet"]["totals"]["routed"]) == ([], 1)
