"""Each way to break the logs gives exactly its kind of fault, with its route and origin, and nothing else."""

from __future__ import annotations

import pytest

from hub.audit.books import Place
from hub.contracts import topics
from hub.contracts.names import RECEIPT
from hub.gate.verdict import Kind, Reason, Verdict

from .conftest import CITY, CODEC, HUBS, STEP, Keeper, begin, books, cycle, explanation, make

STAFF = {"service_id": "permit", "handled_by": "560872", "supervised_by": "560890"}
REGISTER, STATISTICS, WINDOW = (f"city-{each}/{STEP}" for each in ("register", "statistics", "window"))


def filled(world, count=6):
    """Publish events into one partition of the city's outbox."""
    for number in range(count):
        world.publish(make(STAFF, id=f"e-{number}", caseid="city/1", subject="p-1"))


def of(route, offset, kind):
    return (route, kind, f"{CITY}/0/{offset}")


def header(written, name):
    return dict(written[4]).get(name, b"").decode()


def picks(route, offset):
    """Return a test for the delivery of an offset on a route."""
    return lambda each: (
        header(each, "hub-route") == route and header(each, "hub-origin") == f"{CITY}/0/{offset}"
    )


def changed(pick, change):
    """Return an `alter` that changes what `pick` finds; None leaves it out."""

    def alter(written):
        out = []
        for each in written:
            new = change(each) if pick(each) else each
            out += [] if new is None else [new]
        return out

    return alter


def put(name, value):
    """Return a change of one header."""
    return lambda each: (*each[:4], [(key, value if key == name else old) for key, old in each[4]])


def unmasked(each):
    """Return the delivery with its masked value unmasked."""
    return (*each[:3], CODEC.encode(STEP, STAFF), each[4])


def test_a_lost_delivery_is_missing(world):
    """The numbers after it may leave one out, or not: a gate that never made it did not number it."""
    filled(world)
    world.gate(alter=changed(picks(STATISTICS, 2), lambda _: None))
    found = books(cycle(begin(world), world))
    assert found["faults"] == [of(STATISTICS, 2, "missing")]
    (line,) = (each for each in found["sheet"]["routes"] if each["route"] == STATISTICS)
    assert (line["accepted"], line["pending"], line["unaccounted"]["missing"]) == (6, 5, 1)
    assert (line["open"], line["balanced"]) == (1, False)


def test_a_copy_is_doubled(world):
    """Wherever and however often it comes, it is one fault of the delivery."""
    filled(world)
    world.gate()
    copy = world.logs[Place("agency.register.inbox", 0)][3]
    for _ in range(2):
        world.append(copy.topic, copy.partition, copy.key, copy.value, copy.headers)
    found = books(cycle(begin(world), world))
    assert found["faults"] == [of(REGISTER, 3, "doubled")]
    assert found["sheet"]["totals"]["accepted"] == 18


