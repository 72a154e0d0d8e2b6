"""Laws: sums always hold; neither the order of feeding nor restarts matter; garbage is counted."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.audit.books import Place
from hub.contracts import topics

from .conftest import (
    CITY,
    HUBS,
    STEP,
    Keeper,
    World,
    begin,
    books,
    cycle,
    explanation,
    make,
    rejection,
)

STAFF = {"service_id": "permit", "handled_by": "560872", "supervised_by": "560890"}
LAW = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 10**9)
ROUTES = [f"city-{each}/{STEP}" for each in ("register", "statistics", "window")]
INBOXES = [f"agency.{each}.inbox" for each in ("register", "statistics", "window", "hub")]


def sabotaged(rng):
    """Return a hub whose logs were changed in a few places, by a gate or by a forger."""
    world = World()
    for number in range(rng.randrange(5, 25)):
        world.publish(event(rng, number), gap=rng.choice([1, 1, 3]))
        if rng.random() < 0.3:
            for place in world.kinds("outbox"):
                world.gate(*place, only=rng.choice([None, 3]), alter=lambda written: spoilt(rng, written))
        if rng.random() < 0.1:
            forge(rng, world)
    for place in world.kinds("outbox"):
        world.gate(*place, alter=lambda written: spoilt(rng, written))
    return world


def event(rng, number):
    roll = rng.random()
    origin = f"{CITY}/{rng.randrange(2)}/{rng.randrange(number + 1)}"
    if roll < 0.08:
        routes = rng.choice([ROUTES, ROUTES[:1], []])
        return explanation(origin, routes, rng.choice([(), ("missing",), ("doubled",)]))
    if roll < 0.16:
        return rejection(ROUTES[0], origin)
    if roll < 0.26:
        extra = [("hub-replay-of", origin.encode()), ("hub-only-routes", rng.choice(ROUTES).encode())]
        return make(STAFF, topic=HUBS, source="/agency/city", id=f"r-{number}", extra=extra)
    record = make(rng.choice([None, STAFF]), partition=rng.randrange(2), id=f"e-{rng.randrange(15)}")
    if roll < 0.4:
        return record.replace(**rng.choice([{"key": None}, {"value": b"x"}, {"headers": []}]))
    return record


def spoilt(rng, written):
    out = list(written)
    while out and rng.random() < 0.3:
        place = rng.randrange(len(out))
        each = out[place]
        match rng.randrange(5):
            case 0:
                if "receipts" not in each[0]:
                    del out[place]
            case 1:
                if "receipts" not in each[0]:
                    out.insert(place, each)
            case 2:
                other = rng.randrange(len(out))
                if "receipts" not in each[0] and "receipts" not in out[other][0]:
                    out[place], out[other] = out[other], out[place]
            case 3:
                out[place] = (*each[:3], rng.choice([None, b"", b"other"]), each[4])
            case 4:
                out[place] = (*each[:4], [header for header in each[4] if rng.random() < 0.9])
    return out


def forge(rng, world):
    some = [record for place, log in world.logs.items() if "outbox" not in place.topic for record in log]
    if some:
        record = rng.choice(some)
        topic = rng.choice([record.topic, *INBOXES, topics.PARKED])
        world.append(
            topic, 0 if "receipts" in topic else rng.randrange(2), record.key, record.value, record.headers
        )


@LAW
@given(SEEDS)
def test_the_order_of_feeding_does_not_matter(seed):
    """Whatever log is read first, the books are the same."""
    world = sabotaged(random.Random(seed))
    once = books(cycle(begin(world), world))
    for other in range(3):
        assert books(cycle(begin(world), world, random.Random(other))) == once


@LAW
@given(SEEDS, st.integers(1, 12))
def test_a_restart_anywhere_changes_nothing(seed, every):
    """In mid-feed, with unmatched sides, open claims, duplicates remembered and deliveries pending."""
    rng = random.Random(seed)
    world = sabotaged(rng)
    whole, whole_keeper, restarted, keeper = begin(world), Keeper(world), begin(world), Keeper(world)
    one, two, committed = {}, {}, {}
    for step in range(3):
        committed |= {
            place: rng.randrange(end + 1) for place, end in world.ends.items() if "inbox" in place.topic
        }
        order = random.Random(step)
        whole = cycle(whole, world, order, one, committed)
        order = random.Random(step)
        restarted = cycle(
            restarted,
            world,
            order,
            two,
            committed,
            keeper.restart,
            every,
        )
        restarted = keeper.restart(restarted, two)
        restarted.recipients(committed, {})
        more(rng, world, step)
    whole = cycle(whole, world, None, one, committed)
    restarted = cycle(restarted, world, None, two, committed)
    assert books(restarted, keeper) == books(whole, whole_keeper)


def more(rng, world, step):
    for number in range(5):
        world.publish(event(rng, number + 10 * step))
    for place in world.kinds("outbox"):
        world.gate(*place, alter=lambda written: spoilt(rng, written))


def sums_hold(account):
    found = books(account)
    for line in found["sheet"]["intake"]:
        assert line["read"] == line["routed"] + line["unclaimed"] + line["duplicate"] + sum(
            line["parked"].values()
        )
    for line in found["sheet"]["routes"]:
        known = sum(line[term] for term in ("delivered", "pending", "rejected", "expired"))
        assert line["accepted"] == known + line["lost"]
        assert 0 <= line["lost"] <= line["unaccounted"]["missing"]
        assert all(line[term] >= 0 for term in ("delivered", "pending", "rejected", "expired"))
        assert line["open"] >= 0
    for lane in account.changes().lanes:
        assert sum(lane.months.values()) == lane.accepted


@LAW
@given(SEEDS)
def test_sums_hold_after_every_record(seed):
    """Not only at a cut: what is not matched yet is in no sum."""
    rng = random.Random(seed)
    world = sabotaged(rng)
    checks = []

    def check(account, _):
        sums_hold(account)
        checks.append(account)
        return account

    account = cycle(begin(world), world, rng, upto=check, every=1)
    account.recipients({Place(inbox, number): 3 for inbox in INBOXES for number in (0, 1)}, {})
    sums_hold(account)
    assert checks


@LAW
@given(SEEDS)
def test_faults_are_counted_as_they_are_listed(seed):
    """A row's count of each kind is the number of faults listed for it."""
    world = sabotaged(random.Random(seed))
    keeper = Keeper(world)
    books(cycle(begin(world), world), keeper)
    for rows, route in ((keeper.lanes, None), (keeper.intakes, "")):
        for row in rows.values():
            for kind in ("missing", "doubled", "altered", "out_of_order"):
                listed = [
                    each
                    for each in keeper.faults
                    if (each.route, each.kind) == (getattr(row, "route", route), kind)
                    and (each.origin.topic, each.origin.partition) == (row.topic, row.partition)
                ]
                assert len(listed) == getattr(row, kind, 0)


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["hub-route", "hub-origin", "hub-seq", "hub-accepted-at", "hub-reason", "ce_id", "sig-", ""]
        ),
        st.one_of(
            st.none(),
            st.binary(max_size=12),
            st.sampled_from(
                [
                    ROUTES[0].encode(),
                    f"{CITY}/0/1".encode(),
                    f"{CITY}/0/7".encode(),
                    f"{CITY}/0/{2**63}".encode(),
                ]
            ),
        ),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*INBOXES, topics.PARKED, "agency.city.receipts", CITY, HUBS]),
            st.none() | st.binary(max_size=9),
            st.none() | st.binary(max_size=30),
            HEADERS,
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_garbage_never_raises_and_in_an_inbox_never_balances_away(garbage):
    """One fault for each of its places that is named, or for each name that is none of ours."""
    world = World()
    world.publish(make())
    world.gate()
    for topic, key, value, headers, readable in garbage:
        world.append(topic, 0, key, value, headers if readable else [], readable=readable)
    for place in world.kinds("outbox"):
        world.gate(*place)
    account, positions = begin(world), {}
    for _ in range(5):
        account = cycle(account, world, positions=positions)
    found = books(account)
    assert found["sheet"]["totals"]["unaccounted"]["doubled"] >= any("inbox" in each[0] for each in garbage)
    assert found["sheet"]["balanced"] is (not found["faults"])


def test_a_record_that_is_fed_again_is_not_counted_again():
    """Feeding is by offset; what was read before is passed over."""
    world = World()
    world.publish(make())
    world.gate()
    account = cycle(begin(world), world)
    once = books(account)["sheet"]
    assert books(cycle(account, world))["sheet"] == once


def test_values_never_reach_a_fault_or_the_carry():
    """Neither details nor what is kept over a restart hold anything of an event."""
    world = World()
    world.publish(make(STAFF, subject="person-77", caseid="city/4711"))
    world.gate(alter=lambda written: [(*each[:3], b"x", each[4]) for each in written if "inbox" in each[0]])
    account, keeper = begin(world), Keeper(world)
    for record in [each for log in world.logs.values() for each in log]:
        if record.topic.endswith("inbox"):
            account.delivery(record)
    keeper.save(account)
    kept = repr((keeper.faults, account._dump()))
    cycle(account, world)
    keeper.save(account)
    kept += repr((keeper.faults, account._dump()))
    assert not any(text in kept for text in ("560872", "person-77", "4711"))
