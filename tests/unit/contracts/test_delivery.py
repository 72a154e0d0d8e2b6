"""The headers of a delivery, as every consumer of an inbox reads them."""

from __future__ import annotations

import pytest

from hub.contracts import delivery, envelope
from hub.contracts.origin import Origin
from hub.errors import ContractError

HEADERS = {
    "ce_specversion": "1.0",
    "ce_id": "e-1",
    "ce_source": "/agency/town/desk",
    "ce_type": "service.step.completed.v1",
    "ce_time": "2026-03-21T08:30:00+03:30",
    envelope.ROUTE: "r/service.step.completed.v1",
    envelope.AGREEMENT: "r@1",
    envelope.SEQ: "7",
    envelope.ORIGIN: "agency.town.outbox/1/5",
    envelope.ACCEPTED_AT: "2026-11-22T05:00:00.000Z",
}


def pairs(**changes):
    """Return headers as a client gives them; None removes one."""
    given = HEADERS | {
        name.replace("_", "-") if name.startswith("hub") else name: v for name, v in changes.items()
    }
    return [(name, value.encode()) for name, value in given.items() if value is not None]


def test_all_that_the_gate_wrote_is_read():
    """Attributes, sequence and origin; what is not there is None or empty."""
    found = delivery.read(pairs(ce_caseid="town/1", hub_masked="a,b"))
    assert (found.agency, found.subsystem, found.caseid, found.channel) == ("town", "desk", "town/1", None)
    assert (found.seq, found.origin, found.replay_of) == (7, Origin("agency.town.outbox", 1, 5), None)
    assert found.masked == ("a", "b")


def test_an_event_that_was_sent_again_names_its_own_place():
    """Beside the place of the record that brought it."""
    found = delivery.read(pairs(hub_origin="agency.hub.outbox/1/9", hub_replay_of="agency.town.outbox/1/5"))
    assert (found.origin.topic, found.replay_of) == ("agency.hub.outbox", Origin("agency.town.outbox", 1, 5))


@pytest.mark.parametrize("name", [name for name in HEADERS if name != "ce_specversion"])
def test_a_header_that_is_missing_is_named(name):
    """No delivery of the gate's lacks one."""
    without = [(key, value) for key, value in pairs() if key != name]
    with pytest.raises(ContractError, match=name):
        delivery.read(without)


@pytest.mark.parametrize(
    ("name", "value"), [("hub_seq", "x"), ("hub_origin", "x"), ("hub_replay_of", "x/1/1")]
)
def test_a_header_that_cannot_be_read_is_refused_without_its_value(name, value):
    """A forged or broken one never gets further."""
    with pytest.raises(ContractError):
        delivery.read(pairs(**{name: value}))
