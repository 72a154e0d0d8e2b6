"""Cases on a real PostgreSQL: the same tables however deliveries are batched, and nothing half done."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from hub.errors import FencedError
from hub.store import case_tallies, tables
from tests.integration.cases.world import (
    BOOK,
    DECIDED,
    RATING,
    RECEIVED,
    START,
    STEP,
    VIEW,
    WITHDRAWN,
    Inbox,
)


def busy_inbox(seed=7, cases=24):
    """Fill an inbox with all that there is: late events, sub-cases, ratings, repeats, repairs, ticks."""
    chance, inbox = random.Random(seed), Inbox()
    plans = []
    for number in range(cases):
        caseid, at = f"city/{number}", number * 5.0
        plans.append((at, "submit", caseid))
        plans.append((at + chance.choice([10, 30, 60, 90]), "check", caseid))
        plans.append((at + chance.choice([20, 70, 100, 170]), "visit", caseid))
        plans.append((at + chance.choice([110, 150, 260]), "decide", caseid))
        if number % 4 == 0:
            plans.append((at + 12, "sub", caseid))
            plans.append((at + 40, "sub done", caseid))
        if number % 5 == 0:
            plans.append((at + 120, "withdraw", caseid))
        if number % 6 == 0:
            plans.append((at + 280, "reopen", caseid))
        plans.append((at + 15, "rate", caseid))
    plans += [(float(hour), "tick", "") for hour in range(24, 320, 24)]
    for at, what, caseid in sorted(plans, key=lambda each: each[0] + chance.choice([0, 0, 0, 30])):
        act(inbox, what, caseid, at)
    return inbox


def act(inbox, what, caseid, at):
    """Deliver what happens in a case; `what` is a name of ACTS."""
    staff = {"handled_by": f"p{int(at) % 3}", "group": f"g{int(at) % 2}"}
    ACTS[what](inbox, caseid, at, staff)


def rate(inbox, caseid, at, _):
    data = {"service_id": "licence", "rating": int(at) % 5 + 1}
    inbox.deliver(RATING, hours=at, data=data, id=f"rating-{caseid}")
    view = {"consultation_id": "c-1", "consulting_agency": "city", "position": "for"}
    inbox.deliver(VIEW, agency="window", hours=at, data=view, id=f"view-{caseid}")


def begin_sub_case(inbox, caseid, at, _):
    sub = caseid.replace("city/", "health/")
    inbox.submit(sub, at, agency="health", service="inspection", data={"parent_case": caseid})


def end_sub_case(inbox, caseid, at, _):
    inbox.step(caseid.replace("city/", "health/"), "look", "health", at)


def of_licence(type_):
    return lambda inbox, caseid, at, staff: inbox.deliver(
        type_, caseid, hours=at, data={"service_id": "licence"} | (staff if type_ == DECIDED else {})
    )


ACTS = {
    "submit": lambda inbox, caseid, at, staff: inbox.submit(caseid, at, data=staff),
    "check": lambda inbox, caseid, at, staff: inbox.step(
        caseid, "check", "tax", at, data=staff | {"retyped": at % 2 == 0}
    ),
    "visit": lambda inbox, caseid, at, staff: inbox.step(caseid, "visit", "health", at, data=staff),
    "decide": of_licence(DECIDED),
    "withdraw": of_licence(WITHDRAWN),
    "reopen": of_licence(RECEIVED),
    "sub": begin_sub_case,
    "sub done": end_sub_case,
    "rate": rate,
    "tick": lambda inbox, _, at, __: inbox.tick(at),
}


def interleaved(logs, chance):
    """Yield all records in an order that keeps each partition's own."""
    left = {partition: list(log) for partition, log in logs.items() if log}
    while left:
        partition = chance.choice(list(left))
        yield left[partition].pop(0)
        if not left[partition]:
            del left[partition]


def cut(records, chance, most):
    records = list(records)
    while records:
        size = chance.randint(1, most)
        yield records[:size]
        records = records[size:]


def test_any_batches_and_any_interleaving_of_partitions_give_the_same_tables(world):
    """All at once, one by one, or in any pieces: every row of every table is the same."""
    inbox = busy_inbox()
    world.fold(inbox.records())
    once = world.content()
    assert all(once[each.name] for each in (tables.case_handoff, tables.notice, tables.case_watch))
    assert {row[0] for row in world.sql("SELECT type FROM notice")} == {
        "hub.step.due.v1",
        "hub.step.overdue.v1",
        "hub.step.escalated.v1",
        "hub.sub-case.ended.v1",
    }
    for seed, most in ((1, 1), (2, 5), (3, 60)):
        world.empty()
        chance = random.Random(seed)
        world.fold(*cut(interleaved(inbox.logs, chance), chance, most))
        assert world.content() == once
    assert world.parked == []


