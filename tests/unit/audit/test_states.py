"""Where deliveries are: pending, delivered, rejected, expired; and what retention removed."""

from __future__ import annotations

import pytest

from hub.audit.account import Account
from hub.audit.books import Place
from hub.audit.pending import Pending

from .conftest import CITY, STEP, Keeper, begin, books, cycle, edges, judge, make, rejection

REGISTER = f"city-register/{STEP}"
INBOX = Place("agency.register.inbox", 0)
SOURCE = Place(CITY, 0)
TERMS = ("accepted", "delivered", "pending", "rejected", "expired", "before")


def filled(world, count=6):
    for number in range(count):
        world.publish(make(id=f"e-{number}"))
    world.gate()
    return begin(world)


def line(account, route=REGISTER, keeper=None):
    sheet = books(account, keeper)["sheet"]
    (found,) = (each for each in sheet["routes"] if each["route"] == route)
    assert found["balanced"]
    return tuple(found[term] for term in TERMS)


def test_what_the_recipient_committed_past_is_delivered_and_a_commit_never_goes_back(world):
    """The rest is pending, since the oldest's time."""
    account = cycle(filled(world), world)
    assert line(account) == (6, 0, 6, 0, 0, 0)
    account.recipients({INBOX: 4}, {})
    assert line(account) == (6, 4, 2, 0, 0, 0)
    account.recipients({INBOX: 1}, {})
    assert line(account) == (6, 4, 2, 0, 0, 0)
    keeper = Keeper(world)
    account.recipients({INBOX: 5}, {})
    keeper.save(account)
    assert keeper.lanes[REGISTER, *SOURCE].oldest_pending_ms == world.logs[INBOX][5].timestamp


@pytest.mark.parametrize(
    ("committed", "low", "states"),
    [
        (0, 2, (0, 4, 0, 2)),
        (2, 4, (2, 2, 0, 2)),
        (4, 2, (4, 2, 0, 0)),
        (0, 6, (0, 0, 0, 6)),
        (6, 6, (6, 0, 0, 0)),
    ],
)
def test_what_retention_removes_before_a_commit_is_expired(world, committed, low, states):
    """What was committed past before is delivered, however old."""
    account = cycle(filled(world), world)
    account.recipients({INBOX: committed}, {})
    account.recipients({INBOX: committed}, {INBOX: low})
    assert line(account)[1:5] == states


def reject(world, account, offsets, positions):
    for offset in offsets:
        world.publish(rejection(REGISTER, f"{CITY}/0/{offset}"))
    world.gate("agency.register.outbox")
    return cycle(account, world, positions=positions)


def test_a_rejected_delivery_leaves_its_state_once(world):
    """Delivered or pending; a second rejection, and one of what was never delivered, count nothing."""
    positions = {}
    account = cycle(filled(world), world, positions=positions)
    account.recipients({INBOX: 3}, {})
    account = reject(world, account, [1, 4, 1, 4, 99], positions)
    assert line(account) == (6, 2, 2, 2, 0, 0)
    account.recipients({INBOX: 6}, {})
    assert line(account) == (6, 4, 0, 2, 0, 0)


def test_a_rejection_of_a_missing_delivery_counts_nothing(world):
    """It is missing still."""
    for number in range(3):
        world.publish(make(id=f"e-{number}"))
    world.gate(alter=lambda written: [each for each in written if dict(each[4]).get("hub-seq") != b"2"])
    positions = {}
    account = cycle(begin(world), world, positions=positions)
    account = reject(world, account, [1], positions)
    (found,) = (each for each in books(account)["sheet"]["routes"] if each["route"] == REGISTER)
    assert (found["pending"], found["rejected"], found["unaccounted"]["missing"]) == (2, 0, 1)


@pytest.mark.parametrize("low", [3, 6])
def test_an_audit_that_begins_later_counts_what_it_finds_from_before(world, low):
    """Deliveries of origins below its beginning are no fault; the numbers go on from them."""
    filled(world)
    world.logs[SOURCE] = [each for each in world.logs[SOURCE] if each.offset >= low]
    account = Account(judge(world), world.editions, world.bounds)
    account.begin(SOURCE, low, first=True)
    edges(account, world)
    found = books(cycle(account, world))
    assert found["faults"] == []
    (intake,) = (each for each in found["sheet"]["intake"] if each["next"] == 6)
    assert (intake["read"], intake["unaudited"], intake["balanced"]) == (6 - low, 0, True)
    assert line(account) == (6 - low, 0, 6 - low, 0, 0, low)