CHANGES = {
    "value": (REGISTER, lambda each: (*each[:3], each[3][:-1] + b"\x02", each[4])),
    "null value": (REGISTER, lambda each: (*each[:3], None, each[4])),
    "unmasked": (STATISTICS, unmasked),
    "key": (WINDOW, lambda each: (*each[:2], b"city/1", *each[3:])),
    "no key": (WINDOW, lambda each: (*each[:2], None, *each[3:])),
    "subject": (WINDOW, put("ce_subject", b"p-1")),
    "case": (STATISTICS, put("ce_caseid", b"city/1")),
    "mask not named": (STATISTICS, put("hub-masked", b"handled_by")),
    "version": (REGISTER, put("hub-agreement", b"city-register@2")),
    "purpose": (REGISTER, put("hub-purpose", b"another")),
    "time": (REGISTER, put("hub-accepted-at", b"2026-02-02T02:40:00.999Z")),
    "number": (REGISTER, put("hub-seq", b"9")),
    "no number": (REGISTER, put("hub-seq", b"x")),
    "header more": (REGISTER, lambda each: (*each[:4], [*each[4], ("x", b"1")])),
    "header less": (REGISTER, lambda each: (*each[:4], each[4][1:])),
    "route twice": (REGISTER, lambda each: (*each[:4], [("hub-route", b"other"), *each[4]])),
    "number twice": (REGISTER, lambda each: (*each[:4], [("hub-seq", b"1"), *each[4]])),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_delivery_is_altered(world, name):
    """Whatever part differs; what follows it is as due."""
    route, change = CHANGES[name]
    filled(world)
    world.gate(alter=changed(picks(route, 2), change))
    assert books(cycle(begin(world), world))["faults"] == [of(route, 2, "altered")]


def test_the_order_of_headers_does_not_matter(world):
    """The wire contract gives names, not places."""
    filled(world)
    world.gate(alter=changed(picks(REGISTER, 2), lambda each: (*each[:4], each[4][::-1])))
    assert books(cycle(begin(world), world))["faults"] == []


def test_two_swapped_deliveries_are_out_of_order(world):
    """The one that comes too late has the fault, once."""
    filled(world)

    def swap(written):
        one, two = (next(n for n, each in enumerate(written) if picks(REGISTER, at)(each)) for at in (2, 3))
        written[one], written[two] = written[two], written[one]
        return written

    world.gate(alter=swap)
    assert books(cycle(begin(world), world))["faults"] == [of(REGISTER, 2, "out_of_order")]


def test_a_delivery_in_another_partition_is_missing_here_and_doubled_there(world):
    """A reader of the right partition never sees it."""
    filled(world)
    world.gate(alter=changed(picks(REGISTER, 2), lambda each: (each[0], 1, *each[2:])))
    wrong = [of(REGISTER, 2, "doubled"), of(REGISTER, 2, "missing")]
    assert books(cycle(begin(world), world))["faults"] == wrong


def test_one_lost_and_one_doubled_show_two(world):
    """They never cancel."""
    filled(world)
    world.gate(alter=changed(picks(REGISTER, 2), lambda _: None))
    copy = world.logs[Place("agency.register.inbox", 0)][0]
    world.append(copy.topic, 0, copy.key, copy.value, copy.headers)
    found = books(cycle(begin(world), world))
    assert found["faults"] == [of(REGISTER, 0, "doubled"), of(REGISTER, 2, "missing")]
    assert found["sheet"]["totals"]["open"] == 2


def skip(world, count):
    """Move the gate past records as if its group had been moved."""
    place = Place(CITY, 0)
    world.decided[place] += count


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("after", [0, 2])
def test_events_that_the_gate_never_read_are_missing_on_every_route(world, before, after):
    """And a receipt that speaks of more than it counts is itself altered."""
    filled(world, before)
    world.gate()
    filled(world, 5)
    skip(world, 5)
    for number in range(after):
        world.publish(make(STAFF, id=f"after-{number}"))
    world.gate()
    found = books(cycle(begin(world), world))
    lost = {of(route, before + n, "missing") for route in (REGISTER, STATISTICS, WINDOW) for n in range(5)}
    if before:
        # The first ones are sent again, and would have been duplicates.
        lost = {each for each in lost if int(each[2].rpartition("/")[2]) >= before + before}
    receipt = {("", "altered", f"{CITY}/0/{before + 5 + after - 1}")} if after else set()
    assert set(found["faults"]) == lost | receipt
    assert len(found["faults"]) == len(lost | receipt)


def test_a_delivery_that_was_never_due_is_doubled(world):
    """Under another route of ours, in that route's inbox, for an event that it does not cover."""
    world.publish(make(topic="agency.register.outbox", id="unclaimed"))
    world.gate("agency.register.outbox")
    filled(world)
    world.gate()
    good = world.logs[Place("agency.register.inbox", 0)][0]
    origin = ("hub-origin", b"agency.register.outbox/0/0")
    headers = [origin if name == "hub-origin" else (name, value) for name, value in good.headers]
    world.append(good.topic, 0, good.key, good.value, headers)
    assert books(cycle(begin(world), world))["faults"] == [
        (REGISTER, "doubled", "agency.register.outbox/0/0")
    ]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("hub-route", None), ("hub-origin", None)],
        [("hub-route", b"\xff"), ("hub-origin", f"{CITY}/0/1".encode())],
        [("hub-route", b"no-such/route.of.ours.v1"), ("hub-origin", f"{CITY}/0/1".encode())],
        [("hub-route", b"a\x00/b"), ("hub-origin", f"{CITY}/0/1".encode())],
    ],
)
def test_what_names_no_route_of_ours_is_doubled_on_the_inbox(world, headers):
    """Nothing in an inbox is left uncounted."""
    filled(world)
    world.gate()
    world.append("agency.register.inbox", 0, b"k", b"v", headers)
    found = books(cycle(begin(world), world))
    ((route, kind, _),) = found["faults"]
    assert (route, kind) == ("?agency.register.inbox", "doubled")
    assert found["sheet"]["totals"]["unaccounted"] == {
        "missing": 0,
        "doubled": 1,
        "altered": 0,
        "out_of_order": 0,
    }


