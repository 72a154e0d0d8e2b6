"""What goes wrong in a log is found with kind, route and origin, and nothing else is."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from hub.contracts import topics
from hub.store import audit as books
from hub.store.tables import audit_checkpoint
from tests.integration.gate.conftest import STEP

EVENT_FIELDS = {"service_id": "s-1", "role": "clerk"}


def route(agreement):
    return f"{agreement}/{STEP}"


def found(desk, agreement):
    """Return the faults of a route as (kind, origin offset), sorted."""
    return sorted((each.kind, each.origin.offset) for each in books.faults(desk.engine, route(agreement)))


def line(sheet, agreement):
    (only,) = [each for each in sheet["routes"] if each["route"] == route(agreement)]
    return only


def sums_hold(sheet):
    for each in sheet["routes"]:
        states = sum(each[name] for name in ("delivered", "pending", "rejected", "expired"))
        assert each["accepted"] == states + each["lost"], each
    for each in sheet["intake"]:
        total = each["routed"] + each["unclaimed"] + each["duplicate"] + sum(each["parked"].values())
        assert each["read"] == total, each
    return True


@pytest.mark.slow
def test_a_crooked_gate_is_found_out_event_by_event(hub, desk):
    """Left out, doubled, changed, unmasked, swapped: each by kind and origin; the honest route has none."""
    source, victim, honest = hub.agency("source"), hub.agency("victim"), hub.agency("honest")
    crooked, straight = hub.agree(source, victim, mask=("role",)), hub.agree(source, honest)
    hub.apply()
    ids = [f"e-{number}" for number in range(3000)]
    masked = hub.codec.encode(STEP, {"service_id": "s-2"})
    unmasked = hub.codec.encode(STEP, EVENT_FIELDS)
    hub.crooked_gate(
        [victim],
        skip=["e-10", "e-2999"],
        twice=["e-20"],
        values={"e-30": masked.hex(), "e-40": unmasked.hex()},
        headers={"e-50": ["hub-purpose", "marketing"]},
        swap=["e-60", "e-61"],
        skip_every=1000,
    )
    for id_ in ids:
        hub.send(source, *hub.event(source, EVENT_FIELDS, id=id_, caseid=f"{source}/c"))
    hub.flush()
    hub.until_decided(source, 3000)
    inbox = [int(read.header("hub-origin").rsplit("/", 1)[1]) for read in hub.inbox(victim)]
    skipped = sorted(set(range(3000)) - set(inbox))
    assert len(skipped) in (4, 5)
    one = desk()
    sheet = one.auditor().cycle()
    assert sums_hold(sheet)
    assert found(one, straight) == []
    assert line(sheet, straight)["balanced"]
    kinds = found(one, crooked)
    assert [offset for kind, offset in kinds if kind == "missing"] == skipped
    assert [offset for kind, offset in kinds if kind == "doubled"] == [20]
    assert {30, 40, 50} <= {offset for kind, offset in kinds if kind == "altered"}
    # The seq of what was swapped is wrong too.
    assert {offset for kind, offset in kinds if kind == "altered"} <= {20, 30, 40, 50, 60, 61, 62}
    assert [offset for kind, offset in kinds if kind == "out_of_order"] == [60]
    bad = line(sheet, crooked)
    assert not bad["balanced"]
    assert not sheet["balanced"]
    assert bad["open"] == len(kinds)
    assert bad["unaccounted"]["missing"] == len(skipped)
    details = " ".join(each.detail for each in books.faults(one.engine, route(crooked)))
    assert "marketing" not in details
    assert "s-2" not in details


@pytest.mark.slow
def test_a_group_moved_forward_is_five_missing_and_one_copy_more_shows_six(hub, desk):
    """Whoever moves the gate's group makes it skip; a fault of another kind never cancels that."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    agreement = hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 20)
    hub.until_decided(source, 20)
    one = desk()
    auditor = one.auditor()
    sheet = auditor.cycle()
    assert line(sheet, agreement)["balanced"]
    assert line(sheet, agreement)["accepted"] == 20
    hub.stop_gates()
    hub.publish(source, 10)
    hub.commit_group(topics.GATE_GROUP, topics.outbox(source), {0: 25})
    auditor.cycle()
    assert found(one, agreement) == [("missing", number) for number in range(20, 25)]
    copied = hub.inbox(recipient)[3]
    hub.forge(copied)
    sheet = auditor.cycle()
    assert found(one, agreement) == [("doubled", 3), *[("missing", number) for number in range(20, 25)]]
    assert line(sheet, agreement)["open"] == 6
    assert sums_hold(sheet)
    (copy,) = [each for each in books.faults(one.engine, route(agreement)) if each.kind == "doubled"]
    assert copy.found == (copied.topic, copied.partition, hub.inbox(recipient)[-1].offset)
    # The group goes back to where the ledger is: the gate decides the five, and they count as arrived.
    hub.commit_group(topics.GATE_GROUP, topics.outbox(source), {0: 20})
    hub.start_gate()
    hub.until_decided(source, 30)
    sheet = auditor.cycle()
    assert line(sheet, agreement)["unaccounted"] == {
        "missing": 5,
        "doubled": 1,
        "altered": 0,
        "out_of_order": 0,
    }
    assert line(sheet, agreement)["open"] == 1
    assert {each.action for each in books.repairs(one.engine, route(agreement))} == {"arrived"}


@pytest.mark.slow
def test_hostile_records_in_an_inbox_are_faults_and_stop_nothing(hub, desk):
    """No header, no UTF-8, a route of nobody, an origin that is none: counted, never raised."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    agreement = hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 5)
    hub.until_decided(source, 5)
    inbox = topics.inbox(recipient)
    for headers in (
        [],
        [("hub-route", b"\xff\xfe"), ("hub-origin", b"\xff")],
        [("hub-route", b"nobody\x00/x"), ("hub-origin", b"agency.x.outbox/0/1")],
        [("hub-route", route(agreement).encode()), ("hub-origin", b"not/a/place")],
        [("hub-route", route(agreement).encode()), ("hub-origin", b"agency.x.outbox/0/99999999999999999999")],
    ):
        hub.produce(inbox, None, b"", headers)
    one = desk()
    sheet = one.auditor().cycle()
    mine = [each for each in books.faults(one.engine) if each.found and each.found[0] == inbox]
    assert {each.kind for each in mine} == {"doubled"}
    assert len(mine) == 5
    assert line(sheet, agreement)["accepted"] == 5
    assert sums_hold(sheet)


@pytest.mark.slow
def test_a_forged_ledger_changes_nothing_and_a_checkpoint_is_kept(hub, desk):
    """The audit never reads hub.ledger."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    agreement = hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 5)
    hub.until_decided(source, 5)
    one = desk()
    auditor = one.auditor()
    before = line(auditor.cycle(), agreement)
    key = f"route/{agreement}/{STEP}/{topics.outbox(source)}/0".encode()
    for number in range(4):
        hub.produce(topics.LEDGER, key, b'{"seq":77,"agreement":"%s@1"}' % agreement.encode(), (), number)
    assert line(auditor.cycle(), agreement) == before
    with one.engine.connect() as connection:
        (taken_at,) = connection.execute(select(audit_checkpoint.c.taken_at)).scalars()
    kept = books.checkpoint(one.engine, taken_at)
    assert [lane.accepted for lane in kept.saved.lanes if lane.route == route(agreement)] == [5]
    assert re.fullmatch(
        r"agency\..*\.outbox", max(kept.positions, key=lambda each: "outbox" in each.topic).topic
    )
