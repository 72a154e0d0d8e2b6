"""A small hub in memory: the real pure gate writes logs, the account reads them in any order one likes."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.audit.account import Account, Bounds, Saved
from hub.audit.books import Place
from hub.audit.due import Judge
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.ledger import Position
from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.gate import outputs
from hub.gate.decide import Decider
from hub.gate.memory import Bounds as GateBounds
from hub.gate.memory import Memory
from hub.gate.partition import SourcePartition
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.rules import Rules
from hub.gate.verdict import Kind, Reason, Verdict
from hub.registry.model import ALWAYS, REJECTED, Agency, Agreement, Registry, system_agencies

STEP = EventType("service.step.completed.v1")
SUBMITTED = EventType("service.request.submitted.v1")
REPAIRED = EventType("hub.ledger.repaired.v1")
CITY = "agency.city.outbox"
HUBS = "agency.hub.outbox"
SECRET = b"a secret of the tests"
EVENT_BYTES = 100_000
START = 1_770_000_000_000
CODEC = Codec(Contracts.load())
PARTITIONS = 2
BOUNDS = Bounds(1000, 86_400_000)


def agreement(id_, recipient, mask=(), only=None, since=ALWAYS, until=None, source="city", **treatment):
    fields = CODEC.contracts.newest(STEP).field_names
    masked = frozenset(mask) if only is None else fields - frozenset(only)
    return Agreement(
        id=AgreementId(id_),
        version=3,
        source=AgencyCode(source),
        recipient=AgencyCode(recipient),
        purpose=f"testing {recipient}",
        purpose_fa="آزمون",
        purpose_en="testing",
        legal_basis="example",
        types={STEP: masked, SUBMITTED: frozenset()},
        subject=treatment.get("subject", "pass"),
        caseid=treatment.get("caseid", "pass"),
        valid_from=since,
        valid_until=until,
        only={} if only is None else {STEP: frozenset(only)},
    )


AGREEMENTS = (
    agreement("city-register", "register"),
    agreement(
        "city-statistics", "statistics", ("handled_by", "supervised_by"), subject="drop", caseid="pseudonym"
    ),
    agreement("city-window", "window", only=("service_id", "step_id"), subject="pseudonym", caseid="drop"),
)


def registry(number, agreements=AGREEMENTS):
    agencies = {
        code: Agency(
            AgencyCode(code), 1, code, code, grants=frozenset({STEP, SUBMITTED}), partitions=PARTITIONS
        )
        for code in ("city", "register", "statistics")
    }
    system = {code: replace(each, partitions=PARTITIONS) for code, each in system_agencies().items()}
    return Registry(number, {**system, **agencies}, {each.id: each for each in agreements})


@dataclass
class Editions:
    """Editions with the times of their manifests, ascending."""

    known: list[tuple[int, Registry]]

    def edition(self, number):
        return next((each for _, each in self.known if each.version == number), None)

    def in_force(self, at_ms):
        return max((each.version for since, each in self.known if since <= at_ms), default=None)

    def appended_ms(self, number):
        return next((since for since, each in self.known if each.version == number), None)

    def superseded_ms(self, number):
        return min((since for since, each in self.known if each.version > number), default=None)


@dataclass
class World:
    """Logs by place; `clock` is the broker's, in milliseconds."""

    bounds: Bounds = BOUNDS
    clock: int = START
    partitions: int = PARTITIONS
    event_bytes: int = EVENT_BYTES
    editions: Editions = field(default_factory=lambda: Editions([(START - 1000, registry(1))]))
    logs: dict[Place, list[Record]] = field(default_factory=lambda: defaultdict(list))
    decided: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    states: dict[Place, SourcePartition] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=lambda: defaultdict(int))

    def append(self, topic, partition, key, value, headers, gap=1, readable=True):
        """Append a record; `gap` 2 leaves an offset out, as transactions do."""
        place = Place(topic, partition)
        offset = self.ends[place] + gap - 1
        self.clock += 1
        record = Record(topic, partition, offset, self.clock, key, value, headers, readable)
        self.logs[place].append(record)
        self.ends[place] = offset + 1
        return record

    def publish(self, record, gap=1):
        """Append a made record to its outbox."""
        return self.append(
            record.topic, record.partition, record.key, record.value, record.headers, gap, record.readable
        )

    def gate(self, topic=CITY, partition=0, at=None, edition=None, only=None, alter=None, claims=None):
        """Let the real gate decide what is undecided in a source partition, at most `only` records.

        `alter(deliveries)` may change what is written: a list of (topic, partition, key, value, headers).
        `claims` are forged verdicts by offset.
        """
        place = Place(topic, partition)
        at = at or datetime.fromtimestamp(self.clock / 1000, UTC) + timedelta(microseconds=345)
        number = edition or self.editions.in_force(self.clock)
        rules = Rules(self.editions.edition(number))
        if place not in self.states:
            memory = Memory(GateBounds(*self.bounds))
            self.states[place] = SourcePartition(Position(topic, partition, 0, 1), [], memory)
        state = self.states[place]
        decider = Decider(CODEC, Pseudonyms(SECRET), self.event_bytes)
        records = [each for each in self.logs[place] if each.offset >= self.decided[place]][:only]
        written, moment = [], outputs.moment(at)
        for record in records:
            verdict = (claims or {}).get(record.offset) or decider.decide(record, rules, state.memory, at)
            seqs = state.take(record, verdict)
            if verdict.kind is Kind.PARKED:
                parked = outputs.parked_record(record, verdict, moment)
                written.append((topics.PARKED, record.partition, *parked))
                refusal = outputs.refusal_receipt(CODEC, record, verdict, at)
                key = outputs.receipt_key(topic, partition)
                written.append((outputs.receipts_topic(topic), 0, key, refusal, []))
            for delivery, seq in zip(verdict.deliveries, seqs, strict=True):
                headers = outputs.delivery_headers(delivery, seq, record.origin.encode(), moment)
                inbox = delivery.route.inbox
                written.append(
                    (inbox, record.partition % self.partitions, delivery.key, delivery.value, headers)
                )
        if records:
            receipt = outputs.progress_receipt(CODEC, state, at, number)
            state.settle(number)
            written.append(
                (outputs.receipts_topic(topic), 0, outputs.receipt_key(topic, partition), receipt, [])
            )
            self.decided[place] = state.next
        for each in alter(written) if alter else written:
            self.append(*each)
        return len(records)

    def parked(self):
        return [record for place, log in self.logs.items() if place.topic == topics.PARKED for record in log]

    def kinds(self, kind):
        return [place for place in self.logs if place.topic.endswith(f".{kind}")]


