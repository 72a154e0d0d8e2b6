"""A broker that faults may befall: it is stopped, killed and starved, so it is no other tests' broker."""

from __future__ import annotations

import contextlib
import io
import threading
import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from rich.console import Console

from hub.broker import clients
from hub.broker.desired import admin
from hub.broker.embedded.kafka import EmbeddedKafka
from hub.broker.gating.loop import utc_now
from hub.contracts import ledger, topics
from hub.host.process import Stop
from hub.launch.environment import child_environment
from hub.launch.parts import ProcessPart
from hub.launch.report import Report
from hub.launch.supervisor import Supervisor
from hub.settings import Settings
from streams import gate
from tests.integration.gate.conftest import Hub

DEADLINE_SECONDS = 90
# A broker looks every five minutes for what retention may remove; here every second.
HOUSEKEEPING = "log.retention.check.interval.ms=1000\nlog.initial.task.delay.ms=500\n"


def until(condition, what=lambda: "", seconds=DEADLINE_SECONDS):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s\n{what()}"
        time.sleep(0.1)
    return found


class FaultHub(Hub):
    """The gate's tests' hands on a broker, and some for faults."""

    def __init__(self, kafka):
        super().__init__(kafka.settings)
        self.kafka = kafka
        self.console = io.StringIO()
        self.supervisor = Supervisor(Report(Console(file=self.console, width=200)))

    def keep_gates(self, count=1, **settings):
        """Start gates under the hub's own supervisor: it starts again what ends."""
        for slot in range(count):
            environment = child_environment(self.settings) | {"HUB_GATE__SLOT": str(slot)} | settings
            part = ProcessPart(f"gate-{slot}", "streams.gate", self.settings.data_dir, environment)
            self.supervisor.add(part)
            part.spawn()
        self.supervisor.watch()
        for slot in range(count):
            part = self.supervisor.part(f"gate-{slot}")
            until(part.is_ready, self.told)

    def end_gates(self):
        """Stop every gate."""
        self.supervisor.stop()
        self.supervisor = Supervisor(Report(Console(file=self.console, width=200)))
        self.stop_gates()

    def ledger(self):
        """Return the newest positions and route counts, by key, without what was removed."""
        newest = {read.key: read.value for read in self.read(topics.LEDGER)}
        return {key: ledger.parse(key, value) for key, value in newest.items() if value is not None}

    def until_next(self, source, wanted):
        """Wait until partitions are decided up to the given offsets, however often a gate has to start."""
        key = {number: ledger.Position(topics.outbox(source), number, 0, 0).key for number in wanted}

        def done():
            found = self.ledger()
            return all(
                key[number] in found and found[key[number]].next >= next_ for number, next_ in wanted.items()
            )

        until(done, self.told)

    def told(self):
        """Return the console and the ends of the gates' logs."""
        logs = sorted(self.settings.data_dir.glob("logs/gate-*.log"))
        ends = "\n".join(f"{file.name}: {file.read_text()[-2500:]}" for file in logs)
        return f"{self.console.getvalue()[-2000:]}\n{ends}\n{self.log()}"

    def configure(self, topic, **values):
        """Set a topic's configuration, as an operator's tool does."""
        entries = [
            ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for name, value in values.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        client = admin.client(self.settings)
        for future in client.incremental_alter_configs([resource]).values():
            future.result(20)

    def ends(self, topic, partition=0):
        """Return the first and the next offset of a partition."""
        consumer = Consumer(clients.reader(self.settings, "hub.admin", "test"))
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
        finally:
            consumer.close()

    def complete(self, recipient, sent):
        """Assert that an inbox holds the ids of each source partition once, in order, hub-seq without gap."""
        inbox = self.inbox(recipient)
        for partition, ids in sent.items():
            here = [each for each in inbox if each.header("hub-origin").split("/")[1] == str(partition)]
            assert [each.header("ce_id") for each in here] == ids
            assert [int(each.header("hub-seq")) for each in here] == list(range(1, len(ids) + 1))
        assert len(inbox) == sum(map(len, sent.values()))


class GateHere:
    """A gate in a thread of the test: quick to start, with a clock and settings of the test's."""

    def __init__(self, settings, clock, **changed):
        self.stop = Stop()
        self.error = None
        changed = {"slot": 7} | changed
        self._settings = settings.model_copy(update={"gate": settings.gate.model_copy(update=changed)})
        self._clock = clock
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            gate.main(self._settings, self.stop, self._clock)
        except Exception as error:  # noqa: BLE001 - the test looks at whatever it was
            self.error = error

    def refusal(self):
        """Wait until the gate stops by itself, and return why."""
        self.thread.join(60)
        return str(self.error)

    def close(self):
        """Let it finish what it has in hand; its end must be in order."""
        self.stop.set()
        self.thread.join(30)
        assert self.error is None, self.error


@pytest.fixture(scope="session")
def fault_broker(tmp_path_factory):
    """Start a Kafka for the faults' tests, with quick housekeeping."""
    kafka = EmbeddedKafka(Settings(data_dir=tmp_path_factory.mktemp("faults")))
    with contextlib.ExitStack() as stack:
        kafka.resolve()
        kafka.format()
        with (kafka.settings.data_dir / "kafka" / "server.properties").open("a", encoding="ascii") as file:
            file.write(HOUSEKEEPING)
        stack.callback(kafka.stop)
        kafka.start()
        yield FaultHub(kafka)


@pytest.fixture
def hub(fault_broker):
    """Lend the broker with no gate running; end the gates that the test starts."""
    fault_broker.console.truncate(0)
    yield fault_broker
    fault_broker.end_gates()


@pytest.fixture
def gate_here(hub):
    """Give a function that starts a gate in this process."""
    gates = []

    def start(clock=utc_now, **changed):
        gates.append(GateHere(hub.settings, clock, **changed))
        return gates[-1]

    yield start
    for each in gates:
        each.stop.set()
        each.thread.join(30)
