"""`hub-only-routes`: a replay of the hub may keep to some routes, and nobody else may say such a thing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts import envelope, topics
from hub.contracts.envelope import Envelope
from hub.contracts.record import Record
from hub.gate.memory import Bounds, Memory
from hub.gate.rules import Rules
from hub.gate.verdict import Kind, Reason

from .conftest import CODEC, OUTBOX, STEP, Gate, agreement, registry

HUB_OUTBOX = topics.outbox(topics.HUB)
ORIGIN = f"{OUTBOX}/1/5".encode()
ROUTES = (f"to-register/{STEP}", f"to-statistics/{STEP}")


@pytest.fixture
def replay(event):
    """Make the record of a replay that keeps to some routes (None: the header is left out)."""

    def make(only, **parts):
        extra = [(envelope.REPLAY_OF, ORIGIN)]
        extra += [] if only is None else [(envelope.ONLY_ROUTES, only)]
        return event(topic=HUB_OUTBOX, source="/agency/city", extra=extra, **parts)

    return make


@pytest.fixture
def two_routes(gate):
    """Give a gate with an agreement for each of two recipients."""
    return gate(agreement("to-register", "register"), agreement("to-statistics", "statistics"))


def routes(verdict):
    """Return the routes of a verdict's deliveries."""
    return tuple(delivery.route.id for delivery in verdict.deliveries)


@pytest.mark.parametrize(
    ("only", "reached"),
    [
        (None, ROUTES),
        (ROUTES[0].encode(), ROUTES[:1]),
        (",".join(reversed(ROUTES)).encode(), ROUTES),
        (f"{ROUTES[1]},no-such/{STEP}".encode(), ROUTES[1:]),
    ],
    ids=["not said", "one", "both, in another order", "one of them unknown"],
)
def test_a_replay_reaches_the_named_routes_and_no_other(two_routes, replay, only, reached):
    """The recipient that missed an event gets it; who has it does not get it twice."""
    verdict = two_routes.decide(replay(only))
    assert verdict.kind is Kind.ROUTED
    assert routes(verdict) == reached


@pytest.mark.parametrize("only", [b"", b"no-such/type", b"\xff\xfe", ROUTES[0].upper().encode(), None])
def test_a_replay_that_names_no_route_of_its_event_reaches_nobody(two_routes, replay, only):
    """Whatever stands there never widens: unknown, empty, no UTF-8, null."""
    record = replay(b"")
    headers = [(name, only if name == envelope.ONLY_ROUTES else value) for name, value in record.headers]
    verdict = two_routes.decide(record.replace(headers=headers))
    assert (verdict.kind, verdict.deliveries) == (Kind.UNCLAIMED, ())


@settings(max_examples=60, deadline=None)
@given(only=st.binary(max_size=80) | st.lists(st.sampled_from(ROUTES)).map(lambda it: ",".join(it).encode()))
def test_only_routes_never_adds_a_route(only):
    """A law: whatever the header says, the routes of a replay are among those without it."""
    event = Envelope("event-1", "/agency/city", STEP, "2026-03-21T08:30:00Z")
    value = CODEC.encode(STEP, {"service_id": "permit"})
    headers = [*event.to_headers(), (envelope.REPLAY_OF, ORIGIN), (envelope.ONLY_ROUTES, only)]
    record = Record(HUB_OUTBOX, 1, 0, 0, event.key.encode(), value, headers)
    rules = Rules(registry(agreement("to-register", "register"), agreement("b", "statistics")))
    reached = routes(Gate(rules, Memory(Bounds(10, 1000))).decide(record))
    assert set(reached) == {ROUTES[0]} & set(only.decode("utf-8", "replace").split(","))


def test_a_replay_that_keeps_to_routes_is_not_remembered_either(two_routes, replay, event):
    """As every replay: it skips the duplicates' memory, so the event's own id stays as it was."""
    assert routes(two_routes.decide(replay(ROUTES[0].encode()), remember=True)) == ROUTES[:1]
    assert routes(two_routes.decide(replay(ROUTES[0].encode(), offset=1), remember=True)) == ROUTES[:1]
    assert routes(two_routes.decide(event(source="/agency/city", offset=2))) == ROUTES


def test_recipients_see_the_replay_but_not_the_routes_it_keeps_to(two_routes, replay):
    """Who else receives an event is not a recipient's business."""
    (delivery,) = two_routes.decide(replay(ROUTES[0].encode())).deliveries
    names = [name for name, _ in delivery.headers]
    assert envelope.REPLAY_OF in names
    assert envelope.ONLY_ROUTES not in names


@pytest.mark.parametrize(
    ("topic", "extra"),
    [
        (OUTBOX, [(envelope.ONLY_ROUTES, ROUTES[0].encode())]),
        (OUTBOX, [(envelope.REPLAY_OF, ORIGIN), (envelope.ONLY_ROUTES, ROUTES[0].encode())]),
        (HUB_OUTBOX, [(envelope.ONLY_ROUTES, ROUTES[0].encode())]),
        (HUB_OUTBOX, [(envelope.REPLAY_OF, ORIGIN), *2 * [(envelope.ONLY_ROUTES, ROUTES[0].encode())]]),
    ],
    ids=["an agency", "an agency's forged replay", "the hub's own event", "twice on a replay"],
)
def test_elsewhere_the_header_is_refused(two_routes, event, topic, extra):
    """Only a replay on the hub's outbox may carry it, and once."""
    verdict = two_routes.decide(event(topic=topic, extra=extra))
    assert (verdict.kind, verdict.reason) == (Kind.PARKED, Reason.ENVELOPE)
    assert "only-routes" in verdict.detail or "belongs to the hub" in verdict.detail
