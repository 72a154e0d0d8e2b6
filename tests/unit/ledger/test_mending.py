"""Which faults a repair may mend, what it sends, and what it says; records and faults are values here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.books import INTAKE, Fault, Repair
from hub.broker.desk.people import Person
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.mending import repair, told
from hub.mending.order import NothingToMendError, Order, choose, repair_of
from hub.parked.replay import afresh
from hub.registry.model import REPAIRED

CODEC = Codec(Contracts.load())
STEP = "service.step.completed.v1"
ORIGIN = Origin("agency.city.outbox", 1, 5)
REGISTER, STATISTICS = f"to-register/{STEP}", f"to-statistics/{STEP}"


def fault(kind, route=REGISTER, **changes):
    return replace(Fault(route, kind, ORIGIN, 7, 1_000, None, "nothing was found"), **changes)


def mended(one, action="redelivered"):
    return Repair(one.route, one.origin, frozenset({one.kind}), action, "sara", "ticket 88", 2_000)


def order(**parts):
    return Order(
        **{"origin": ORIGIN, "reason": "ticket 88", "person": Person("sara", "operator.sara")} | parts
    )


def record(topic=ORIGIN.topic, extra=(), **parts):
    event = Envelope("e-1", "/agency/city", STEP, "2026-03-21T08:30:00Z", caseid="city/1")
    value = CODEC.encode(STEP, {"service_id": "permit", "handled_by": "560872"})
    headers = [*event.to_headers(), *extra]
    return Record(topic, 1, 5, 900, event.key.encode(), value, headers).replace(**parts)


def test_without_a_route_every_open_fault_that_a_replay_mends_is_chosen():
    """Missing and altered deliveries; what is doubled or out of order stays for a person's explanation."""
    missing, altered = fault("missing"), fault("altered", STATISTICS)
    others = [fault("doubled"), fault("out_of_order", STATISTICS)]
    assert choose([missing, altered, *others], [], order()) == [missing, altered]
    assert choose([missing, altered, *others], [], order(route=STATISTICS)) == [altered]
    assert choose([missing, altered, *others], [], order(explain=True)) == [missing, altered, *others]


def test_a_repaired_fault_is_not_mended_again():
    """Each kind for itself: a repair of one leaves the other open."""
    missing, altered = fault("missing"), fault("altered")
    assert choose([missing, altered], [mended(missing)], order()) == [altered]
    assert repair_of(missing, [mended(altered)]) is None
    assert repair_of(missing, [mended(fault("missing", STATISTICS))]) is None


@pytest.mark.parametrize(
    ("faults", "repairs", "changes", "says"),
    [
        ([], [], {}, "no fault of this event"),
        ([fault("missing")], [], {"route": STATISTICS}, f"no fault of this event on {STATISTICS}"),
        (
            [fault("missing")],
            [mended(fault("missing"))],
            {},
            "repaired already .redelivered by sara: ticket 88",
        ),
        ([fault("doubled"), fault("out_of_order")], [], {}, "does not mend what is doubled, out_of_order"),
        ([fault("altered", INTAKE)], [], {}, "--explain"),
        ([fault("missing")], [], {"route": INTAKE}, "on intake"),
    ],
    ids=[
        "none",
        "not on this route",
        "repaired",
        "only to be explained",
        "of the intake",
        "not the intake's",
    ],
)
def test_what_cannot_be_mended_is_refused_and_says_why(faults, repairs, changes, says):
    """Nothing is sent; the sentence names the event and what to do."""
    with pytest.raises(NothingToMendError, match=says) as refused:
        choose(faults, repairs, order(**changes))
    assert str(refused.value).startswith(str(ORIGIN))


@given(
    faults=st.lists(
        st.builds(
            fault, st.sampled_from(["missing", "doubled", "altered", "out_of_order"]),
            st.sampled_from([REGISTER, STATISTICS, INTAKE]),
        ),
        unique=True, max_size=8,
    ),
    done=st.sets(st.integers(0, 7)), explain=st.booleans(), route=st.sampled_from([None, REGISTER, INTAKE]),
)  # fmt: skip
def test_what_is_chosen_is_open_meant_and_mendable(faults, done, explain, route):
    """A law: only open faults of the route, and without an explanation only what a replay mends."""
    repairs = [mended(each) for place, each in enumerate(faults) if place in done]
    try:
        chosen = choose(faults, repairs, order(explain=explain, route=route))
    except NothingToMendError:
        return
    assert chosen
    for each in chosen:
        assert each in faults
        assert repair_of(each, repairs) is None
        assert route in (None, each.route)
        assert explain or each.kind == "missing" or (each.kind == "altered" and each.route != INTAKE)


