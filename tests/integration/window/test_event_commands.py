"""`hub event send` and `show` on real Kafka, the gate's records written by hand."""

from __future__ import annotations

import itertools
import json

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from hub.broker import clients
from hub.broker.desired import acls, admin, users
from hub.cli.app import app
from hub.contracts import envelope, ledger, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.ledger import Position, RouteCount
from hub.contracts.names import AgreementId, EventType, source_uri
from hub.contracts.schemas import Contracts
from hub.launch.environment import child_environment

STEP = EventType("service.step.completed.v1")
REJECTED = EventType("hub.delivery.rejected.v1")
CODEC = Codec(Contracts.load())


class Flow:
    """The gate's hands for one source and one recipient, both fresh."""

    def __init__(self, settings, source, recipient):
        self.settings, self.source, self.recipient = settings, source, recipient
        self.agreement = AgreementId(f"{source}-{recipient}")
        self.route = f"{self.agreement}/{STEP}"
        self._producer = Producer(clients.writer(settings, topics.ADMIN_PRINCIPAL))
        self._rejections = itertools.count(1)
        for code in (source, recipient):
            admin.ensure_topics(settings, topics.agency_topics(code))

    def write_event(self, id_, partition=0):
        """Publish an event as the agency would; return its offset."""
        event = self._event(id_)
        placed = []
        self._producer.produce(
            topics.outbox(self.source), CODEC.encode(STEP, {"service_id": "s"}), event.key.encode(),
            partition=partition, headers=event.to_headers(),
            on_delivery=lambda _, message: placed.append(message),
        )  # fmt: skip
        assert self._producer.flush(30) == 0
        return placed[0].offset()

    def deliver(self, seq, offset, partition=0, id_="e"):
        """Write one delivery on the recipient's inbox."""
        event = self._event(id_)
        self._write(topics.inbox(self.recipient), partition, event, CODEC.encode(STEP, {"service_id": "s"}), {
            envelope.ROUTE: self.route, envelope.AGREEMENT: f"{self.agreement}@1", envelope.SEQ: str(seq),
            envelope.ORIGIN: f"{topics.outbox(self.source)}/{partition}/{offset}",
            envelope.MASKED: "handled_by", envelope.ACCEPTED_AT: "2026-11-22T05:00:00.000Z",
        })  # fmt: skip

    def _event(self, id_):
        return Envelope(id_, source_uri(self.source), STEP, "2026-03-21T08:30:00Z", caseid=f"{self.source}/c")

    def reject(self, offset, partition=0):
        """Write the recipient's rejection as it arrives in the hub's inbox."""
        number = next(self._rejections)
        origin = f"{topics.outbox(self.source)}/{partition}/{offset}"
        data = {"origin": origin, "route": self.route, "reason_code": "unknown-service"}
        event = Envelope(f"r-{number}", source_uri(self.recipient), REJECTED, "2026-03-21T08:30:00Z")
        self._write(topics.inbox(topics.HUB), 0, event, CODEC.encode(REJECTED, data), {
            envelope.ROUTE: f"{self.recipient}-rejections/{REJECTED}", envelope.SEQ: str(number),
            envelope.AGREEMENT: f"{self.recipient}-rejections@1",
            envelope.ORIGIN: f"{topics.outbox(self.recipient)}/0/{number}",
            envelope.ACCEPTED_AT: "2026-11-22T05:00:00.000Z",
        })  # fmt: skip

    def account(self, accepted, partition=0, **position):
        """Write what the gate would have counted."""
        outbox = topics.outbox(self.source)
        records = [
            Position(outbox, partition, position.pop("next", accepted), 1, **position),
            RouteCount(self.agreement, STEP, outbox, partition, accepted, 1),
        ]
        for each in records:
            place = ledger.ledger_partition(outbox, partition, topics.DEFAULT_PARTITIONS)
            self._producer.produce(topics.LEDGER, each.value(), each.key, partition=place)
        assert self._producer.flush(30) == 0

    def commit(self, next_, partition=0):
        """Commit as the recipient's connector would."""
        group = topics.group(self.recipient)
        consumer = Consumer(clients.reader(self.settings, topics.ADMIN_PRINCIPAL, group))
        place = TopicPartition(topics.inbox(self.recipient), partition, next_)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    def _write(self, topic, partition, event, value, added):
        headers = [*event.to_headers(), *((name, text.encode()) for name, text in added.items())]
        self._producer.produce(topic, value, event.key.encode(), partition=partition, headers=headers)
        assert self._producer.flush(30) == 0


