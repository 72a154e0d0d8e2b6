"""Records are fetched by their places, near and far; what is not there, or not any more, is left out."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.broker import clients
from hub.broker.desk.places import fetch, outbox, place_of
from hub.contracts import topics
from tests.integration.parked.conftest import COURT

pytestmark = pytest.mark.slow

LOG = topics.receipts(COURT)
COUNT = 700


def _write(office, topic):
    """Append records to partition 0 of a topic that no process writes to; return the first one's offset."""
    offsets = []
    producer = Producer(clients.writer(office.settings, topics.ADMIN_PRINCIPAL))
    for number in range(COUNT):
        producer.produce(
            topic, str(number), partition=0, on_delivery=lambda _, each: offsets.append(each.offset())
        )
    assert producer.flush(30) == 0
    return min(offsets)


def test_what_is_there_is_fetched_and_nothing_else(office):
    """Near and far ones in order, once; past the end, gone, in no partition, in no topic: nothing."""
    first = _write(office, LOG)
    wanted = [(LOG, 0, first + number) for number in (0, 1, 100, 400, COUNT - 1)]
    nowhere = [(LOG, 0, first + COUNT), (LOG, 0, 10**9), (LOG, 77, 0), ("agency.nobody.outbox", 0, 3)]
    found = list(fetch(office.settings, [*nowhere, *reversed(wanted), wanted[0]]))
    assert [place_of(each) for each in found] == wanted
    assert [each.value for each in found] == [b"0", b"1", b"100", b"400", str(COUNT - 1).encode()]
    admin = AdminClient(clients.base(office.settings, topics.ADMIN_PRINCIPAL))
    for future in admin.delete_records([TopicPartition(LOG, 0, first + 1)]).values():
        future.result(30)
    assert [place_of(each) for each in fetch(office.settings, wanted)] == wanted[1:]
    assert list(fetch(office.settings, [])) == []


def test_the_end_of_a_transaction_is_no_record(fresh_office):
    """Its marker has an offset of its own on the hub's outbox: a place where nothing lies."""
    office = fresh_office
    (origin,) = office.park()
    office.run("parked", "discard", origin, "--note", "x", "--as", "ali")
    last = max(outbox(office.settings), key=lambda each: each.timestamp)
    marker = (last.topic, last.partition, last.offset + 1)
    assert [place_of(each) for each in fetch(office.settings, [marker, place_of(last)])] == [place_of(last)]
