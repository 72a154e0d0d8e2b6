"""Kills of the process `cases` in the middle of something, with a real gate; then what is left is judged.

For the test of ten kills and for the soak's hundred.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from confluent_kafka import Producer

from hub.broker import clients
from hub.broker.records import record_of
from hub.broker.tail import Tail
from hub.contracts import envelope, topics
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.names import EventType, source_uri
from hub.launch.rebuild.run import rebuild
from tests.integration.cases.house import CITY, HEALTH, OUTBOX, TAX, kill, until
from tests.integration.cases.world import CODEC, DECIDED, INBOX, START, STEP, SUBMITTED, TICK

BUSY_SHARE = 0.8
IN_FLIGHT = 20
"""So many offsets behind the log's end count as work in flight; markers of transactions stay before it."""
REST_SECONDS = 240
KINDS = {
    "writing": "in the middle of a transaction that had written",
    "unsaid": "with notices decided and not marked as published",
    "there": "with such notices on the outbox already",
}
_WRITING_SECONDS, _TELLING_SECONDS = 2.0, 20.0
_PAUSE_SECONDS, _CASES_AT_ONCE, _CASES_A_TICK = 0.3, 8, 40
_MOST_WAITING = 300
_TICK = timedelta(hours=6)
_UNSENT = "SELECT count(*) FROM notice WHERE id NOT IN (SELECT id FROM notice_sent)"
_WRITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
"""


class Load(threading.Thread):
    """Publishes cases as three agencies do, and tells the clock between, until it is told to end.

    So many cases may wait to be folded that a process has work when it starts, and can come to the end of it.
    """

    def __init__(self, house):
        super().__init__(daemon=True)
        self._house = house
        self._producer = Producer(clients.writer(house.settings, topics.ADMIN_PRINCIPAL) | {"linger.ms": 5})
        self._chance = random.Random(5)
        self.ending = threading.Event()
        self.cases = 0
        self.told = 0

    def run(self):
        """Open cases hour by hour; take some further, leave some to their deadlines."""
        while not self.ending.wait(_PAUSE_SECONDS):
            if self.cases - self._folded() > _MOST_WAITING:
                continue
            for _ in range(_CASES_AT_ONCE):
                self._case(self.cases, self.cases / 50)
                self.cases += 1
            self._producer.flush(30)
            if self.cases % _CASES_A_TICK == 0:
                self.told += 1
                self._house.tell(START + self.told * _TICK)
        self._house.tell(START + self.told * _TICK + timedelta(days=30))

    def _folded(self):
        """Return how many of its cases are folded: where a process takes long to start, the load waits."""
        return self._house.sql("SELECT count(*) FROM journey_case WHERE agency = 'city'")[0][0]

    def _case(self, number, hour):
        caseid = f"city/{number}"
        self._publish(CITY, SUBMITTED, caseid, hour, {"service_id": "licence"})
        if self._chance.random() < 0.6:
            self._publish(TAX, STEP, caseid, hour + 5, {"service_id": "licence", "step_id": "check"})
        if self._chance.random() < 0.4:
            self._publish(HEALTH, STEP, caseid, hour + 9, {"service_id": "licence", "step_id": "visit"})
            self._publish(CITY, DECIDED, caseid, hour + 20, {"service_id": "licence"})
        if number % 10 == 0:
            sub = {"service_id": "inspection", "parent_case": caseid}
            self._publish(HEALTH, SUBMITTED, f"health/{number}", hour + 1, sub)
            done = {"service_id": "inspection", "step_id": "look"}
            self._publish(HEALTH, STEP, f"health/{number}", hour + 3, done)

    def _publish(self, agency, type_, caseid, hours, data):
        time_ = rfc3339(START + timedelta(hours=hours))
        id_ = f"{agency}-{caseid}-{type_}-{data.get('step_id', '')}"
        event = Envelope(id_, source_uri(agency), EventType(type_), time_, caseid=caseid)
        value = CODEC.encode(EventType(type_), data)
        self._producer.produce(topics.outbox(agency), value, event.key.encode(), headers=event.to_headers())


@dataclass(frozen=True)
class Killed:
    """What the process was in the middle of, seen while it was stopped, just before its end.

    `at`: seconds since the first start. `writing`: a transaction of its had written and was open; `unsaid`:
    notices that it had decided and not marked as published, `there` of them lay on the outbox already;
    `unread`: offsets of the inbox before it; `worked`: seconds from its start until it had folded something.
    """

    at: float
    writing: bool
    unsaid: int
    there: int
    unread: int
    worked: float

    @property
    def busy(self):
        """Whether something was half done: input that waits is nothing that a kill can break."""
        return self.writing or self.unsaid > 0


class Killer:
    """Starts the process, lets it work, and kills it, again and again; under a gate and a load.

    One life ends in a transaction, the next while it tells: behind the outbox, before it has noted that.
    """

    def __init__(self, house, seed):
        self.house = house
        self.load = Load(house)
        self.killed = []
        self._chance = random.Random(seed)
        self._outbox = Outbox(house)

    def kill(self, count, say=lambda _: None):
        """Kill so many times under load; then let a last process come to rest, and return what is off."""
        gate = self.house.start(module="streams.gate")
        self.load.start()
        try:
            with closing(self._outbox):
                self._all(count, say)
        finally:
            self.load.ending.set()
            self.load.join()
        self.house.start()
        until(lambda: at_rest(self.house), self.house.log, REST_SECONDS)
        off = [] if gate.poll() is None else ["the gate has ended"]
        if self.count("busy") < BUSY_SHARE * count:
            off.append(f"only {self.count('busy')} of {count} kills came in the middle of something")
        return off + [f"no kill came {what}" for kind, what in KINDS.items() if not self.count(kind)]

    def count(self, kind):
        """Return at how many kills that was so: a field's or property's name."""
        return sum(bool(getattr(each, kind)) for each in self.killed)

    def _all(self, count, say):
        begin, folded = time.monotonic(), 0
        for number in range(count):
            self._outbox.forget()
            child, started = self.house.start(batch_events=100, linger_ms=20), time.monotonic()
            until(lambda before=folded: self.house.folded() > before, self.house.log)
            worked = time.monotonic() - started
            (self._stop_telling if number % 2 else self._stop_writing)(child)
            seen = self._look(time.monotonic() - begin, worked)
            folded = self.house.folded()
            kill(child)
            self.killed.append(seen)
            say(f"{number + 1}/{count} cases: {seen}")

    def _stop_writing(self, child):
        """Stop the process while a transaction is open that has written, or after a while in any moment."""
        time.sleep(self._chance.uniform(0, 0.3))
        end = time.monotonic() + _WRITING_SECONDS
        while True:
            _pause(child)
            if self.house.sql(_WRITING) != [(0,)] or time.monotonic() > end:
                return
            os.kill(child.pid, signal.SIGCONT)
            time.sleep(self._chance.uniform(0, 0.02))

    def _stop_telling(self, child):
        """Stop the process when the outbox has notices that it has not marked, or after a while."""
        end = time.monotonic() + _TELLING_SECONDS
        while time.monotonic() < end:
            if self._outbox.has_grown():
                _pause(child)
                if self._outbox.is_ahead():
                    return
                os.kill(child.pid, signal.SIGCONT)
        _pause(child)

    def _look(self, at, worked):
        [(writing,)] = self.house.sql(_WRITING)
        unsaid = {id_ for (id_,) in self.house.sql(_UNSENT.replace("count(*)", "id"))}
        there = unsaid & set(self.house.ids(OUTBOX)) if unsaid else ()
        return Killed(at, bool(writing), len(unsaid), len(there), self.house.behind(), worked)


def _pause(child):
    os.kill(child.pid, signal.SIGSTOP)
    # What was on its way to the database or the broker gets there.
    time.sleep(0.01)


class Outbox:
    """Whether the hub's outbox has new notices that the database does not know to be there; quick to ask."""

    def __init__(self, house):
        self._house = house
        self._tail = Tail(house.settings, topics.ADMIN_PRINCIPAL, "outbox")
        self._places = [(OUTBOX, each) for each in range(topics.DEFAULT_PARTITIONS)]
        self._ends = self._tail.ends(self._places)
        self._tail.follow(self._ends)
        self._new = []

    def forget(self):
        """From now on only later notices are new ones."""
        self._read()
        self._new.clear()

    def has_grown(self):
        """Say whether something was written since the last question."""
        before, self._ends = self._ends, self._tail.ends(self._places)
        return self._ends != before

    def is_ahead(self):
        """Say whether a new notice is not marked as published."""
        self._read()
        query = "SELECT count(*) FROM notice_sent WHERE id = ANY(:ids)"
        return self._house.sql(query, ids=self._new) != [(len(self._new),)]

    def close(self):
        """Leave the broker."""
        self._tail.close()

    def _read(self):
        for message in self._tail.to_end():
            headers = envelope.text_headers(record_of(message).headers)
            if headers["ce_type"] != TICK:
                self._new.append(headers["ce_id"])