@pytest.fixture
def flow(prepared, fresh_agency_code):
    """Make a fresh source and recipient."""
    return Flow(prepared.settings, fresh_agency_code("sender"), fresh_agency_code("taker"))


def test_an_event_is_shown_with_its_place_verdict_and_deliveries(flow, monkeypatch):
    """Routed, then taken or rejected; an id seen again is a duplicate; what the gate has not read waits."""
    for name, value in child_environment(flow.settings).items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    id_ = f"event-{flow.source}"
    offset = flow.write_event(id_)
    flow.write_event(id_)
    flow.write_event(id_)
    flow.deliver(1, offset=offset, id_=id_)
    flow.account(1, next=offset + 2, read=2, routed=1, duplicate=1)
    shown = CliRunner().invoke(app, ["event", "show", id_, "--agency", flow.source, "--json"])
    assert shown.exit_code == 0, shown.output
    first, second, third = json.loads(shown.stdout)
    assert [each["verdict"] for each in (first, second, third)] == ["routed", "duplicate", "waiting"]
    (one,) = first["deliveries"]
    assert (one["recipient"], one["seq"], one["masked"], one["state"]) == (
        flow.recipient,
        1,
        ["handled_by"],
        "pending",
    )
    flow.commit(1)
    shown = CliRunner().invoke(app, ["event", "show", id_, "--agency", flow.source, "--json"])
    assert json.loads(shown.stdout)[0]["deliveries"][0]["state"] == "delivered"
    flow.reject(offset)
    shown = CliRunner().invoke(app, ["event", "show", id_, "--agency", flow.source])
    assert "rejected (unknown-service)" in shown.output
    assert CliRunner().invoke(app, ["event", "show", "no-such-id", "--agency", flow.source]).exit_code != 0


def test_an_event_is_sent_from_a_file_with_the_agencys_own_credentials(flow, monkeypatch, tmp_path):
    """It lands on the outbox at the place that is printed; bad files say what is wrong and send nothing."""
    for name, value in child_environment(flow.settings).items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    users.ensure_users(flow.settings, [flow.source])
    acls.ensure_acls(flow.settings, acls.agency_acls(flow.source), [flow.source])
    file = tmp_path / "event.json"
    body = {"type": STEP, "data": {"service_id": "s-1"}, "caseid": f"{flow.source}/1", "id": "sent-1"}
    file.write_text(json.dumps(body))
    sent = CliRunner().invoke(app, ["event", "send", str(file), "--agency", flow.source, "--json"])
    assert sent.exit_code == 0, (sent.output, sent.exception)
    told = json.loads(sent.stdout)
    assert (told["id"], told["topic"]) == ("sent-1", topics.outbox(flow.source))
    wrong = {"no JSON": "{", "no JSON object": "[]", "'data' is missing": '{"type": "x"}'}
    wrong["'dta' is no key"] = json.dumps(body | {"dta": 1})
    wrong["service_id"] = json.dumps(body | {"data": {"service_id": 5}})
    for message, content in wrong.items():
        file.write_text(content)
        refused = CliRunner().invoke(app, ["event", "send", str(file), "--agency", flow.source])
        assert refused.exit_code != 0
        assert message in str(refused.exception)