def test_late_events_come_to_the_same_cases_as_those_in_time(world):
    """The same events in any order of arrival, before any tick: cases, steps, hand-offs, hand-overs."""

    def told(order):
        inbox = Inbox()
        for what, hours in order:
            act(inbox, what, "city/1", hours)
        # An event has its id and its place in its source's log whenever it arrives.
        records = [placed(*each) for each in zip(inbox.records(), order, strict=True)]
        world.empty()
        world.fold(*([record] for record in records))
        return world.content(tables.supervision_event, tables.route_sequence, tables.sequence_fault)

    def placed(record, act_):
        hours = act_[1]
        headers = dict(record.headers)
        place = headers["hub-origin"].decode().rpartition("/")[0]
        own = {"hub-origin": f"{place}/{hours}".encode(), "ce_id": b"e-%d" % hours}
        return record.replace(headers=list((headers | own).items()))

    story = [("submit", 0), ("check", 30), ("visit", 50), ("decide", 60), ("reopen", 70), ("decide", 80)]
    straight = told(story)
    assert len(straight["case_step"]) > len(BOOK.named("licence", 1)[0].steps)
    for seed in range(6):
        assert told(random.Random(seed).sample(story, len(story))) == straight


def test_a_lost_delivery_is_counted_and_one_delivered_twice_counts_once(world):
    """A gap and a repeat of hub-seq are told as faults; figures are as with each event once."""
    inbox = Inbox()
    inbox.submit("city/1")
    for number in range(1, 6):
        inbox.step("city/1", "note", "tax", number, data={"handled_by": "a"})
    log = inbox.records()
    lost = [*log[:3], *log[4:]]
    world.fold(lost)
    straight = world.content(tables.sequence_fault, tables.supervision_event, tables.route_sequence)
    assert world.sql("SELECT kind, expected, found FROM sequence_fault") == [("gap", 3, 4)]
    world.empty()
    twice = log[2].replace(offset=99)
    world.fold(lost[:3], [*lost[3:], twice])
    assert world.sql("SELECT kind, expected, found FROM sequence_fault ORDER BY kind") == [
        ("gap", 3, 4),
        ("repeat", 6, 2),
    ]
    assert world.content(tables.sequence_fault, tables.supervision_event, tables.route_sequence) == straight
    assert world.sql('SELECT count(*), max("offset") FROM supervision_event') == [(5, 7)]


@pytest.mark.parametrize("batches", [1, 2])
def test_an_id_that_its_agency_sent_twice_counts_once_and_is_noted(world, batches):
    """The second has a sequence of its own: it stays among the events, the case counts one."""
    inbox = Inbox()
    records = [inbox.submit("city/1"), inbox.step("city/1", "check", "tax", 5, id="same")]
    records.append(inbox.step("city/1", "check", "tax", 9, id="same"))
    records += [inbox.deliver(RATING, id="r", data={"service_id": "licence", "rating": 4}) for _ in "ab"]
    world.fold(*([records] if batches == 1 else [records[:2], records[2:4], records[4:]]))
    assert world.sql("SELECT events, notes FROM journey_case") == [(2, ["sent twice"])]
    assert world.sql("SELECT count(*) FROM supervision_event") == [(5,)]
    assert world.sql("SELECT rating, count FROM rating_tally") == [(4, 1)]


