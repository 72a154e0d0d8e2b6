"""`hub rebuild audit`: the same books from the logs alone, or from a checkpoint where those begin later."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import text

from hub.broker import clients
from hub.contracts import topics
from hub.launch.environment import child_environment
from tests.integration.audit.conftest import until

COMMAND = [sys.executable, "-c", "from hub.cli import main; main()", "rebuild", "audit", "--json"]


def rebuild(desk, *arguments):
    """Run `hub rebuild audit` on a desk's database; return exit code, what it found, and stderr."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=child_environment(desk.settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, json.loads(done.stdout)["audit"] if done.stdout else None, done.stderr


def differing(found):
    return {
        name: (each["only_live"], each["only_rebuilt"])
        for name, each in found["tables"].items()
        if not each["same"]
    }


def change(desk, statement):
    with desk.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.slow
def test_books_are_built_again_beside_an_audit_at_work(hub, desk):
    """Faults included; damage is named and mended; the live audit is fenced and goes on from new books."""
    source, one = hub.agency("source"), hub.agency("one")
    agreement = hub.agree(source, one, mask=("role",), subject="pseudonym")
    hub.apply()
    hub.start_gate(HUB_GATE__BATCH_EVENTS="20")
    hub.publish(source, 30, subject="person-1")
    hub.until_decided(source, 30)
    hub.forge(hub.inbox(one)[4])
    live = desk()
    process = live.start()
    until(live.sheet, live.log)
    stop = threading.Event()

    def flow():
        while not stop.is_set():
            hub.publish(source, 20, 1, subject="person-2")
            bad = hub.event(source)
            hub.send(source, bad[0], b"no frame", bad[2], 1)
            hub.flush()
            stop.wait(0.2)

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        code, found, errors = rebuild(live, "--check")
        assert (code, differing(found)) == (0, {}), errors
        assert found["tables"]["audit_fault"]["live"]["rows"] >= 1
        change(live, "UPDATE audit_fault SET detail = 'nothing'")
        code, found, errors = rebuild(live, "--check")
        faults = found["tables"]["audit_fault"]["live"]["rows"]
        assert (code, differing(found)) == (1, {"audit_fault": (faults, faults)}), errors
        assert process.poll() is None
        code, found, errors = rebuild(live)
        assert (code, found["replaced"]) == (0, True), errors
        assert process.wait(60) == 1, live.log()
    finally:
        stop.set()
        thread.join()
    before = live.sheet()
    live.start()
    until(lambda: live.sheet()["as_of"] != before["as_of"], live.log)
    code, found, errors = rebuild(live, "--check")
    assert (code, differing(found)) == (0, {}), errors
    (line,) = [each for each in live.sheet()["routes"] if each["route"].startswith(f"{agreement}/")]
    assert (line["unaccounted"]["doubled"], line["unaccounted"]["missing"]) == (1, 0)


@pytest.mark.slow
def test_where_logs_have_lost_their_beginning_it_begins_at_a_checkpoint(hub, desk):
    """The checkpoint's figures are kept, what came after is judged again; without one it is refused."""
    source, one = hub.agency("source"), hub.agency("one")
    hub.agree(source, one)
    hub.apply()
    hub.start_gate()
    hub.publish(source, 10)
    hub.until_decided(source, 10)
    hub.forge(hub.inbox(one)[6])
    live = desk()
    auditor = live.auditor()
    auditor.cycle()
    hub.publish(source, 10)
    position = hub.until_decided(source, 20)
    hub.forge(hub.inbox(one)[-1])
    sheet = auditor.cycle()
    admin = AdminClient(clients.base(live.settings, topics.ADMIN_PRINCIPAL))
    cut = [TopicPartition(topics.outbox(source), 0, 5), TopicPartition(topics.inbox(one), 0, 5)]
    for future in admin.delete_records(cut).values():
        future.result()
    code, found, errors = rebuild(live, "--check")
    assert (code, differing(found)) == (0, {}), errors
    assert "begun at the checkpoint" in errors
    assert position.read == 20
    assert found["tables"]["audit_fault"]["rebuilt"]["rows"] >= 2
    assert sheet["totals"]["read"] == found["records"]
    change(live, "DELETE FROM audit_checkpoint")
    code, _, errors = rebuild(live)
    assert code == 1
    assert "no checkpoint reaches what is left" in errors
    assert live.sheet()["totals"] == sheet["totals"]
