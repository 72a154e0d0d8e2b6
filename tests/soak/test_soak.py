"""The soak's own parts: the plan of kills, the judge that finds what is off; and ten kills of a real hub."""

from __future__ import annotations

from collections import Counter

import pytest

from hub.contracts.record import Record
from tests.integration.cases.killing import Killed, once_each
from tests.soak import judge, kills
from tests.soak.__main__ import table
from tests.soak.run import run

SEED = 1045
"""Ten kinds; the API and the three zombies that take longest are left to `make soak`."""

ROUTE = "register/service.step.completed.v1"


def test_a_seed_names_its_kills_and_no_kind_is_forgotten():
    """The same seed, the same kills; in as many as there are kinds each comes once."""
    first = kills.plan(7, 200)
    assert first == kills.plan(7, 200) != kills.plan(8, 200)
    assert Counter(first[: len(kills.KINDS)]) == Counter(kills.KINDS.keys())
    assert max(Counter(first).values()) - min(Counter(first).values()) <= 1


def delivery(id_, seq, offset, place=0):
    headers = (
        ("ce_id", id_.encode()),
        ("hub-route", ROUTE.encode()),
        ("hub-seq", str(seq).encode()),
        ("hub-origin", f"agency.city.outbox/0/{offset}".encode()),
    )
    return Record("agency.register.inbox", 0, place, 0, b"k", b"v", headers)


def findings_of(*records):
    inbox = judge.Inbox("agency.register.inbox", findings := judge.Findings())
    for record in records:
        inbox.take(record)
    return {each.partition(":")[0] for each in findings}


def test_the_judge_sees_gaps_repeats_and_disorder():
    """A whole line is well; each thing that can be wrong with one is named."""
    first, second, third = delivery("a:1:1", 1, 5), delivery("a:1:2", 2, 6), delivery("a:1:3", 3, 9)
    assert findings_of(first, second, third) == set()
    assert findings_of(first, third) == {"hub-seq"}
    assert "doubled" in findings_of(first, delivery("a:1:1", 2, 6))
    assert findings_of(first, delivery("a:1:2", 2, 5)) == {"order of origins"}
    assert findings_of(delivery("a:1:2", 1, 5), delivery("a:1:1", 2, 6)) == {"order in a case"}


def test_the_judge_compares_what_is_due_with_what_is_there(tmp_path):
    """Missing, never due, and confirmed but not on the outbox."""
    findings = judge.Findings()
    outboxes = judge.Outboxes(None)
    outboxes.due[ROUTE, "register"] |= {"lost", "there"}
    outboxes.places["there"] = {"agency.city.outbox/0/1"}
    inbox = judge.Inbox("agency.register.inbox", findings)
    inbox.ids[ROUTE] |= {"there", "strange"}
    judge._compare(outboxes, {"register": inbox}, findings)
    journal = tmp_path / "confirmed"
    journal.write_text(
        "there agency.city.outbox/0/1\nthere agency.city.outbox/0/2\ngone agency.city.outbox/0/3\n"
    )
    assert judge._check_journal(journal, outboxes, findings) == 3
    assert Counter(each.partition(":")[0] for each in findings) == {
        "missing": 1, "never due": 1, "confirmed and lost": 2,
    }  # fmt: skip


def test_the_audit_is_believed_only_where_it_has_seen_all():
    """No sheet in time, a fault, a sum that does not hold, fewer events than there are: each is a finding."""
    totals = {"read": 10, "unaccounted": {"missing": 0, "doubled": 0, "altered": 0, "out_of_order": 0}}
    good = {"totals": totals, "balanced": True, "sequence_faults": []}
    assert judge.judge_sheet(good, 10) == []
    assert len(judge.judge_sheet(None, 10)) == 1
    assert len(judge.judge_sheet(good, 11)) == 1
    faulty = {**totals, "unaccounted": {**totals["unaccounted"], "missing": 1, "doubled": 1}}
    assert len(judge.judge_sheet({**good, "totals": faulty, "balanced": False}, 10)) == 3


def test_a_notice_that_is_lost_doubled_or_strange_is_found():
    """Each that was decided stands once; nothing stands that nobody decided."""
    assert once_each(["a", "b"], ["b", "a"], "the outbox") == []
    found = once_each(["a", "b", "c"], ["b", "b", "c", "d"], "the outbox")
    assert [each.partition(" on ")[0] for each in found] == [
        "1 notices lost", "1 notices more than once", "1 notices never decided",
    ]  # fmt: skip


def test_input_that_waits_is_not_the_middle_of_something():
    """A kill of the cases counts where a transaction was open or notices were unsaid."""
    idle = {"at": 1.0, "writing": False, "unsaid": 0, "there": 0, "unread": 5000, "worked": 3.0}
    busy = [Killed(**{**idle, **each}).busy for each in ({}, {"writing": True}, {"unsaid": 1})]
    assert busy == [False, True, True]


@pytest.mark.slow
@pytest.mark.destructive
def test_ten_kills_lose_and_double_nothing():
    """Of the fourteen kinds ten, as the seed draws them; the audit and a direct look find nothing."""
    outcome = run(seed=SEED, count=10, seconds=30, rate=90)
    told = table(outcome, SEED)
    assert outcome.findings == [], told
    assert len(outcome.injected) == 10, told
    assert outcome.counted["confirmed"] > 0, told