@pytest.mark.parametrize("origin", [b"x", b"", f"{CITY}/0/01".encode(), f"{CITY}/9999999999/1".encode()])
def test_a_delivery_without_a_readable_origin_is_doubled_on_its_route_at_its_own_place(world, origin):
    """The fault names where it stands."""
    filled(world)
    world.gate()
    headers = [("hub-route", REGISTER.encode()), ("hub-origin", origin)]
    record = world.append("agency.register.inbox", 1, b"k", b"v", headers)
    found = books(cycle(begin(world), world))
    assert found["faults"] == [(REGISTER, "doubled", record.origin)]


def test_a_delivery_of_an_event_that_is_yet_to_come_is_doubled_after_a_few_cuts(world):
    """The event's true delivery is found in its place all the same."""
    filled(world)
    world.gate()
    copy = world.logs[Place("agency.register.inbox", 0)][0]
    headers = put("hub-origin", f"{CITY}/0/6".encode())(("", 0, None, None, copy.headers))[4]
    world.append(copy.topic, 0, copy.key, copy.value, headers)
    account, positions = begin(world), {}
    for _ in range(5):
        account = cycle(account, world, positions=positions)
    keeper = Keeper(world)
    assert books(account, keeper)["faults"] == [of(REGISTER, 6, "doubled")]
    world.publish(make(STAFF, id="e-6"))
    world.gate()
    found = books(cycle(account, world, positions=positions), keeper)
    assert found["faults"] == [of(REGISTER, 6, "doubled")]


# -- the intake: parked events and receipts


def broken(world):
    """Publish a good, a refused, a too large and a good event."""
    world.publish(make(STAFF, id="good"))
    world.publish(make(STAFF, id="bad", key=b"wrong"))
    world.publish(make(STAFF, id="large", value=bytes(100_001)))
    world.publish(make(STAFF, id="good too"))


def parks(offset):
    return lambda each: each[0] == topics.PARKED and header(each, "hub-origin") == f"{CITY}/0/{offset}"


PARKED = {
    "lost": (lambda _: None, "missing"),
    "value": (lambda each: (*each[:3], b"other", each[4]), "altered"),
    "null": (lambda each: (*each[:3], None, each[4]), "altered"),
    "key": (lambda each: (*each[:2], b"other", *each[3:]), "altered"),
    "class": (put("hub-reason", b"frame"), "altered"),
    "time": (put("hub-parked-at", b"2026-02-02T02:40:00.999Z"), "altered"),
    "header": (lambda each: (*each[:4], each[4][1:]), "altered"),
}


