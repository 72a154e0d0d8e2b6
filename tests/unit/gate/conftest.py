"""A small registry and a maker of records, for the gate's pure tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.gate.decide import Decider
from hub.gate.memory import Bounds, Memory
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.rules import Rules
from hub.registry.model import ALWAYS, REJECTED, Agency, Agreement, Registry, system_agencies

STEP = EventType("service.step.completed.v1")
SUBMITTED = EventType("service.request.submitted.v1")
OUTBOX = "agency.city.outbox"
NOW = datetime(2026, 3, 21, 12, tzinfo=UTC)
EVENT_BYTES = 100_000
CODEC = Codec(Contracts.load())


def agreement(
    id_, recipient, mask=(), subject="pass", caseid="pass", until=None, source="city", types=(STEP,)
):
    return Agreement(
        id=AgreementId(id_),
        version=3,
        source=AgencyCode(source),
        recipient=AgencyCode(recipient),
        purpose="testing",
        purpose_fa="آزمون",
        purpose_en="testing",
        legal_basis="example",
        types={type_: frozenset(mask) for type_ in types},
        subject=subject,
        caseid=caseid,
        valid_from=ALWAYS,
        valid_until=until,
    )


def registry(*agreements):
    agencies = {
        code: Agency(AgencyCode(code), 1, code, code, grants=frozenset({STEP}))
        for code in ("city", "register", "statistics")
    }
    return Registry(7, {**system_agencies(), **agencies}, {each.id: each for each in agreements})


@dataclass
class Gate:
    """One gate over one source partition; `decide` takes no memory of verdicts unless asked to."""

    rules: Rules
    memory: Memory
    at: datetime = NOW

    def decide(self, record, *, remember=False):
        decider = Decider(CODEC, Pseudonyms(b"a secret of the tests"), EVENT_BYTES)
        verdict = decider.decide(record, self.rules, self.memory, self.at)
        if remember and verdict.sighting is not None:
            self.memory.remember(verdict.sighting, record.offset, record.timestamp)
        return verdict


@pytest.fixture
def gate():
    """Make a gate from agreements."""

    def make(*agreements, places=1000, milliseconds=86_400_000):
        return Gate(Rules(registry(*agreements)), Memory(Bounds(places, milliseconds)))

    return make


@pytest.fixture
def event():
    """Make the record of a good event; keyword arguments replace parts of envelope or record."""

    def make(data=None, type_=STEP, topic=OUTBOX, offset=0, timestamp=0, drop=(), extra=(), **parts):
        record_parts = {name: parts.pop(name) for name in ("key", "value") if name in parts}
        agency = topics.agency_of(topic)[0]
        attributes = Envelope(
            id=parts.pop("id", "event-1"),
            source=parts.pop("source", f"/agency/{agency}"),
            type=type_,
            time=parts.pop("time", "2026-03-21T08:30:00+03:30"),
            **parts,
        )
        headers = [each for each in attributes.to_headers() if each[0] not in drop] + list(extra)
        record = Record(
            topic=topic,
            partition=1,
            offset=offset,
            timestamp=timestamp,
            key=attributes.key.encode(),
            value=CODEC.encode(type_, data or {"service_id": "permit"}),
            headers=headers,
        )
        return record.replace(**record_parts)

    return make


@pytest.fixture
def rejection(event):
    """Make the record of a rejection."""

    def make(route, origin="agency.city.outbox/1/5", topic="agency.register.outbox"):
        data = {"origin": origin, "route": route, "reason_code": "unknown-service"}
        return event(data, type_=REJECTED, topic=topic)

    return make
