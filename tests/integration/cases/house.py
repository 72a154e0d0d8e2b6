"""A house with a real broker and database for the live cases: hands that play the gate, the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import text

from hub.broker import clients
from hub.broker.desired.apply import apply
from hub.broker.groups import Groups
from hub.broker.records import record_of
from hub.broker.registry_topic import read_registry
from hub.broker.tail import Tail
from hub.broker.ticks import Clock
from hub.contracts import envelope, topics
from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.journeys.book import Book
from hub.launch.environment import child_environment
from hub.registry.model import ALWAYS, Agency, Agreement, Registry, system_agencies
from hub.store.engine import engine
from tests.integration.cases.world import (
    DECIDED,
    INBOX,
    RECEIVED,
    STEP,
    SUBMITTED,
    TICK,
    WITHDRAWN,
    World,
    inspection,
    licence,
)
from tests.unit.journeys.making import calendar

DEADLINE_SECONDS = 120
GROUP = topics.group(topics.SUPERVISION)
OUTBOX = topics.outbox(topics.HUB)
CITY, TAX, HEALTH = (AgencyCode(each) for each in ("city", "tax", "health"))
NOTICES = ("hub.step.due.v1", "hub.step.overdue.v1", "hub.step.escalated.v1", "hub.sub-case.ended.v1")


def registry():
    """Return a registry: three agencies that work on licences, supervision hears it all, the hub included."""
    types = [EventType(each) for each in (SUBMITTED, RECEIVED, STEP, DECIDED, WITHDRAWN)]
    agencies = {code: Agency(code, 0, code, code, grants=frozenset(types)) for code in (CITY, TAX, HEALTH)}
    agencies[AgencyCode("ministry")] = Agency(AgencyCode("ministry"), 0, "وزارت", "Ministry")
    heard = dict.fromkeys((CITY, TAX, HEALTH), types)
    heard[topics.HUB] = [EventType(each) for each in (TICK, *NOTICES)]
    words = ("test", "آزمون", "test", "example")
    agreements = [
        Agreement(
            AgreementId(f"{source}-supervision"),
            *(0, source, topics.SUPERVISION, *words),
            *({each: frozenset() for each in told}, "pass", "pass", ALWAYS),
        )
        for source, told in heard.items()
    ]
    return Registry(
        0,
        system_agencies() | agencies,
        {each.id: each for each in agreements},
        {each.id: each for each in (licence(), inspection())},
        {each.id: each for each in (calendar(),)},
    )


def until(condition, what="it to happen", seconds=DEADLINE_SECONDS):
    """Poll until the condition gives something true, and return that; `what` is a text or gives one."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what() if callable(what) else what}"
        time.sleep(0.1)
    return found


