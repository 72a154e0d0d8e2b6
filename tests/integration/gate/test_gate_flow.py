"""The gate on a real broker: what goes in, what comes out."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from hub.broker import clients
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


@pytest.mark.slow
def test_a_flood_in_large_batches_does_not_hold_up_other_large_batches(hub):
    """Two partitions wait with much, in batches of almost a megabyte; the gate reads them side by side."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    large = {"linger.ms": 10_000, "batch.num.messages": 10_000, "batch.size": 1_000_000}
    producer, each = Producer(clients.writer(hub.settings, "hub.admin") | large), 40_000
    for number in range(2 * each):
        key, value, headers = hub.event(source, caseid=f"{source}/c")
        producer.produce(topics.outbox(source), value, key, number % 2, headers=headers)
    producer.flush(60)
    hub.start_gate()
    for partition in (0, 1):
        hub.until_decided(source, each, partition)
    # One key, so one partition of the inbox, in the order in which the gate decided.
    origins = [delivery.header("hub-origin").split("/")[1] for delivery in hub.inbox(recipient)]
    assert len(origins) == 2 * each
    first = origins[:each]
    assert min(first.count("0"), first.count("1")) > each // 10
