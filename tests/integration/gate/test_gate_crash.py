"""Crashes, hand-overs, changes under way: nothing lost, nothing doubled, no gap, order kept."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from hub.broker.desired import admin
from hub.broker.gating.slots import gate_slot
from hub.contracts import topics
from hub.errors import StartError


def check_complete(hub, recipient, sent):
    """Assert that each partition of the inbox holds the ids sent there, in order, without a gap."""
    inbox = hub.inbox(recipient)
    for partition, ids in sent.items():
        here = [each for each in inbox if each.header("hub-origin").split("/")[1] == str(partition)]
        assert [each.header("ce_id") for each in here] == ids
        assert [int(each.header("hub-seq")) for each in here] == list(range(1, len(ids) + 1))
        assert {each.partition for each in here} <= {partition}
    assert len(inbox) == sum(map(len, sent.values()))


def test_duplicates_and_sequences_survive_a_restart(hub):
    """A restarted gate knows what it saw, and what it parked does not count as seen."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    good, bad = hub.event(source, id="good"), hub.event(source, id="bad")
    hub.send(source, *good)
    hub.send(source, bad[0], b"no frame", bad[2])
    hub.flush()
    hub.until_decided(source, 2)
    hub.stop_gates()
    hub.start_gate()
    hub.send(source, *good)
    hub.send(source, *bad)
    hub.send(source, good[0], hub.event(source, {"service_id": "other"})[1], good[2])
    hub.flush()
    position = hub.until_decided(source, 5)
    assert (position.routed, position.duplicate, dict(position.parked)) == (
        2,
        1,
        {"frame": 1, "id-conflict": 1},
    )
    check_complete(hub, recipient, {0: ["good", "bad"]})


@pytest.mark.destructive
def test_gates_killed_in_mid_batch_lose_and_double_nothing(hub):
    """Two gates share the partitions; each is killed with -9 and started again while events flow."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    rng = random.Random(7)
    batches = {"HUB_GATE__BATCH_EVENTS": "50"}
    gates = {slot: hub.start_gate(slot, **batches) for slot in (0, 1)}
    sent = {partition: [] for partition in range(4)}
    for round_ in range(12):
        for partition, ids in sent.items():
            ids.extend(hub.publish(source, 150, partition))
        if round_ in (3, 7):
            victim = round_ // 4
            # Mid-batch: the log grows while the gate works on it.
            hub.until_decided(source, len(sent[0]) - rng.randrange(60, 300))
            os.kill(gates[victim].pid, signal.SIGKILL)
            gates[victim].wait()
            gates[victim] = hub.start_gate(victim, **batches)
    for partition, ids in sent.items():
        position = hub.until_decided(source, len(ids), partition)
        assert (position.read, position.routed) == (len(ids), len(ids))
    check_complete(hub, recipient, sent)


def test_what_is_new_is_found_while_the_gate_runs(hub):
    """A new outbox is read and a new agreement is in force without a restart; the edition is stamped."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.apply()
    hub.start_gate()
    hub.publish(source, 1)
    before = hub.until_decided(source, 1)
    assert before.unclaimed == 1
    newcomer = hub.agency("newcomer")
    hub.agree(source, recipient)
    hub.agree(newcomer, recipient)
    hub.apply()
    started = time.monotonic()
    ids = hub.publish(newcomer, 1)
    hub.until_decided(newcomer, 1)
    assert time.monotonic() - started < 20
    ids += hub.publish(source, 1)
    after = hub.until_decided(source, 2)
    assert (after.routed, after.registry) == (1, before.registry + 1)
    assert sorted(each.header("ce_id") for each in hub.inbox(recipient)) == sorted(ids)


def test_a_committed_offset_that_was_moved_stops_the_gate(hub):
    """The error names both places; nothing is decided; put back, the gate goes on."""
    source = hub.agency("source")
    hub.apply()
    hub.start_gate()
    hub.publish(source, 3)
    hub.until_decided(source, 3)
    hub.stop_gates()
    move(hub, source, 1)
    # The error is final after a while only: markers of one transaction need not show at once everywhere.
    gate = hub.start_gate()
    assert gate.wait(90) == 1
    assert "offset 3 is next" in hub.log()
    assert "the committed offset is 1" in hub.log()
    assert hub.position(source).read == 3
    hub.gates.clear()
    move(hub, source, 3)
    hub.start_gate()
    hub.publish(source, 1)
    assert hub.until_decided(source, 4).read == 4


def move(hub, source, offset):
    """Alter the gate group's committed offset, as an operator's tool does; wait until the group is empty."""
    request = ConsumerGroupTopicPartitions(
        topics.GATE_GROUP, [TopicPartition(topics.outbox(source), 0, offset)]
    )
    deadline = time.monotonic() + 30
    # A client that is thrown away at once never answers.
    client = admin.client(hub.settings)
    while True:
        try:
            (future,) = client.alter_consumer_group_offsets([request]).values()
            future.result(20)
        except KafkaException:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        else:
            return


def test_an_event_whose_delivery_the_broker_refuses_is_found_and_parked_alone(hub):
    """A batch that fails for one record is halved until it stands alone; the others are delivered."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    limit = ConfigEntry("max.message.bytes", "20000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topics.inbox(recipient), incremental_configs=[limit])
    client = admin.client(hub.settings)
    for future in client.incremental_alter_configs([resource]).values():
        future.result(20)
    noise = random.Random(1).randbytes(60_000).hex()
    ids = []
    for number in range(7):
        data = {"service_id": noise if number == 4 else "s"}
        hub.send(source, *hub.event(source, data, id=f"e-{number}"))
        ids += [f"e-{number}"] if number != 4 else []
    hub.flush()
    hub.start_gate()
    position = hub.until_decided(source, 7)
    assert (position.routed, dict(position.parked)) == (6, {"too-large": 1})
    check_complete(hub, recipient, {0: ids})


def test_two_gates_never_share_a_slot(tmp_path):
    """The second is told which process holds it."""
    with (
        gate_slot(tmp_path, 3),
        pytest.raises(StartError, match=f"process {os.getpid()}"),
        gate_slot(tmp_path, 3),
    ):
        pass
    with gate_slot(tmp_path, 3):
        pass
