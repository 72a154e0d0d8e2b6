"""A fault in words: the names of what differs for everybody, both versions for who may see them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hub.audit.books import Place
from hub.audit.explain import explain

from .conftest import CITY, Keeper, begin, books, cycle, judge, make, registry
from .test_faults import STAFF, STATISTICS, broken, changed, filled, parks, picks, put, unmasked


def told(world, **gone):
    """Return what is said of the one fault in the books."""
    keeper = Keeper(world)
    books(cycle(begin(world), world), keeper)
    (fault,) = keeper.faults

    def fetch(topic, partition, offset):
        return next(each for each in world.logs[Place(topic, partition)] if each.offset == offset)

    original = fetch(fault.origin.topic, fault.origin.partition, fault.origin.offset)
    found = None if fault.found is None else fetch(*fault.found)
    records = {"original": original, "found": found} | gone
    return explain(judge(world), registry(1), fault, records["original"], records["found"])


def test_a_field_that_was_not_masked_is_named(world):
    """Its value stands in the versions only."""
    filled(world)
    world.gate(alter=changed(picks(STATISTICS, 2), unmasked))
    said = told(world)
    assert said.differs == ("field handled_by", "field supervised_by")
    assert "560872" not in said.what
    assert (said.due["value"]["handled_by"], said.found["value"]["handled_by"]) == (None, "560872")
    json.dumps((said.due, said.found))


CHANGES = {
    "header": (put("hub-purpose", b"another"), ("header hub-purpose",)),
    "more": (lambda each: (*each[:4], [*each[4], ("x", b"1")]), ("header x",)),
    "key": (lambda each: (*each[:2], None, *each[3:]), ("key",)),
    "no Avro": (lambda each: (*each[:3], b"\xff", each[4]), ("value",)),
    "null": (lambda each: (*each[:3], None, each[4]), ("value",)),
    "number": (put("hub-seq", b"77"), ()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_named(world, name):
    """A number is named by the fault's own detail."""
    change, differs = CHANGES[name]
    filled(world)
    world.gate(alter=changed(picks(STATISTICS, 2), change))
    said = told(world)
    assert said.differs == differs
    assert all(each.removeprefix("header ") in said.what for each in differs or ("hub-seq",))


def test_of_a_missing_delivery_what_was_due_is_shown(world):
    """With mask and treatment of its recipient; nothing was found."""
    filled(world)
    world.gate(alter=changed(picks(STATISTICS, 2), lambda _: None))
    said = told(world)
    assert said.found is None
    assert said.due["value"]["handled_by"] is None
    assert said.due["key"].startswith("city/")
    assert "hub-masked" in dict(said.due["headers"])
    assert "does not hold" in said.what


def test_a_copy_is_told_from_what_was_never_due(world):
    """The one is as due; of the other nothing was due."""
    filled(world)
    world.gate()
    copy = world.logs[Place("agency.statistics.inbox", 0)][1]
    world.append(copy.topic, 0, copy.key, copy.value, copy.headers)
    assert told(world).what.startswith("a copy of the delivery")


def test_what_was_never_due_is_said_to_be(world):
    """No agreement covered it."""
    world.publish(make(STAFF, topic="agency.register.outbox"))
    world.gate("agency.register.outbox")
    headers = [("hub-route", STATISTICS.encode()), ("hub-origin", b"agency.register.outbox/0/0")]
    world.append("agency.statistics.inbox", 0, None, None, headers)
    assert "no agreement of this route" in told(world).what


@pytest.mark.parametrize(("gone", "words"), [("original", "outbox"), ("found", "inbox")])
def test_what_retention_has_removed_is_said_to_be(world, gone, words):
    """Either side."""
    filled(world)
    world.gate(alter=changed(picks(STATISTICS, 2), put("hub-purpose", b"x")))
    said = told(world, **{gone: None})
    assert f"retention has removed {'the event' if gone == 'original' else 'what was found'}" in said.what
    assert words in said.what


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda each: (*each[:3], None, each[4]), ("value",)),
        (lambda each: (*each[:2], None, *each[3:]), ("key",)),
        (put("ce_id", b"x"), ("header ce_id",)),
        (put("hub-reason", b"frame"), ("header hub-reason",)),
    ],
)
def test_a_parked_event_is_compared_too(world, change, differs):
    """Byte for byte with the outbox."""
    broken(world)
    world.gate(alter=changed(parks(1), change))
    assert told(world).differs == differs


def test_garbage_is_explained_without_raising(world):
    """Whatever the records hold."""
    filled(world)
    world.gate(alter=changed(picks(STATISTICS, 2), put("hub-purpose", b"x")))
    keeper = Keeper(world)
    books(cycle(begin(world), world), keeper)
    (fault,) = keeper.faults
    junk = make().replace(value=b"\x00\xff", headers=[("\udcff", None), ("hub-reason", b"\xff")], key=b"\xff")
    for each in (fault, replace(fault, route=""), replace(fault, route="x", kind="doubled")):
        for original in (None, junk, world.logs[Place(CITY, 0)][0]):
            for found in (None, junk):
                assert explain(judge(world), registry(1), each, original, found).what