@dataclass
class Judged:
    """What a run of kills left behind: counts, and what is off."""

    notices: int
    said: int
    records: int
    findings: list


def judge(house):
    """Compare the rows with a clean rebuild, the notices with the hub's outbox and supervision's inbox."""
    outcome = rebuild(house.settings, "cases", check=True, say=lambda _: None)
    off = [f"{each.table} is not what a rebuild makes" for each in outcome.tables if not each.same]
    decided = [id_ for (id_,) in house.sql("SELECT id FROM notice")]
    said = house.ids(OUTBOX)
    off += once_each(decided, said, "the hub's outbox") + once_each(
        decided, received(house), "supervision's inbox"
    )
    [(faults,)] = house.sql("SELECT count(*) FROM sequence_fault")
    if faults:
        off.append(f"{faults} breaks in hub-seq")
    return Judged(len(decided), len(said), outcome.records, off)


def once_each(decided, found, where):
    """Return which notices do not stand once there, and what stands there that nobody decided."""
    counts = Counter(found)
    lost = [id_ for id_ in decided if counts[id_] == 0]
    more = [id_ for id_, count in counts.items() if count > 1]
    strange = counts.keys() - set(decided)
    kinds = {"lost": lost, "more than once": more, "never decided": sorted(strange)}
    return [f"{len(ids)} notices {what} on {where}: {ids[0]} …" for what, ids in kinds.items() if ids]


def at_rest(house):
    """Say whether all is decided, folded and told: nothing moves any more."""
    if house.sql(_UNSENT) != [(0,)] or house.behind() > IN_FLIGHT or not house.caught_up():
        return False
    notices = house.sql("SELECT count(*) FROM notice")[0][0]
    return notices <= len(received(house)) and house.caught_up() and house.sql(_UNSENT) == [(0,)]


def received(house):
    """Return the ids of the hub's events in supervision's inbox that are no ticks."""
    headers = [envelope.text_headers(each.headers) for each in house.read(INBOX)]
    return [
        each["ce_id"] for each in headers if each["ce_source"] == "/agency/hub" and each["ce_type"] != TICK
    ]
