"""The process, the command and the proof, on a real broker: editions on hub.indicators, worked out again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hub.broker.desired import acls
from hub.broker.desired.apply import apply
from hub.broker.stretch import Stretch
from hub.contracts import topics
from hub.launch.environment import child_environment
from hub.launch.publish import publish
from hub.launch.rebuild.fill import Filler
from hub.launch.rebuild.targets import CASES
from hub.launch.verify import verify
from hub.store import indicators
from streams.folding import CONSUMER
from tests.integration.cases.house import House, registry, until
from tests.integration.cases.world import INBOX, Inbox
from tests.integration.conftest import fresh
from tests.integration.indicators.conftest import story

pytestmark = pytest.mark.slow

STARTED = ("completion.started", "all", "all")
MEDIAN = ("completion.step-median", "all", "journey=licence;step=check")


class Place(House):
    """A house whose inbox is folded by hand, and whose audit is played."""

    def __init__(self, settings, folder):
        super().__init__(settings, folder)
        self.inbox = Inbox()

    def go_on(self, cases, first):
        """Let the story go on, and fold what came."""
        story(self.inbox, cases=cases, first=first)
        sent = self.ends(INBOX)
        logs = {part: log[sent[part] :] for part, log in self.inbox.logs.items()}
        self.deliver([record for log in logs.values() for record in log])
        ends = self.ends(INBOX)
        with Filler(self.settings, CASES, self.engine, lambda _: None) as filler:
            filler.to({(CONSUMER, INBOX, part): end for part, end in ends.items()})

    def ends(self, topic):
        """Return where each partition of a topic ends."""
        stretch = Stretch(self.settings, topics.READER_PRINCIPAL, topic)
        try:
            partitions = 1 if topic == topics.INDICATORS else topics.DEFAULT_PARTITIONS
            return {part: stretch.ends(part)[1] for part in range(partitions)}
        finally:
            stretch.close()

    def published(self):
        """Return the keys and documents on hub.indicators."""
        stretch = Stretch(self.settings, topics.READER_PRINCIPAL, topics.INDICATORS)
        try:
            batches = stretch.read({0: 0}, self.ends(topics.INDICATORS), 30)
            return [(each.key().decode(), json.loads(each.value())) for batch in batches for each in batch]
        finally:
            stretch.close()

    def audit(self, records):
        """Play the audit: these records of `city` flowed to `tax`, and every outbox was read behind them."""
        months = Counter(dict(each.headers)["hub-accepted-at"].decode()[:7] for each in records)
        outbox, zeros = topics.outbox("city"), ", 0" * 11
        self.sql(
            f"INSERT INTO audit_lane VALUES ('city-tax/x', :topic, 0, 'tax', 0, :count{zeros}, NULL, "
            "CAST(:months AS jsonb)) RETURNING 1",
            topic=outbox,
            count=len(records),
            months=json.dumps(months),
        )
        for partition in range(topics.DEFAULT_PARTITIONS):
            self.sql(
                "INSERT INTO audit_intake VALUES (:topic, :p, 0, 1000, 0, 0, 0, 0, '{}', 0, 0, 0, 0, 0) "
                "RETURNING 1",
                topic=outbox,
                p=partition,
            )


@pytest.fixture(scope="module")
def ground(running_engines, tmp_path_factory):
    """Start Kafka and PostgreSQL with a registry in force."""
    with running_engines(tmp_path_factory.mktemp("figures")) as running:
        acls.ensure_acls(running.settings, acls.hub_acls(), topics.HUB_PRINCIPALS)
        apply(running.settings, registry())
        yield running.settings


@pytest.fixture(scope="module")
def place(ground, tmp_path_factory):
    """Give the module a house in which the story has begun and was published, and gone on since."""
    made = Place(fresh(ground), tmp_path_factory.mktemp("house"))
    try:
        made.go_on(24, 0)
        made.first = publish(made.settings)
        made.go_on(9, 24)
        made.second = publish(made.settings)
        yield made
    finally:
        made.close()


def test_editions_are_on_the_topic_by_key_as_they_are_in_the_database(place):
    """Each figure's key names its edition, restatements beside what they restate."""
    found = dict(place.published())
    assert len(found) == place.first.editions + place.second.editions
    for number, cases in ((1, 24), (2, 33)):
        document = found[f"{'/'.join(STARTED)}/{number}"]
        assert (document["value"], document["edition"]) == (cases, number)
        assert document == indicators.edition(place.engine, STARTED, number).document()
    assert place.sql("SELECT count(*) FROM indicator_edition WHERE sent_at IS NULL") == [(0,)]


@pytest.mark.parametrize("key", [STARTED, MEDIAN])
def test_an_edition_is_proved_from_the_logs_though_they_have_gone_on(place, key):
    """Cases folded anew up to where the edition had read give the same figure, of either edition."""
    found = verify(place.settings, key, 1, lambda _: None)
    assert found.differing == {}
    assert (found.missing, found.records > 50) == ((), True)
    assert found.again.value is not None


def test_a_forged_edition_is_found_out(place):
    """A value changed in the database differs from what the logs say; the command ends with 1 and says so."""
    forge = """
        UPDATE indicator_edition SET document = jsonb_set(document, '{value}', CAST(:v AS jsonb))
        WHERE (id, period, breakdown, edition) = (:i, 'all', 'all', 2) RETURNING 1"""
    command = [Path(sys.executable).with_name("hub"), "indicator", "verify", STARTED[0], "2"]
    place.sql(forge, v="99", i=STARTED[0])
    try:
        environment = child_environment(place.settings)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        place.sql(forge, v="33.0", i=STARTED[0])
    assert done.returncode == 1, done.stderr
    assert "DIFFERENT: value: published 99, from the logs 33.0" in done.stdout


def test_what_flowed_is_proved_from_the_inboxes(place):
    """Islands are recounted from the deliveries' headers; the one that came back joins nothing yet."""
    records = [
        each
        for each in place.inbox.records()
        if dict(each.headers)["hub-origin"].startswith(b"agency.city.outbox/")
    ]
    for each in records:
        place._producer.produce(topics.inbox("tax"), each.value, each.key, 0, headers=list(each.headers))
    assert place._producer.flush(60) == 0
    place.audit(records)
    publish(place.settings)
    for indicator, count in (("islands", 4), ("weak-components", 3)):
        key = f"coordination.{indicator}", "all", "all"
        [(newest,)] = place.sql("SELECT max(edition) FROM indicator_edition WHERE id = :i", i=key[0])
        found = verify(place.settings, key, newest, lambda _: None)
        assert found.differing == {}
        assert found.again.value == count


def test_the_process_publishes_by_itself_and_stops_in_order(place):
    """It counts what is due, publishes at its time, is ready after the first round, and ends on SIGTERM."""
    place.go_on(3, 33)
    ready = place.settings.data_dir / "indicators.ready"
    own = {"HUB_INDICATORS__PUBLISH_SECONDS": "0.1", "HUB_READY_FILE": str(ready)}
    child = subprocess.Popen(
        [sys.executable, "-m", "streams.indicators"], env=child_environment(place.settings) | own
    )
    place.children.append(child)
    until(ready.exists, "the process to be ready")
    until(lambda: indicators.edition(place.engine, STARTED, 3), "the third edition")
    until(lambda: place.sql("SELECT count(*) FROM indicator_edition WHERE sent_at IS NULL") == [(0,)])
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    assert f"{'/'.join(STARTED)}/3" in dict(place.published())
    assert place.sql("SELECT count(*) FROM figure_due") == [(0,)]