class House:
    """Supervision's inbox on a real broker, a database, and the processes that a test starts."""

    def __init__(self, settings, folder):
        self.settings = settings
        self.engine = engine(settings)
        self.children = []
        self._log = folder / "cases.log"
        self._producer = Producer(clients.writer(settings, topics.ADMIN_PRINCIPAL) | {"linger.ms": 5})

    def deliver(self, records, producer=None):
        """Write records to supervision's inbox, as the gate would."""
        writer = producer or self._producer
        for each in records:
            writer.produce(INBOX, each.value, each.key, each.partition, headers=list(each.headers))
            writer.poll(0)
        assert writer.flush(60) == 0

    def tell(self, moment):
        """Tell the clock on the hub's outbox; a gate brings it to the inbox."""
        Clock(self.settings, topics.CASES_PRINCIPAL).tell(moment)

    def start(self, slot=0, module="streams.cases", **settings):
        """Start a process as `hub up` does; nobody ticks unless told to."""
        own = {"HUB_CASES__SLOT": str(slot), "HUB_CASES__TICK_SECONDS": "0"}
        own |= {f"HUB_CASES__{name.upper()}": str(value) for name, value in settings.items()}
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", module],
                env=child_environment(self.settings) | own,
                stderr=log,
                stdout=log,
            )
        self.children.append(child)
        return child

    def sql(self, statement, **values):
        """Return the rows of a query, or run a statement that gives some."""
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def folded(self):
        """Return how many records the database is past."""
        return self.sql("SELECT coalesce(sum(next), 0) FROM consumer_position WHERE consumer = 'cases'")[0][0]

    def places(self):
        """Return the next offset per partition in the database."""
        return dict(self.sql("SELECT partition, next FROM consumer_position WHERE consumer = 'cases'"))

    def read(self, topic):
        """Return every committed record of a topic up to its present end."""
        tail = Tail(self.settings, topics.ADMIN_PRINCIPAL, "test")
        try:
            tail.follow_all([(topic, each) for each in range(tail.partitions()[topic])])
            return [record_of(message) for message in tail.to_end()]
        finally:
            tail.close()

    def ids(self, topic):
        """Return the event ids on a topic that are not ticks."""
        headers = [envelope.text_headers(each.headers) for each in self.read(topic)]
        return [each["ce_id"] for each in headers if each["ce_type"] != TICK]

    def behind(self):
        """Return how many offsets of the inbox the database has before it, markers of transactions too."""
        tail = Tail(self.settings, topics.ADMIN_PRINCIPAL, "test")
        try:
            ends = tail.ends([(INBOX, each) for each in range(topics.DEFAULT_PARTITIONS)])
            lows = tail.lows(ends)
        finally:
            tail.close()
        places = self.places()
        return sum(end - places.get(part, lows[INBOX, part]) for (_, part), end in ends.items())

    def caught_up(self):
        """Say whether the database is past every record of the inbox."""
        places = self.places()
        return all(places.get(each.partition, 0) > each.offset for each in self.read(INBOX))

    def mirrored(self):
        """Return what the group has committed, by partition."""
        groups = Groups(self.settings, topics.READER_PRINCIPAL)
        try:
            found = groups.committed({GROUP: [(INBOX, each) for each in range(topics.DEFAULT_PARTITIONS)]})
        finally:
            groups.close()
        return {part: next_ for (_, part), next_ in found.items() if next_ > 0}

    def clean(self, database):
        """Fold the whole inbox anew into another database, in this process; return its tables' content."""
        book = Book(read_registry(self.settings, topics.READER_PRINCIPAL).editions())
        world = World(database)
        world.empty()
        world.folding = world.runner(books=lambda: book, tells=False)
        records = self.read(INBOX)
        for number in range(0, len(records), 500):
            world.fold(records[number : number + 500])
        return world.content()

    def content(self):
        """Return what the live tables hold."""
        reading = World.__new__(World)
        reading.engine = self.engine
        return reading.content()

    def log(self):
        """Return the end of the processes' log."""
        return self._log.read_text()[-6000:] if self._log.exists() else ""

    def close(self):
        """End every process that was started here."""
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.terminate()
        for child in self.children:
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.engine.dispose()


def anew(settings, name):
    """Delete a topic and make it again, so that it begins at offset 0."""
    client = AdminClient(clients.base(settings, topics.ADMIN_PRINCIPAL))
    client.delete_topics([name])[name].result()
    until(lambda: name not in client.list_topics(timeout=10).topics)
    apply(settings, registry())
    until(lambda: name in client.list_topics(timeout=10).topics)


def empty(settings, *names):
    """Remove every record of topics."""
    client = AdminClient(clients.base(settings, topics.ADMIN_PRINCIPAL))
    places = [
        TopicPartition(name, each, OFFSET_END) for name in names for each in range(topics.DEFAULT_PARTITIONS)
    ]
    for future in client.delete_records(places).values():
        future.result()


def kill(child):
    """Kill a process with SIGKILL and wait for its end."""
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


def memory(child):
    """Return the resident memory of a process, bytes."""
    return psutil.Process(child.pid).memory_info().rss
