"""What retention removes: counted where it was seen before, named where it was not, never called a loss."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from hub.broker import clients
from hub.contracts import topics
from hub.store import audit as books
from tests.integration.audit.test_sabotage import line, route, sums_hold


def remove(hub, topic, below):
    """Remove a partition's records below an offset, as retention does."""
    admin = AdminClient(clients.base(hub.settings, "hub.admin"))
    (done,) = admin.delete_records([TopicPartition(topic, 0, below)]).values()
    done.result()


def intake(sheet, source):
    (only,) = [
        each for each in sheet["intake"] if (each["topic"], each["partition"]) == (topics.outbox(source), 0)
    ]
    return only


@pytest.mark.slow
def test_retention_is_no_loss_for_an_audit_that_saw_it_nor_for_one_that_begins_later(hub, desk):
    """Outbox places removed unread are `expired_unread`; deliveries removed unread are `expired`."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    agreement = hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 20)
    hub.until_decided(source, 20)
    hub.commit(recipient, {0: 5})
    one = desk()
    auditor = one.auditor()
    auditor.cycle()
    hub.stop_gates()
    hub.publish(source, 10)
    remove(hub, topics.outbox(source), 24)
    remove(hub, topics.inbox(recipient), 12)
    assert intake(auditor.cycle(), source)["expired_unread"] == 4
    hub.start_gate()
    hub.until_decided(source, 30)
    sheet = auditor.cycle()
    assert sums_hold(sheet)
    assert (intake(sheet, source)["expired_unread"], intake(sheet, source)["read"]) == (4, 26)
    seen = line(sheet, agreement)
    assert (seen["accepted"], seen["delivered"], seen["expired"], seen["pending"]) == (26, 5, 7, 14)
    assert seen["balanced"]
    later = desk()
    sheet = later.auditor().cycle()
    assert sums_hold(sheet)
    assert (intake(sheet, source)["read"], intake(sheet, source)["expired_unread"]) == (6, 0)
    late = line(sheet, agreement)
    assert (late["accepted"], late["pending"]) == (6, 6)
    assert late["before"] > 0
    for each in (one, later):
        assert books.faults(each.engine, route(agreement)) == []
    again = one.auditor().cycle()
    assert line(again, agreement) == seen