def test_a_repaired_delivery_takes_the_place_of_the_one_that_was_wrong(world):
    """Its case is folded anew as if it had been right at once; hand-overs and ratings with it."""

    def story(world, *, repaired):
        inbox = Inbox()
        inbox.submit("city/1", data={"handled_by": "a"})
        right, wrong = {"handled_by": "b"}, {"handled_by": "x"}
        inbox.step("city/1", "check", "tax", 5, id="s", data=wrong if repaired else right)
        inbox.step("city/1", "visit", "health", 9, data={"handled_by": "c"})
        good = {"service_id": "licence", "rating": 5}
        bad = {"service_id": "licence", "rating": 1}
        inbox.deliver(RATING, id="r", partition=0, data=bad if repaired else good)
        if repaired:
            place = inbox.logs[sum(b"city/1") % 4][1]
            origin = dict(place.headers)["hub-origin"].decode()
            inbox.step("city/1", "check", "tax", 5, id="s", data=right, replay_of=origin)
            rating = dict(inbox.logs[0][-1].headers)["hub-origin"].decode()
            inbox.deliver(RATING, id="r", partition=0, data=good, replay_of=rating)
        world.empty()
        world.fold(*([record] for record in inbox.records()))
        left = (tables.supervision_event, tables.route_sequence)
        return world.content(*left), world.sql("SELECT count(*) FROM supervision_event")

    assert story(world, repaired=True) == story(world, repaired=False)


def test_what_fails_between_reading_and_writing_changes_nothing(world, monkeypatch):
    """Raised in the middle of the transaction: no row, no place; the next try writes all."""
    inbox = busy_inbox(cases=4)
    log = inbox.records()
    world.fold(log[:20])
    before, places = world.content(), world.folding.places

    def broken(*_):
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patched:
        patched.setattr(case_tallies, "mark", broken)
        with pytest.raises(RuntimeError):
            world.fold(log[20:])
    assert (world.content(), world.folding.places) == (before, places)
    assert world.sql("SELECT partition, next FROM consumer_position WHERE consumer = 'cases'") == sorted(
        places.items()
    )
    world.fold(log[20:])
    after = world.content()
    world.empty()
    world.fold(log)
    assert world.content() == after


def test_an_instance_that_was_overtaken_is_fenced_and_writes_nothing(world):
    """The places in the database are not where it left them; reading what is passed already is harmless."""
    inbox = busy_inbox(cases=4)
    log = inbox.records()
    older = world.folding
    older.fold(log[:10])
    newer = world.runner()
    newer.fold(log[:30])
    before = world.content()
    with pytest.raises(FencedError):
        older.fold(log[10:])
    assert world.content() == before
    newer.fold(log)
    again = world.content()
    newer.fold(log)
    assert world.content() == again


def test_a_deadline_is_told_once_when_the_clock_has_passed_it(world):
    """Due, overdue, escalated, in the words of the schemas; told again only for another deadline."""
    inbox = Inbox()
    inbox.submit("city/1")
    for hours in (1, 23, 24, 49, 60, 80, 300):
        inbox.tick(hours)
    inbox.tick(10)
    world.fold(*([record] for record in inbox.records()))
    told = world.sql("SELECT type, decided_at, data ->> 'step_id' FROM notice ORDER BY decided_at, type")
    hours = [(kind.split(".")[2], (at - START).total_seconds() / 3600, step) for kind, at, step in told]
    assert hours == [
        ("due", 24, "check"),
        ("overdue", 49, "check"),
        ("escalated", 80, "check"),
        ("overdue", 300, "case"),
    ]
    assert world.sql("SELECT * FROM case_watch") == []
    assert {(at - START).total_seconds() / 3600 for _, at in world.sql("SELECT * FROM case_clock")} == {300}


def test_a_step_done_in_time_is_not_told_and_one_entered_late_is_told_at_the_next_tick(world):
    """A watch whose step is done is void; one that comes with its moment passed waits for a tick."""
    inbox = Inbox()
    inbox.submit("city/1")
    inbox.tick(20)
    inbox.step("city/1", "check", "tax", 10)
    inbox.tick(72)
    inbox.submit("city/5", hours=1)
    world.fold(inbox.records())
    assert world.sql("SELECT * FROM notice") == []
    inbox.tick(72.5)
    world.fold(inbox.records())
    assert {row[0] for row in world.sql("SELECT caseid FROM notice")} == {"city/5"}
    assert len(world.sql("SELECT * FROM notice")) == 2


def test_a_text_that_postgresql_cannot_hold_is_parked_and_the_rest_goes_on(world):
    """A NUL: the runner gets its record, and a reason without the value; its sequence still counts."""
    inbox = Inbox()
    for number in range(40):
        inbox.submit(f"city/{number}", number, data={"handled_by": "a\0b" if number == 17 else "ab"})
    inbox.step("city/17", "check", "tax", 60)
    world.fold(inbox.records())
    ((partition, offset, why),) = world.parked
    bad = next(record for record in inbox.records() if record.key == b"city/17")
    assert (partition, offset) == (bad.partition, bad.offset)
    assert "NUL" not in why
    assert "PostgreSQL cannot hold" in why
    assert world.sql("SELECT count(*) FROM journey_case") == [(40,)]
    assert world.sql("SELECT state FROM journey_case WHERE caseid = 'city/17'") == [("unstarted",)]
    assert world.sql("SELECT * FROM sequence_fault") == []


