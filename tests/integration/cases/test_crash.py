"""kill -9 of the process `cases` under load, with a real gate: no row differs, no notice is lost or twice."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta

import pytest
from confluent_kafka import Producer

from hub.broker import clients
from hub.contracts import envelope, topics
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.names import EventType, source_uri
from hub.host.process import configure_logging
from hub.launch.rebuild.run import rebuild
from tests.integration.cases.house import CITY, HEALTH, OUTBOX, TAX, kill, until
from tests.integration.cases.world import CODEC, DECIDED, INBOX, START, STEP, SUBMITTED, TICK

KILLS = 10
BUSY_SHARE = 0.8
IN_FLIGHT = 20
"""So many offsets behind the log's end count as work in flight; markers of transactions stay before it."""
MOST_CASES = 700


class Load(threading.Thread):
    """Publishes cases as three agencies do, and tells the clock between, until it is told to end."""

    def __init__(self, house):
        super().__init__()
        self._house = house
        self._producer = Producer(clients.writer(house.settings, topics.ADMIN_PRINCIPAL) | {"linger.ms": 5})
        self._chance = random.Random(5)
        self.ending = threading.Event()
        self.cases = 0
        self.told = 0

    def run(self):
        """Open cases hour by hour; take some further, leave some to their deadlines."""
        while not self.ending.wait(0.3):
            for _ in range(20 if self.cases < MOST_CASES else 1):
                self._case(self.cases, self.cases / 50)
                self.cases += 1
            self._producer.flush(30)
            if self.cases % 200 == 0:
                self.told += 1
                self._house.tell(START + timedelta(days=self.told))
        self.told += 30
        self._house.tell(START + timedelta(days=self.told))

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


@pytest.mark.slow
@pytest.mark.destructive
def test_ten_kills_under_load_change_no_row_and_no_notice_is_lost_or_doubled(house, capsys):
    """The rows are those of a clean rebuild; each notice stands once in supervision's inbox."""
    gate, load, chance = house.start(module="streams.gate"), Load(house), random.Random(11)
    load.start()
    busy, folded = [], 0
    try:
        for _ in range(KILLS):
            child = house.start(batch_events=20, linger_ms=20)
            until(lambda before=folded: house.folded() > before, house.log)
            time.sleep(chance.uniform(0, 0.3))
            folded = house.folded()
            busy.append(house.behind() > IN_FLIGHT)
            kill(child)
    finally:
        load.ending.set()
        load.join()
    house.start()
    until(lambda: _still(house), house.log, 240)
    assert gate.poll() is None, house.log()
    configure_logging("critical")
    outcome = rebuild(house.settings, "cases", check=True, say=lambda _: None)
    assert outcome.same, [each for each in outcome.tables if not each.same]
    told = house.ids(OUTBOX)
    received = _of_hub(house)
    notices = [id_ for (id_,) in house.sql("SELECT id FROM notice ORDER BY id")]
    with capsys.disabled():
        seen = f"{load.cases} cases, {len(notices)} notices, {len(told)} sent"
        print(f" [{seen}, busy at {sum(busy)} of {KILLS} kills]")  # noqa: T201
    assert sorted(received) == notices
    assert len(notices) > 100
    assert sum(busy) >= BUSY_SHARE * KILLS
    assert house.sql("SELECT count(*) FROM sequence_fault") == [(0,)]


def _still(house):
    """Say whether all is decided, folded and told: nothing moves any more."""
    unsent = "SELECT count(*) FROM notice WHERE id NOT IN (SELECT id FROM notice_sent)"
    if house.sql(unsent) != [(0,)] or house.behind() > IN_FLIGHT or not house.caught_up():
        return False
    notices = house.sql("SELECT count(*) FROM notice")[0][0]
    return notices <= len(_of_hub(house)) and house.caught_up() and house.sql(unsent) == [(0,)]


def _of_hub(house):
    """Return the ids of the hub's events in supervision's inbox that are no ticks."""
    headers = [envelope.text_headers(each.headers) for each in house.read(INBOX)]
    return [
        each["ce_id"] for each in headers if each["ce_source"] == "/agency/hub" and each["ce_type"] != TICK
    ]
