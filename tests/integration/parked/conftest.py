"""A hub of the parked events' tests' own: broker, database, real gate and projector, two operators."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from sqlalchemy import text
from typer.testing import CliRunner

from hub.broker import clients
from hub.broker.desired.apply import apply
from hub.broker.records import record_of
from hub.cli.app import app
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode, AgreementId, EventType, source_uri
from hub.contracts.schemas import Contracts
from hub.host.ports import free
from hub.launch.environment import child_environment, write_env_file
from hub.registry.model import ALWAYS, Agency, Agreement, Registry, system_agencies
from hub.store.engine import engine
from hub.store.migrate import migrate

DEADLINE_SECONDS = 60
STEP = EventType("service.step.completed.v1")
SUBMITTED = EventType("service.request.submitted.v1")
CITY, COURT = AgencyCode("city"), AgencyCode("court")


class Office:
    """What the tests do: publish as the city, run commands, look at topics and tables."""

    def __init__(self, settings):
        self.settings = settings
        self.engine = engine(settings)
        self.codec = Codec(Contracts.load())
        self.children = {}
        self.metrics_port = free()
        self._own = {"gate": {}, "projector": {"HUB_METRICS__PORT": str(self.metrics_port)}}
        self._producer = Producer(
            clients.writer(settings, topics.ADMIN_PRINCIPAL) | {"message.max.bytes": 30_000_000}
        )

    def apply(self, *grants):
        """Bring a registry into force: the city may publish these, the court gets all that is granted."""
        agencies = {
            CITY: Agency(CITY, 0, "شهر", "City", grants=frozenset({STEP, *grants})),
            COURT: Agency(COURT, 0, "دادگاه", "Court"),
        }
        agreement = Agreement(
            AgreementId("city-to-court"), 0, CITY, COURT, "test", "آزمون", "test", "example",
            {each: frozenset() for each in (STEP, *grants)}, "pass", "pass", ALWAYS,
        )  # fmt: skip
        applied = apply(self.settings, Registry(0, system_agencies() | agencies, {agreement.id: agreement}))
        if applied.new_edition and "gate" in self.children:
            told = f'"version": {applied.edition}, "event": "registry"'
            self.until(lambda: told in self.log(), f"the gate to decide by edition {applied.edition}")

    def event(self, type_=SUBMITTED, data=None, **attributes):
        """Return key, value and headers of an event of the city."""
        made = Envelope(
            attributes.pop("id", str(uuid.uuid4())),
            source_uri(CITY),
            type_,
            "2026-03-21T08:30:00+03:30",
            **attributes,
        )
        value = self.codec.encode(type_, data or {"service_id": "s-1"})
        return made.key.encode(), value, made.to_headers()

    def publish(self, key, value, headers, partition=0):
        """Write one record to the city's outbox; return its origin."""
        places = []
        self._producer.produce(
            topics.outbox(CITY), value, key, partition, headers=headers,
            on_delivery=lambda error, message: places.append((error, message.offset())),
        )  # fmt: skip
        assert self._producer.flush(30) == 0
        assert places[0][0] is None
        return f"{topics.outbox(CITY)}/{partition}/{places[0][1]}"

    def park(self, count=1, **attributes):
        """Publish events that the city has no grant for, and wait until the tables have them as parked."""
        origins = [self.publish(*self.event(**attributes), partition=number % 4) for number in range(count)]
        self.until(lambda: len(self.rows(origins)) == count, "the parked events")
        return origins

    def rows(self, origins):
        """Return state, settled_by and reason of the parked events of these origins, by origin."""
        statement = (
            "SELECT concat_ws('/', origin_topic, origin_partition, origin_offset), state, settled_by, reason"
            " FROM parked WHERE concat_ws('/', origin_topic, origin_partition, origin_offset) = ANY(:origins)"
        )
        return {row[0]: tuple(row[1:]) for row in self.sql(statement, origins=list(origins))}

    def states(self, origins):
        """Return the states of these origins in their order."""
        rows = self.rows(origins)
        return [rows[each][0] for each in origins]

    def sql(self, statement, **values):
        with self.engine.connect() as connection:
            return connection.execute(text(statement), values).all()

    def read(self, topic):
        """Return every committed record of a topic, up to its end now."""
        config = clients.reader(self.settings, topics.ADMIN_PRINCIPAL, "test") | {
            "enable.partition.eof": True
        }
        consumer = Consumer(config)
        count = len(consumer.list_topics(topic, 10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(count)])
        found, open_ = [], set(range(count))
        while open_:
            for message in consumer.consume(1000, 1):
                if message.error():
                    open_.discard(message.partition())
                else:
                    found.append(message)
        consumer.close()
        return found

    def delivered(self, ids):
        """Return how often the court got each of these events, and every header of the deliveries."""
        records = [record_of(each) for each in self.read(topics.inbox(COURT))]
        headers = [dict(each.headers) for each in records]
        wanted = [each for each in headers if each["ce_id"].decode() in ids]
        return [sum(each["ce_id"].decode() == id_ for each in wanted) for id_ in ids], wanted

    def run(self, *arguments, code=0, **environment):
        """Run a command of `hub` in this process; return what it printed, as JSON where it is."""
        cleared = {name: None for name in os.environ if name.startswith("HUB_")}
        result = CliRunner().invoke(
            app, [*arguments, "--data-dir", str(self.settings.data_dir)], env=cleared | environment
        )
        told = f"{result.exit_code} {result.output} {result.exception!r}"
        error = getattr(result.exception, "exit_code", None)
        assert (error if error is not None else result.exit_code) == code, told
        if code and error is not None:
            return str(result.exception)
        try:
            return json.loads(result.stdout)
        except ValueError:
            return result.stdout

    def start(self, name):
        """Start a process of the hub; ended at the end."""
        log = (self.settings.data_dir / f"{name}.log").open("a")
        self.children[name] = subprocess.Popen(
            [sys.executable, "-m", f"streams.{name}"],
            env=child_environment(self.settings) | self._own[name],
            stderr=log,
            stdout=log,
        )
        log.close()
        return self.children[name]

    def kill(self, name):
        self.children[name].kill()
        self.children[name].wait()

    def until(self, condition, what="it to happen", seconds=DEADLINE_SECONDS):
        """Poll until the condition gives something true, and return that."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}\n{self.log()}"
            time.sleep(0.1)
        return found

    def log(self):
        files = [self.settings.data_dir / f"{name}.log" for name in self.children]
        return "\n".join(each.read_text()[-3000:] for each in files if each.exists())

    def close(self):
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.engine.dispose()


@pytest.fixture(scope="session")
def office(running_engines, tmp_path_factory):
    """Start engines, a gate and a projector, with a registry in force and the operators ali and bita."""
    with running_engines(tmp_path_factory.mktemp("parked")) as engines:
        made = Office(engines.settings)
        try:
            migrate(made.settings)
            made.apply()
            write_env_file(made.settings)
            for name in ("gate", "projector"):
                made.start(name)
            for name in ("ali", "bita"):
                made.run("operator", "add", name)
            yield made
        finally:
            made.close()


@pytest.fixture
def fresh_office(office):
    """Lend the office with the registry that grants the city one event type only."""
    office.apply()
    return office


__all__ = ["CITY", "COURT", "STEP", "SUBMITTED"]