@pytest.mark.parametrize("offset", [1, 2])
@pytest.mark.parametrize("name", PARKED)
def test_a_parked_event_is_compared_byte_for_byte(world, name, offset):
    """Also what is kept of one that is too large: digest, size and prefix."""
    change, kind = PARKED[name]
    broken(world)
    world.gate(alter=changed(parks(offset), change))
    assert books(cycle(begin(world), world))["faults"] == [("", kind, f"{CITY}/0/{offset}")]


def test_an_event_that_is_parked_twice_or_without_need_is_doubled(world):
    """What stands in hub.parked is due there, once."""
    broken(world)
    world.gate()
    for record in world.parked()[:1]:
        world.append(record.topic, 0, record.key, record.value, record.headers)
        headers = put("hub-origin", f"{CITY}/0/3".encode())(("", 0, None, None, record.headers))[4]
        world.append(record.topic, 0, record.key, record.value, headers)
    found = books(cycle(begin(world), world))
    assert found["faults"] == [("", "doubled", f"{CITY}/0/1"), ("", "doubled", f"{CITY}/0/3")]


def test_what_a_stream_processor_parked_is_not_the_intakes(world):
    """Its origin is a place in an inbox; or it has none."""
    broken(world)
    world.gate()
    for headers in ([("hub-origin", b"agency.window.inbox/0/1")], [], [("hub-origin", b"\xff")]):
        world.append(topics.PARKED, 0, None, None, headers)
    assert books(cycle(begin(world), world))["faults"] == []


@pytest.mark.parametrize(("reason", "offset"), [("processor", 0), ("processor", 1), ("too-large", 0)])
def test_the_gates_word_is_taken_where_only_it_can_know(world, reason, offset):
    """A bug of its own, or a broker that refuses what follows."""
    broken(world)
    world.gate(claims={offset: Verdict(Kind.PARKED, reason=Reason(reason), detail="x")})
    found = books(cycle(begin(world), world))
    assert found["faults"] == []
    assert found["sheet"]["parked"][reason] == 1 + (reason == "too-large")


def test_any_other_class_must_be_the_audits_own(world):
    """A gate that refuses what is right is found out on every side."""
    broken(world)
    world.gate(claims={0: Verdict(Kind.PARKED, reason=Reason.FRAME, detail="x")})
    faults = books(cycle(begin(world), world))["faults"]
    here = f"{CITY}/0/0"
    missing = [(route, "missing", here) for route in (REGISTER, STATISTICS, WINDOW)]
    receipts = [("", "altered", here), ("", "altered", f"{CITY}/0/3"), ("", "doubled", here)]
    assert faults == sorted(receipts + missing)


def receipt(**changes):
    """Return an `alter` that changes the progress receipts."""

    def alter(written):
        out = []
        for each in written:
            if each[0].endswith(".receipts"):
                _, data = CODEC.decode(each[3])
                if data["kind"] == "progress":
                    new = {
                        name: data[name] + by if isinstance(by, int) else by[0]
                        for name, by in changes.items()
                    }
                    out.append((*each[:3], CODEC.encode(RECEIPT, {**data, **new}), each[4]))
                    continue
            out.append(each)
        return out

    return alter


@pytest.mark.parametrize("term", ["routed", "unclaimed", "duplicate", "parked"])
def test_a_receipt_that_counts_otherwise_is_altered(world, term):
    """At the last place that it speaks of."""
    filled(world)
    world.gate(alter=receipt(**{term: 1}))
    assert books(cycle(begin(world), world))["faults"] == [("", "altered", f"{CITY}/0/5")]


def test_a_gate_whose_clock_is_off_is_told_so_and_the_events_are_judged_by_the_brokers(world):
    """Only the receipt is altered: the deliveries carry the time that it names."""
    from datetime import UTC, datetime

    filled(world)
    world.gate(at=datetime.fromtimestamp(world.clock / 1000 - 121, UTC))
    keeper = Keeper(world)
    assert books(cycle(begin(world), world), keeper)["faults"] == [("", "altered", f"{CITY}/0/5")]
    assert "clock is -12" in keeper.faults[0].detail


