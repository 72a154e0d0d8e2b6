"""The gate on a real broker: what goes in, what comes out."""

from __future__ import annotations

from hub.contracts import topics


def test_a_good_event_reaches_every_entitled_recipient_once(hub):
    """Each recipient with an agreement gets the event's bytes once, with the hub's headers."""
    source, first, second = hub.agency("source"), hub.agency("first"), hub.agency("second")
    agreement = hub.agree(source, first)
    hub.agree(source, second)
    hub.apply()
    hub.start_gate()
    ids = hub.publish(source, 5)
    position = hub.until_decided(source, 5)
    assert (position.read, position.routed, position.balanced) == (5, 5, True)
    deliveries = hub.inbox(first)
    assert [each.header("ce_id") for each in deliveries] == ids
    assert [each.header("hub-seq") for each in deliveries] == ["1", "2", "3", "4", "5"]
    assert deliveries[0].header("hub-agreement") == f"{agreement}@1"
    assert deliveries[0].header("hub-origin") == f"{topics.outbox(source)}/0/0"
    assert len(hub.inbox(second)) == 5