@given(
    key=st.none() | st.binary(max_size=5),
    value=st.none() | st.binary(max_size=20),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "x", "sig-a", "hub-replay-of", "hub-seq"]),
            st.none() | st.binary(max_size=4),
        )
    ),
)
def test_a_replay_is_the_original_byte_for_byte_with_its_place(key, value, headers):
    """A law: of an agency's outbox nothing is left out or changed; the hub's two headers come last."""
    sent = afresh(record(key=key, value=value, headers=headers), [STATISTICS, REGISTER])
    assert (sent.key, sent.value) == (key, value)
    assert sent.headers[:-2] == headers
    assert sent.headers[-2:] == [
        (envelope.REPLAY_OF, str(ORIGIN).encode()),
        (envelope.ONLY_ROUTES, f"{REGISTER},{STATISTICS}".encode()),
    ]


def test_a_replay_that_was_lost_itself_is_replayed_under_its_own_place():
    """The audit knows a fault by its origin; the older place gives way."""
    old = [(envelope.REPLAY_OF, b"agency.city.outbox/0/1"), (envelope.ONLY_ROUTES, b"x/y")]
    again = afresh(record(topics.outbox(topics.HUB), old), [REGISTER])
    replayed = [value for name, value in again.headers if name == envelope.REPLAY_OF]
    assert replayed == [b"agency.hub.outbox/1/5"]
    assert [value for name, value in again.headers if name == envelope.ONLY_ROUTES] == [REGISTER.encode()]


def test_an_intakes_replay_keeps_to_no_routes():
    """What should have been parked and was not has no routes yet: the gate decides anew."""
    names = [name for name, _ in afresh(record(), []).headers]
    assert envelope.REPLAY_OF in names
    assert envelope.ONLY_ROUTES not in names


def test_an_event_whose_headers_cannot_be_read_is_not_copied():
    """Byte for byte or not at all."""
    with pytest.raises(ContractError, match="byte for byte"):
        afresh(record(headers=[], readable=False), [REGISTER])


def test_the_record_of_a_repair_says_who_why_and_what():
    """Routes and kinds of that side alone; the intake's record has no routes."""
    chosen = [fault("missing"), fault("altered", STATISTICS), fault("missing", INTAKE)]
    sent = repair.step(order(), chosen, record(), CODEC, intake=False)
    contract, data = CODEC.decode(sent.value)
    assert contract.event_type == REPAIRED
    assert (data["origin"], data["routes"]) == (str(ORIGIN), [REGISTER, STATISTICS])
    assert (data["kinds"], data["action"]) == (["altered", "missing"], "redelivered")
    assert (data["repaired_by"], data["reason"], data["event_id"]) == ("sara", "ticket 88", "e-1")
    intake = repair.step(order(explain=True), chosen, None, CODEC, intake=True)
    _, data = CODEC.decode(intake.value)
    assert (data["routes"], data["kinds"], data["action"]) == ([], ["missing"], "explained")
    assert (data["event_id"], data["source_agency"]) == (None, "city")
    assert envelope.read_headers(sent.headers).source == "/agency/hub"


def test_a_fault_is_told_without_any_value():
    """Names and places only; the contents are asked for apart."""
    one = told.Told(fault("missing"), None, 9, record(), None)
    text = str(one.to_json())
    assert "560872" not in text
    assert (one.to_json()["open"], one.to_json()["event_id"]) == (True, "e-1")
    assert told.contents(record(), CODEC)["data"]["handled_by"] == "560872"


@pytest.mark.parametrize("value", [None, b"", b"\0\0\0", b"\xff\xfe", b"text"])
def test_contents_that_nobody_can_read_are_shown_as_bytes(value):
    """What is broken is what one wants to look at."""
    shown = told.contents(record(value=value, key=b"\xff"), CODEC)
    assert shown["key"] == {"base64": "/w=="}
    assert shown["data"] in (None, "", "\0\0\0", {"base64": "//4="}, "text")