def test_an_audit_that_begins_later_where_inboxes_begin_later_too(world):
    """What retention took from an inbox before the audit looked is expired, or delivered; not missing."""
    for number in range(3):
        world.publish(make(id=f"old-{number}"))
    world.gate()
    world.clock += 1000
    account = filled(world)
    for place in world.kinds("inbox"):
        world.logs[place] = world.logs[place][3:]
        account.inbox_began(place, 3, world.logs[place][0].timestamp)
    account = cycle(account, world, committed={INBOX: 3})
    assert books(account)["faults"] == []
    assert line(account) == (9, 3, 6, 0, 0, 0)
    assert line(account, f"city-window/{STEP}") == (9, 0, 6, 0, 3, 0)


def test_what_retention_took_from_an_outbox_is_counted_as_unread_or_unaudited(world):
    """By places: those that the gate had read were not audited; the others expired unread."""
    account, positions = filled(world), {}
    account = cycle(account, world, positions=positions)
    for number in range(6, 12):
        world.publish(make(id=f"e-{number}"))
    world.gate(only=2)
    account.removed(SOURCE, 11, 8)
    world.decided[SOURCE] = 11
    positions[SOURCE] = 11
    world.states[SOURCE].next = 11
    world.gate()
    account = cycle(account, world, positions=positions)
    found = books(account)
    assert found["faults"] == []
    (intake,) = (
        each for each in found["sheet"]["intake"] if each["topic"] == CITY and each["partition"] == 0
    )
    assert (intake["read"], intake["unaudited"], intake["expired_unread"]) == (7, 2, 3)
    assert (intake["balanced"], intake["next"]) == (True, 12)


def test_a_partition_that_is_younger_than_the_audit_counts_what_it_never_saw():
    """Its beginning is 0; what was removed before the audit came is unaudited."""
    from .conftest import World

    world = World()
    account = Account(judge(world), world.editions, world.bounds)
    account.begin(SOURCE, 4, first=False)
    account.begin(SOURCE, 9, first=False)
    (intake,) = books(account)["sheet"]["intake"]
    assert (intake["unaudited"], intake["next"]) == (4, 4)


def test_after_a_restart_what_was_committed_meanwhile_is_delivered(world):
    """And what waits is pending again, less what was rejected."""
    positions = {}
    account = cycle(filled(world), world, positions=positions)
    account = reject(world, account, [4], positions)
    keeper = Keeper(world)
    assert line(account, keeper=keeper) == (6, 0, 5, 1, 0, 0)
    account = keeper.restart(account, positions, {INBOX: 2})
    account.recipients({INBOX: 2}, {})
    assert line(account) == (6, 2, 3, 1, 0, 0)
    account.recipients({INBOX: 5}, {INBOX: 6})
    assert line(account) == (6, 4, 0, 1, 1, 0)


def test_pending_deliveries_are_forgotten_as_they_go():
    """Thousands come and go; what is left is told right."""
    pending = Pending()
    for offset in range(20_000):
        pending.add(offset * 2, offset, offset)
    assert len(pending.pop_below(20_001)) == 10_001
    assert (len(pending), pending.first(), pending.oldest_ms({10_001})) == (9999, 20_002, 10_002)
    assert (pending.holds(10_000), pending.holds(10_001)) == (False, True)


def test_a_restart_tells_pending_deliveries_from_those_that_are_not_judged_yet(world):
    """The first was committed past meanwhile; the second is not counted before its event is judged."""
    positions = {}
    account = cycle(filled(world, 1), world, positions=positions)
    world.publish(make(id="later"))
    world.gate()
    record = world.logs[INBOX][1]
    account.delivery(record)
    positions[INBOX] = record.offset + 1
    keeper = Keeper(world)
    assert line(account, keeper=keeper) == (1, 0, 1, 0, 0, 0)
    account = keeper.restart(account, positions, {INBOX: 1})
    account.recipients({INBOX: 1}, {})
    assert line(account) == (1, 1, 0, 0, 0, 0)
    assert line(cycle(account, world, positions=positions)) == (2, 1, 1, 0, 0, 0)


def test_a_restart_after_a_wrong_number_makes_no_second_fault_of_it(world):
    """What follows goes on as if the number had been right."""
    for number in range(2):
        world.publish(make(id=f"e-{number}"))

    def renumbered(written):
        wrong = [(name, b"9" if (name, value) == ("hub-seq", b"2") else value) for name, value in written[4]]
        return (*written[:4], wrong)

    world.gate(alter=lambda written: [renumbered(each) for each in written])
    positions, keeper = {}, Keeper(world)
    account = cycle(begin(world), world, positions=positions)
    account = keeper.restart(account, positions)
    world.publish(make(id="e-2"))
    world.gate()
    books(cycle(account, world, positions=positions), keeper)
    assert {str(each.origin) for each in keeper.faults} == {f"{CITY}/0/1"}
