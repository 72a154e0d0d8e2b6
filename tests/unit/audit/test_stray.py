"""A stray record of an inbox can be explained, too: else its fault would page for ever."""

from __future__ import annotations

import pytest

from hub.contracts.origin import Origin
from hub.errors import ContractError
from tests.unit.audit.conftest import HUBS, begin, books, cycle, explanation

INBOX = "agency.register.inbox"


def test_a_stray_record_is_closed_by_an_explanation_of_its_own_place(world):
    """Its route cannot be read, so both are named after the inbox; nothing of it waits afterwards."""
    world.append(INBOX, 0, b"k", b"v", [])
    account = begin(world)
    ((route, _, origin),) = books(cycle(account, world))["faults"]
    assert (route, origin) == (f"?{INBOX}", f"{INBOX}/0/0")
    world.publish(explanation(origin, [route], ["doubled"]))
    world.gate(HUBS)
    found = books(cycle(account, world))
    assert found["repairs"] == [(route, origin, ["doubled"], "explained")]
    assert found["sheet"]["balanced"]
    assert account._settling._explanations == []


@pytest.mark.parametrize("text", ["agency.a.receipts/0/1", "hub.parked/0/1", "agency.a.inbox/0", "x"])
def test_the_origin_of_a_fault_is_a_place_of_an_outbox_or_an_inbox(text):
    """Nothing else is counted by the audit under an origin."""
    with pytest.raises(ContractError):
        Origin.parse_fault(text)
    assert str(Origin.parse_fault("agency.a.inbox/3/12")) == "agency.a.inbox/3/12"