def test_what_is_no_delivery_is_parked_with_its_reason(world):
    """Bytes that are none of the gate's are handed over before anything is written."""
    inbox = Inbox()
    good = inbox.submit("city/1", partition=0)
    bad = good.replace(offset=7, value=b"x")
    world.fold([good, bad])
    assert [(partition, offset) for partition, offset, _ in world.parked] == [(0, 7)]
    assert world.folding.places == {0: 8}


def test_months_of_changed_cases_are_marked_before_and_after(world):
    """The month of a case's start and end, as it begins in Tehran, under its journey or `none`."""
    inbox = Inbox()
    inbox.submit("city/1", hours=24 * 27 + 15)
    inbox.deliver(STEP, "city/2", agency="tax", hours=1, data={"service_id": "other"})
    world.fold(inbox.records())
    due = "SELECT journey, month, mark FROM figure_due ORDER BY 1, 2"
    assert world.sql(due) == [("licence", "2026-06", 1), ("none", "2026-05", 1)]
    inbox.deliver(WITHDRAWN, "city/1", hours=24 * 80, data={"service_id": "licence"})
    world.fold(inbox.records())
    assert world.sql(due) == [("licence", "2026-06", 2), ("licence", "2026-07", 1), ("none", "2026-05", 1)]


def test_a_notice_that_came_back_stands_on_the_timeline_and_changes_no_figure(world):
    """Hub's own word about a case is an event of it: its counts stay, no month is marked."""
    inbox = Inbox()
    inbox.submit("city/1")
    world.fold(inbox.records())
    before = world.sql("SELECT events, last_at, holder FROM journey_case")
    world.sql("DELETE FROM figure_due RETURNING month")
    data = {"journey": "licence", "step_id": "check"}
    inbox.deliver("hub.step.overdue.v1", "city/1", agency="hub", hours=60, data=data)
    world.fold(inbox.records())
    assert world.sql("SELECT events, last_at, holder FROM journey_case") == before
    assert world.sql("SELECT count(*) FROM supervision_event WHERE caseid = 'city/1'") == [(2,)]
    assert world.sql("SELECT * FROM figure_due") == []


def batched_alike(world, records):
    """Fold records at once, in two batches, and one by one; return the content, which must be the same."""
    found = []
    for batches in ([records], [records[:1], records[1:]], [[each] for each in records]):
        world.empty()
        world.fold(*batches)
        found.append(world.content())
    assert found[0] == found[1] == found[2]
    return found[0]


def test_what_was_told_is_not_watched_again_when_its_case_is_opened_again(world):
    """The same deadline of the same run: it was told, whatever happened to its case meanwhile."""
    inbox = Inbox()
    inbox.submit("city/1")
    inbox.tick(60, [sum(b"city/1") % 4])
    inbox.deliver(WITHDRAWN, "city/1", hours=61, data={"service_id": "licence"})
    inbox.deliver(RECEIVED, "city/1", hours=62, data={"service_id": "licence"})
    batched_alike(world, inbox.records())
    assert {row[0] for row in world.sql("SELECT type FROM notice")} == {
        "hub.step.due.v1",
        "hub.step.overdue.v1",
    }
    watched = world.sql("SELECT step, kind FROM case_watch ORDER BY step")
    assert watched == [("case", "overdue"), ("check", "escalated")]


def test_the_end_of_a_sub_case_is_told_as_it_was_when_it_was_first_known(world):
    """What arrives later and puts the end at another time changes the case, not what was told."""
    inbox = Inbox()
    inbox.submit("health/1", agency="health", service="inspection", data={"parent_case": "city/1"})
    inbox.step("health/1", "look", "health", 40)
    inbox.step("health/1", "look", "health", 30)
    batched_alike(world, inbox.records())
    assert world.sql("SELECT caseid, decided_at, data ->> 'sub_case' FROM notice") == [
        ("city/1", START + timedelta(hours=40), "health/1")
    ]
    assert world.sql("SELECT ended_at FROM journey_case") == [(START + timedelta(hours=30),)]