def test_a_receipt_by_an_edition_that_was_not_in_force_is_altered(world):
    """The events are judged by the one that was."""
    filled(world)
    world.gate(alter=receipt(registry=5))
    keeper = Keeper(world)
    assert books(cycle(begin(world), world), keeper)["faults"] == [("", "altered", f"{CITY}/0/5")]
    assert keeper.faults[0].edition == 1


def test_a_refusal_that_no_receipt_tells_is_altered(world):
    """The source was not told; the event stands in hub.parked."""
    broken(world)
    world.gate(alter=lambda written: [each for n, each in enumerate(written) if n != second_refusal(written)])
    assert books(cycle(begin(world), world))["faults"] == [("", "altered", f"{CITY}/0/2")]


def second_refusal(written):
    return [n for n, each in enumerate(written) if each[0].endswith(".receipts")][1]


def test_without_any_receipt_events_are_judged_by_the_time_of_their_own(world):
    """An agency that has left may have no receipts topic; refusals by the gate's word stand in hub.parked."""
    broken(world)
    world.gate(
        claims={0: Verdict(Kind.PARKED, reason=Reason.PROCESSOR, detail="x")},
        alter=lambda written: [each for each in written if not each[0].endswith(".receipts")],
    )
    found = books(cycle(begin(world), world))
    assert found["faults"] == []
    assert found["sheet"]["parked"] == {"envelope": 1, "processor": 1, "too-large": 1}


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x00\x01", b"garbage"])
def test_garbage_among_the_receipts_is_passed_over(world, value):
    """What it hides shows elsewhere."""
    filled(world)
    world.append("agency.city.receipts", 0, None, value, [])
    world.gate()
    assert books(cycle(begin(world), world))["faults"] == []


# -- repairs


def lose(world, offset=2, route=STATISTICS):
    filled(world)
    world.gate(alter=changed(picks(route, offset), lambda _: None))


def replay(offset, only=None):
    extra = [("hub-replay-of", f"{CITY}/0/{offset}".encode())]
    extra += [] if only is None else [("hub-only-routes", only.encode())]
    return make(
        STAFF,
        topic=HUBS,
        source="/agency/city",
        id=f"e-{offset}",
        caseid="city/1",
        subject="p-1",
        extra=extra,
    )


def test_a_replay_to_the_route_repairs_the_fault(world):
    """The fault stays; the books balance again."""
    lose(world)
    account, positions, keeper = begin(world), {}, Keeper(world)
    account = cycle(account, world, positions=positions)
    assert not books(account, keeper)["sheet"]["balanced"]
    world.publish(replay(2, STATISTICS))
    world.gate(HUBS)
    found = books(cycle(account, world, positions=positions), keeper)
    assert found["repairs"] == [(STATISTICS, f"{CITY}/0/2", ["missing"], "redelivered")]
    assert found["faults"] == [of(STATISTICS, 2, "missing")]
    assert found["sheet"]["balanced"]
    totals = found["sheet"]["totals"]
    assert (totals["unaccounted"]["missing"], totals["repaired"], totals["lost"]) == (1, 1, 0)
    states = ("delivered", "pending", "rejected", "expired")
    assert totals["accepted"] == sum(totals[term] for term in states)


@pytest.mark.parametrize("route", [REGISTER, "nowhere"])
def test_a_replay_that_does_not_reach_the_route_repairs_nothing(world, route):
    """It must be due there, and found."""
    lose(world)
    world.publish(replay(2, route))
    world.gate(HUBS)
    found = books(cycle(begin(world), world))
    assert (found["repairs"], found["sheet"]["balanced"]) == ([], False)


