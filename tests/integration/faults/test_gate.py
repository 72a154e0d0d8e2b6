"""The gate's own faults: zombies, replacement, clocks, places that were moved, retention, duplicates."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta

import pytest
import typer
from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from hub.broker import clients
from hub.broker.desired import admin
from hub.broker.gating import recovery
from hub.cli import gate as command
from hub.contracts import ledger, topics
from hub.errors import BrokerError
from hub.launch.environment import child_environment
from hub.metrics import metrics
from tests.integration.faults.conftest import until

SMALL = {"HUB_GATE__BATCH_EVENTS": "40"}


@pytest.fixture
def pair(hub):
    """Make a source and a recipient that agree."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    hub.agree(source, recipient)
    hub.apply()
    return source, recipient


@pytest.fixture
def run(hub, monkeypatch):
    """Give a function that runs `hub gate …`; an error of the hub is raised as it is."""
    for name, value in child_environment(hub.settings).items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    app = typer.Typer()
    command.register(app)

    def invoke(*words):
        result = CliRunner().invoke(app, ["gate", *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def fill(hub, source, sent, count):
    """Publish events to every partition."""
    for partition in sent:
        sent[partition] += hub.publish(source, count, partition)


@pytest.mark.slow
@pytest.mark.destructive
def test_a_zombie_and_a_rolling_replacement_double_nothing(hub, pair):
    """A gate stands still beyond its session in mid-batch and wakes; then both are replaced under load."""
    source, recipient = pair
    hub.keep_gates(2, **SMALL)
    sent = {partition: [] for partition in range(4)}
    fill(hub, source, sent, 400)
    hub.until_next(source, {0: 40})
    zombie = hub.supervisor.part("gate-0").process
    zombie.send_signal(signal.SIGSTOP)
    fill(hub, source, sent, 50)
    # The other gate has it all once the session of the one that stands still has ended.
    hub.until_next(source, {partition: len(ids) for partition, ids in sent.items()})
    zombie.send_signal(signal.SIGCONT)
    for slot in range(2):
        fill(hub, source, sent, 200)
        before = hub.supervisor.part(f"gate-{slot}").process
        hub.supervisor.restart(f"gate-{slot}")
        # Asked to stop it finished its batch and left in order, or it had ended as a zombie before.
        assert before.returncode in (0, 1), hub.told()
    hub.until_next(source, {partition: len(ids) for partition, ids in sent.items()})
    hub.complete(recipient, sent)


def test_a_clock_that_is_off_decides_nothing(hub, pair, gate_here):
    """Five minutes ahead or behind: the gate stops and says so; a minute is let pass."""
    source, recipient = pair
    ids = hub.publish(source, 2)
    off = {"seconds": 0.0}

    def clock():
        return datetime.now(UTC) + timedelta(seconds=off["seconds"])

    for seconds, told in ((300, "300 s ahead of Kafka's"), (-300, "300 s behind Kafka's")):
        off["seconds"] = seconds
        gate = gate_here(clock)
        assert told in gate.refusal()
        assert hub.position(source).next == 0
    off["seconds"] = 60.0
    gate = gate_here(clock)
    hub.until_decided(source, 2)
    off["seconds"] = -86_400.0
    ids += hub.publish(source, 3)
    assert "behind Kafka's" in gate.refusal()
    gate_here()
    hub.until_decided(source, 5)
    hub.complete(recipient, {0: ids})
    first, last = hub.inbox(recipient)[0], hub.inbox(recipient)[-1]
    accepted = [datetime.fromisoformat(each.header("hub-accepted-at")) for each in (first, last)]
    # By the first gate's clock, a minute ahead, and by the last one's.
    assert timedelta(0) < accepted[0] - datetime.now(UTC) < timedelta(seconds=61)
    assert accepted[1] < datetime.now(UTC)


@pytest.fixture
def impatient(monkeypatch):
    """Let a gate in this process wait a second, not fifteen, for ledger and offsets to agree."""
    monkeypatch.setattr(recovery, "_AGREE_SECONDS", 1.0)


@pytest.mark.usefixtures("impatient")
def test_lost_offsets_stop_the_gate_until_they_are_set_from_the_ledger(hub, pair, run, gate_here):
    """Somebody deleted the gate's group: one command shows it and puts it back; no event twice."""
    source, recipient = pair
    gate = gate_here()
    ids = hub.publish(source, 3)
    hub.until_decided(source, 3)
    assert run("position").exit_code == 0
    gate.close()
    forget_group(hub)
    assert "is next, but for group hub.gate no offset is committed" in gate_here().refusal()
    shown = run("position", "--json")
    assert shown.exit_code == 1
    (line,) = [each for each in json.loads(shown.output) if each["topic"] == topics.outbox(source)]
    assert (line["ledger"], line["committed"], line["agrees"], line["obstacle"]) == (3, 0, False, None)
    assert run("position", "--set-from-ledger", "--yes").exit_code == 0
    assert run("position").exit_code == 0
    gate_here()
    ids += hub.publish(source, 2)
    hub.until_decided(source, 5)
    hub.complete(recipient, {0: ids})


@pytest.mark.usefixtures("impatient")
def test_a_lost_ledger_stops_the_gate_and_no_command_guesses(hub, pair, run, gate_here):
    """The receipts say how far it was, so nothing is set from an older ledger; put back, the gate goes on."""
    source, recipient = pair
    gate = gate_here()
    ids = hub.publish(source, 3)
    position = hub.until_decided(source, 3)
    gate.close()
    write_ledger(hub, position, None)
    assert "offset 0 is next, but for group hub.gate the committed offset is 3" in gate_here().refusal()
    assert run("position").exit_code == 1
    with pytest.raises(BrokerError, match=r"the receipts go to 3: hub\.ledger is an older copy, or was lost"):
        run("position", "--set-from-ledger", "--yes")
    assert len(hub.inbox(recipient)) == 3
    write_ledger(hub, position, position.value())
    gate_here()
    ids += hub.publish(source, 1)
    hub.until_decided(source, 4)
    hub.complete(recipient, {0: ids})


def forget_group(hub):
    """Delete the gate's group, as an operator's tool does; wait until it is empty."""
    client = admin.client(hub.settings)

    def done():
        (future,) = client.delete_consumer_groups([topics.GATE_GROUP]).values()
        return future.exception(20) is None

    until(done, hub.told)


def write_ledger(hub, position, value):
    """Write or (None) remove the ledger's record of a position, past every right that an operator has."""
    producer = Producer(clients.writer(hub.settings, "hub.admin"))
    number = ledger.ledger_partition(position.topic, position.partition, topics.DEFAULT_PARTITIONS)
    producer.produce(topics.LEDGER, value, position.key, number)
    assert producer.flush(20) == 0


@pytest.mark.slow
def test_retention_that_passes_the_gate_or_a_recipient_is_counted_and_passed_over(hub, pair, gate_here):
    """Real retention, within seconds: places unread count as expired; an emptied inbox keeps its numbers."""
    source, recipient = pair
    outbox, inbox = topics.outbox(source), topics.inbox(recipient)
    gate = gate_here()
    hub.publish(source, 2)
    hub.until_decided(source, 2)
    gate.close()
    hub.publish(source, 5)
    for topic in (outbox, inbox):
        hub.configure(topic, retention_ms="500")
    until(lambda: hub.ends(outbox)[0] == 7)
    until(lambda: hub.ends(inbox)[0] == hub.ends(inbox)[1])
    for topic in (outbox, inbox):
        hub.configure(topic, retention_ms=str(topics.AGENCY_RETENTION_MS))
    ids = hub.publish(source, 1)
    gate_here()
    position = hub.until_decided(source, 8)
    assert (position.read, position.routed, position.expired) == (3, 3, 5)
    (only,) = hub.inbox(recipient)
    assert (only.header("ce_id"), only.header("hub-seq")) == (ids[0], "3")


def test_the_reported_reach_of_duplicate_recognition_is_true(hub, pair, gate_here):
    """What lies within the reach that the metric tells is recognised after a restart; by places, no more."""
    source, recipient = pair
    # More than any other outbox of this broker holds, so that the figure is this one's.
    places = 1500
    gate = gate_here(dedupe_events=places)
    # In pieces: what is sent at once may share one append time, and lies within the reach only as a whole.
    ids = [id_ for piece in (14, *[100] * 15) for id_ in hub.publish(source, piece)]
    assert len(ids) == places + 14
    hub.until_decided(source, len(ids))
    gate.close()
    metrics().dedupe_window(0)
    gate_here(dedupe_events=places)
    ids += hub.publish(source, 1)
    hub.until_decided(source, len(ids))
    reach = until(lambda: REGISTRY.get_sample_value("hub_gate_dedupe_window_seconds"))
    stamps = appended(hub, source)
    inside = [number for number, stamp in enumerate(stamps) if stamp > stamps[-1] - round(1000 * reach)]
    assert places / 2 <= len(inside) <= places
    for number, duplicates in ((inside[0], 1), (13, 1)):
        hub.send(source, *hub.event(source, id=ids[number], caseid=f"{source}/c"))
        hub.flush()
        ids.append(ids[number])
        assert hub.until_decided(source, len(ids)).duplicate == duplicates
    assert len(hub.inbox(recipient)) == places + 16


def appended(hub, source):
    """Return the append time of every record of partition 0 of an outbox, in milliseconds."""
    consumer = Consumer(clients.reader(hub.settings, "hub.admin", "test"))
    consumer.assign([TopicPartition(topics.outbox(source), 0, 0)])
    messages, end = [], hub.ends(topics.outbox(source))[1]
    while len(messages) < end:
        messages += consumer.consume(end, 1)
    consumer.close()
    return [message.timestamp()[1] for message in messages]