def judge(world):
    return Judge(CODEC, SECRET, world.event_bytes)


def begin(world, first=True):
    """Return an account that knows the edges of every log."""
    account = Account(judge(world), world.editions, world.bounds)
    edges(account, world, first)
    return account


def edges(account, world, first=True):
    for agency in world.editions.known[-1][1].agencies:
        for partition in range(world.partitions):
            account.begin(Place(topics.outbox(AgencyCode(agency)), partition), 0, first=first)
            account.inbox_began(Place(topics.inbox(AgencyCode(agency)), partition), 0, None)


def cycle(account, world, rng=None, positions=None, committed=None, upto=None, every=None):
    """One cycle: cut, ends, feed everything (in the broker's order, or shuffled), close, recipients.

    `positions` are kept for the next cycle; `every` (records) and then `upto(account)` may replace the
    account in the middle.
    """
    positions = {} if positions is None else positions
    cut = dict(world.decided)
    ends = dict(world.ends)
    outboxes = set(world.kinds("outbox"))

    def feed_outbox(place, end):
        for record in world.logs[place]:
            if positions.get(place, 0) <= record.offset < end:
                account.outbox(record)
        positions[place] = max(positions.get(place, 0), end)

    queues = {
        place: [each for each in log if positions.get(place, 0) <= each.offset < ends[place]]
        for place, log in world.logs.items()
        if place not in outboxes
    }
    queues = {place: queue[::-1] for place, queue in queues.items() if queue}
    fed = 0
    while queues:
        if rng is None:
            place = min(queues, key=lambda each: queues[each][-1].timestamp)
        else:
            place = rng.choice(sorted(queues))
        record = queues[place].pop()
        if not queues[place]:
            del queues[place]
        positions[place] = record.offset + 1
        feed(account, record, feed_outbox)
        fed += 1
        if every and fed % every == 0:
            account = upto(account, positions)
    for place, end in cut.items():
        feed_outbox(place, end)
    account.close(cut)
    account.recipients(committed or {}, {})
    return account