def test_a_replay_that_is_lost_itself_repairs_nothing(world):
    """Two are missing then."""
    lose(world)
    world.publish(replay(2, STATISTICS))
    world.gate(HUBS, alter=lambda written: [each for each in written if "inbox" not in each[0]])
    found = books(cycle(begin(world), world))
    assert found["repairs"] == []
    assert found["faults"] == [(STATISTICS, "missing", f"{CITY}/0/2"), (STATISTICS, "missing", f"{HUBS}/0/0")]


@pytest.mark.parametrize("kinds", [(), ("missing",), ("doubled", "missing")])
def test_an_explanation_closes_the_faults_that_it_names(world, kinds):
    """By a person, with a reason; the kinds that were open are named in the repair."""
    lose(world)
    world.publish(explanation(f"{CITY}/0/2", [STATISTICS], kinds))
    world.gate(HUBS)
    found = books(cycle(begin(world), world))
    assert found["repairs"] == [(STATISTICS, f"{CITY}/0/2", ["missing"], "explained")]
    assert found["sheet"]["balanced"]


@pytest.mark.parametrize(
    "wrong",
    [
        explanation(f"{CITY}/0/3", [STATISTICS]),
        explanation(f"{CITY}/0/2", [REGISTER]),
        explanation(f"{CITY}/0/2", [STATISTICS], ["doubled"]),
        explanation(f"{CITY}/0/2", []),
        explanation(f"{CITY}/0/2", [STATISTICS], action="redelivered"),
        explanation(f"{CITY}/0/2", [STATISTICS]).replace(key=b"parked for its key"),
    ],
)
def test_an_explanation_of_something_else_closes_nothing(world, wrong):
    """Other origin, route, kind or action; or one that was not routed."""
    lose(world)
    world.publish(wrong)
    world.gate(HUBS)
    assert not books(cycle(begin(world), world))["sheet"]["balanced"]


def test_an_explanation_without_routes_is_of_the_intake(world):
    """The event that is missing in hub.parked."""
    broken(world)
    world.gate(alter=changed(parks(1), lambda _: None))
    world.publish(explanation(f"{CITY}/0/1", []))
    world.gate(HUBS)
    found = books(cycle(begin(world), world))
    assert found["repairs"] == [("", f"{CITY}/0/1", ["missing"], "explained")]
    assert found["sheet"]["balanced"]


def test_a_parked_event_that_was_lost_is_repaired_by_a_replay_once_routed(world):
    """Its outbox still has it."""
    broken(world)
    world.gate(alter=changed(parks(1), lambda _: None))
    world.publish(replay(1))
    world.gate(HUBS)
    found = books(cycle(begin(world), world))
    assert found["repairs"] == [("", f"{CITY}/0/1", ["missing"], "redelivered")]


def test_what_arrives_late_by_itself_is_counted_and_repaired(world):
    """The fault stays counted; the sum holds; it comes out of order too, which is another fault."""
    lose(world, offset=5)
    account, positions, keeper = begin(world), {}, Keeper(world)
    late = []
    world2 = type(world)()
    filled(world2)
    world2.gate(alter=lambda written: [late.append(each) or each for each in written])
    account = cycle(account, world, positions=positions)
    books(account, keeper)
    (delivery,) = (each for each in late if picks(STATISTICS, 5)(each))
    moment = dict(world.logs[Place("agency.statistics.inbox", 0)][0].headers)["hub-accepted-at"]
    world.append(*put("hub-accepted-at", moment)(delivery))
    found = books(cycle(account, world, positions=positions), keeper)
    assert found["faults"] == [of(STATISTICS, 5, "missing")]
    assert found["repairs"] == [(STATISTICS, f"{CITY}/0/5", ["missing"], "arrived")]
    assert found["sheet"]["balanced"]
    (line,) = (each for each in found["sheet"]["routes"] if each["route"] == STATISTICS)
    assert (line["accepted"], line["pending"], line["unaccounted"]["missing"]) == (6, 6, 1)
