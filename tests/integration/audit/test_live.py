"""The audit beside a gate at work: exact at every cut, through restarts, and with no power to write."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import urllib.request

import pytest
from confluent_kafka import KafkaError, Producer
from sqlalchemy import text

from hub.broker import clients
from hub.contracts import topics
from hub.errors import FencedError
from hub.store import audit as books
from tests.integration.audit.conftest import until
from tests.integration.audit.test_sabotage import line, sums_hold
from tests.integration.gate.conftest import STEP, SUBMITTED


def figures(port):
    """Return the hub's samples that a process shows on its own port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            page = answer.read().decode()
    except OSError:
        return None
    return dict(re.findall(r"^(hub_[^ ]+) (.+)$", page, re.MULTILINE))


def rows(desk):
    """Return the books as they are in the database."""
    with desk.engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))]
            for table in ("audit_intake", "audit_lane")
        ]


class Flow:
    """Events that flow for the length of a `with`: of each eleven, one is refused."""

    def __init__(self, hub, source):
        self._hub = hub
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def __enter__(self):
        self._thread.start()
        for partition in range(4):
            self._hub.until_decided(self._source, 1, partition)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for partition in range(4):
            self._hub.until_decided(self._source, self.rounds * 11, partition)

    def _run(self):
        while not self._stop.wait(0.1):
            for partition in range(4):
                self._hub.publish(self._source, 10, partition, subject="person-1")
                key, _, headers = self._hub.event(self._source)
                self._hub.send(self._source, key, b"no frame", headers, partition)
            self._hub.flush()
            self.rounds += 1


@pytest.mark.slow
@pytest.mark.destructive
def test_while_events_flow_every_cut_holds_and_a_killed_audit_comes_to_the_same_books(hub, desk):
    """One audit runs through, another is killed with -9 again and again: no fault, the same books."""
    source, one, two = hub.agency("source"), hub.agency("one"), hub.agency("two")
    agreements = [
        hub.agree(source, one, (STEP, SUBMITTED), mask=("role",), subject="pseudonym"),
        hub.agree(source, two, caseid="pseudonym"),
    ]
    hub.apply()
    hub.start_gate(HUB_GATE__BATCH_EVENTS="50")
    steady, killed = desk(), desk()
    auditor = steady.auditor()
    with Flow(hub, source) as flow:
        for _ in range(2):
            process = killed.start()
            before = (killed.sheet() or {}).get("as_of")
            until(lambda seen=before: (killed.sheet() or {}).get("as_of") != seen, killed.log)
            for _ in range(3):
                sheet = auditor.cycle()
                assert sums_hold(sheet)
                assert all(line(sheet, each)["balanced"] for each in agreements)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    for agency in (one, two):
        ends = {read.partition: read.offset + 1 for read in hub.inbox(agency)}
        hub.commit(agency, {number: end // 2 for number, end in ends.items()})
    assert sums_hold(auditor.cycle())
    killed.auditor().cycle()
    mine, other = steady.sheet(), killed.sheet()
    assert [line(mine, each) for each in agreements] == [line(other, each) for each in agreements]
    assert rows(steady) == rows(killed)
    first = line(mine, agreements[0])
    assert first["accepted"] == flow.rounds * 40
    assert first["delivered"] > 0
    assert first["pending"] > 0
    own = [each for each in mine["intake"] if each["topic"] == topics.outbox(source)]
    assert sum(each["parked"]["frame"] for each in own) == flow.rounds * 4
    assert not [each for each in books.faults(steady.engine) if each.origin.agency == source]


@pytest.mark.slow
def test_figures_come_with_the_first_whole_cut_and_a_hanging_transaction_only_delays_it(hub, desk, free_port):
    """While a transaction is open there is no figure at all, then all of them; nothing of it counts."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    agreement = hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 5)
    hub.until_decided(source, 5)
    open_ = hub.transaction(topics.inbox(recipient))
    one = desk()
    process = one.start(HUB_METRICS__PORT=str(free_port))
    until(lambda: "begun" in one.log() and figures(free_port) is not None, one.log)
    begun = time.monotonic()
    until(lambda: time.monotonic() > begun + 2)
    shown = figures(free_port)
    assert not [name for name in shown if name.startswith(("hub_route", "hub_intake", "hub_audit"))]
    assert one.sheet() is None
    open_.abort_transaction(30)
    stamp = "hub_audit_last_complete_timestamp_seconds"
    until(lambda: stamp in figures(free_port), one.log)
    shown = figures(free_port)
    label = f'route="{agreement}/{STEP}"'
    assert shown[f'hub_route_deliveries{{{label},state="accepted"}}'] == "5.0"
    assert shown[f'hub_route_unaccounted_events{{kind="missing",{label}}}'] == "0.0"
    assert float(shown["hub_audit_cut_lag_seconds"]) >= 0
    assert line(one.sheet(), agreement)["balanced"]
    process.terminate()
    assert process.wait(30) == 0, one.log()


@pytest.mark.slow
def test_of_two_audits_the_later_goes_on_and_the_first_is_fenced(hub, desk):
    """The books are one's; what the fenced one found is not written."""
    source, recipient = hub.agency("source"), hub.agency("recipient")
    agreement = hub.agree(source, recipient)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 5)
    hub.until_decided(source, 5)
    one = desk()
    zombie, heir = one.auditor(), one.auditor()
    zombie.cycle()
    heir.cycle()
    after = rows(one)
    hub.publish(source, 5)
    hub.until_decided(source, 10)
    with pytest.raises(FencedError):
        zombie.cycle()
    assert rows(one) == after
    assert line(heir.cycle(), agreement)["accepted"] == 10


@pytest.mark.slow
def test_the_audits_principal_can_write_nothing(hub):
    """Kafka refuses it every topic and every group that counts."""
    source = hub.agency("source")
    hub.apply()
    refused = {}

    def told(error, message):
        refused[message.topic()] = error and error.code()

    producer = Producer({**clients.base(hub.settings, topics.AUDIT_PRINCIPAL), "message.timeout.ms": 15_000})
    names = [topics.inbox(source), topics.outbox(source), topics.receipts(source)]
    names += [topics.PARKED, topics.LEDGER, topics.REGISTRY]
    for name in names:
        producer.produce(name, b"x", partition=0, on_delivery=told)
    assert producer.flush(30) == 0
    assert refused == dict.fromkeys(names, KafkaError.TOPIC_AUTHORIZATION_FAILED)