def feed(account, record, feed_outbox):
    if record.topic == topics.PARKED:
        account.parked(record)
    elif record.topic.endswith(".inbox"):
        account.delivery(record)
    else:
        progress = account.receipt(record)
        if progress is not None:
            feed_outbox(progress.place, progress.next)
            account.judge(progress.place, progress.next)


class Keeper:
    """Keeps what an account changes, as the store does, and restores from it."""

    def __init__(self, world):
        self.world = world
        self.intakes, self.lanes, self.faults, self.repairs, self.carry = {}, {}, [], [], b""

    def save(self, account):
        changes = account.changes()
        self.intakes.update({(row.topic, row.partition): row for row in changes.intakes})
        self.lanes.update({row.key: row for row in changes.lanes})
        self.faults += changes.faults
        self.repairs += changes.repairs
        self.carry = changes.carry

    def restart(self, account, positions, committed=None):
        """Save, forget the account, and return another one that goes on."""
        self.save(account)
        saved = Saved(list(self.intakes.values()), list(self.lanes.values()), self.carry)
        account = Account.restore(judge(self.world), self.world.editions, self.world.bounds, saved)
        cuts = {Place(row.topic, row.partition): row.cut for row in self.intakes.values()}
        for record in self.world.parked():
            if record.offset < positions.get(Place(record.topic, record.partition), 0):
                recall_refused(account, record)
        for place in self.world.kinds("outbox"):
            cut = cuts.get(place, 0)
            for record in self.world.logs[place]:
                if cut - self.world.bounds.places <= record.offset < cut:
                    account.recall(record)
            positions[place] = cut
        edges(account, self.world, first=False)
        for place in self.world.kinds("inbox"):
            for record in self.world.logs[place]:
                if (committed or {}).get(place, 0) <= record.offset < positions.get(place, 0):
                    account.revisit(record)
        return account


def recall_refused(account, record):
    from hub.contracts.origin import Origin
    from hub.errors import ContractError

    try:
        account.recall_refused(Origin.parse(dict(record.headers)["hub-origin"].decode()))
    except (KeyError, ContractError, UnicodeDecodeError, AttributeError):
        return


def books(account, keeper=None):
    """Return everything that the books say, comparable: sheet, rows, faults, repairs."""
    keeper = keeper or Keeper(None)
    keeper.save(account)
    at = datetime.fromtimestamp(0, UTC)
    return {
        "sheet": account.sheet(at, at, 0.0).to_json(),
        "lanes": sorted(map(repr, keeper.lanes.values())),
        "faults": sorted((each.route, each.kind, str(each.origin)) for each in keeper.faults),
        "repairs": sorted(
            (each.route, str(each.origin), sorted(each.kinds), each.action) for each in keeper.repairs
        ),
    }


def make(data=None, type_=STEP, topic=CITY, partition=0, extra=(), **parts):
    """Return the record of a good event, not appended yet; keyword arguments replace parts of it."""
    record_parts = {name: parts.pop(name) for name in ("key", "value") if name in parts}
    attributes = Envelope(
        id=parts.pop("id", "event-1"),
        source=parts.pop("source", f"/agency/{topics.agency_of(topic)[0]}"),
        type=type_,
        time=parts.pop("time", "2026-03-21T08:30:00+03:30"),
        **parts,
    )
    record = Record(
        topic=topic,
        partition=partition,
        offset=0,
        timestamp=0,
        key=attributes.key.encode(),
        value=CODEC.encode(type_, data or {"service_id": "permit"}),
        headers=[*attributes.to_headers(), *extra],
    )
    return record.replace(**record_parts)


def rejection(route, origin, agency="register"):
    data = {"origin": origin, "route": route, "reason_code": "unknown-service"}
    return make(data, REJECTED, f"agency.{agency}.outbox", id=f"rejects {origin} {route}"[:500])


def explanation(origin, routes, kinds=(), action="explained"):
    data = {
        "origin": origin,
        "routes": list(routes),
        "kinds": list(kinds),
        "action": action,
        "reason": "known",
    }
    return make(data, REPAIRED, HUBS, id=f"explains {origin}")


__all__ = ["Kind", "Reason", "Verdict", "random"]


@pytest.fixture
def world():
    """Give an empty hub."""
    return World()
