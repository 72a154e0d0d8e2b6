"""A small world for the tests of cases: journeys, deliveries as the gate writes them, what tables hold."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.names import AgencyCode, EventType, JourneyId, source_uri
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.registry.journeys import Deadline, End, Escalation, Reopening, Span, Start
from hub.store import tables
from streams.folding import Folding, Runner
from tests.unit.journeys.making import book, journey, match, step

INBOX = topics.inbox(topics.SUPERVISION)
CODEC = Codec(Contracts.load())
START = datetime(2026, 5, 4, 6, tzinfo=UTC)
SUBMITTED = "service.request.submitted.v1"
RECEIVED = "service.request.received.v1"
STEP = "service.step.completed.v1"
DECIDED = "service.request.decided.v1"
WITHDRAWN = "service.request.withdrawn.v1"
HANDED_OVER = "service.case.handed-over.v1"
RATING = "feedback.rating.given.v1"
VIEW = "participation.consultation.contributed.v1"
TICK = "hub.clock.ticked.v1"
CONTENT = (
    tables.supervision_event,
    tables.case_clock,
    tables.journey_case,
    tables.case_step,
    tables.case_handoff,
    tables.case_watch,
    tables.handover,
    tables.rating_tally,
    tables.contribution_tally,
    tables.notice,
    tables.route_sequence,
    tables.sequence_fault,
)
"""What a rebuild has to give again; figure_due is no content."""


def licence():
    """Return a journey with a deadline, escalations, a sub-case, a reopening and a withdrawal."""
    return journey(
        step(
            "check",
            owners=["tax"],
            deadline=Deadline(Span(2, "days"), rule="Tax Act, article 3"),
            warn=Span(1, "days"),
            escalations=(Escalation(Span(1, "days"), AgencyCode("ministry"), "director"),),
        ),
        step("visit", owners=["health"], after=[["check"]], deadline=Deadline(Span(3, "days"))),
        step(
            "inspect",
            by=match("city.none.done.v1"),
            after=[["check"]],
            optional=True,
            sub_case=JourneyId("inspection"),
        ),
        step("decide", by=match(DECIDED), owners=["city"], after=[["visit"]]),
        starts=(Start(match(SUBMITTED), at="submitted_at"),),
        services=frozenset({"licence"}),
        ends=(End(match(WITHDRAWN), "withdrawn", at="withdrawn_at"),),
        reopenings=(Reopening(match(RECEIVED), frozenset({"decide"})),),
        deadline=Deadline(Span(10, "days"), rule="Licence Act, article 9"),
    )


def inspection():
    """Return the journey of the sub-case."""
    return journey(
        step("look", owners=["health"]),
        id_="inspection",
        starts=(Start(match(SUBMITTED)),),
        services=frozenset({"inspection"}),
    )


BOOK = book(licence(), inspection())


class Inbox:
    """Supervision's inbox as the gate writes it; offsets have gaps, as they do."""

    def __init__(self):
        self.logs = {partition: [] for partition in range(4)}
        self._next = Counter()
        self._seqs = Counter()
        self._origins = Counter()

    def deliver(self, type_, caseid=None, *, agency="city", hours=0.0, **given):
        """Append one delivery and return it; `given`: partition, id, seq, replay_of, origin, key, data."""
        data = given.pop("data", {})
        partition = given.pop("partition", None)
        if partition is None:
            partition = sum((caseid or given.get("id", type_)).encode()) % 4
        time = START + timedelta(hours=hours)
        source = "hub" if "replay_of" in given else agency
        topic = topics.outbox(AgencyCode(source))
        route = f"{given.pop('route', 'supervision')}/{type_}"
        lane = (partition, route, topic)
        self._origins[topic, partition] += 1
        offset = given.pop("origin", self._origins[topic, partition])
        seq = given.pop("seq", None)
        if seq is None:
            self._seqs[lane] += 1
            seq = self._seqs[lane]
        id_ = given.pop("id", f"e-{topic}-{partition}-{offset}")
        event = Envelope(id_, source_uri(agency), EventType(type_), rfc3339(time), caseid=caseid)
        headers = {
            envelope.ROUTE: route,
            envelope.AGREEMENT: "supervision@1",
            envelope.SEQ: str(seq),
            envelope.ORIGIN: f"{topic}/{partition}/{offset}",
            envelope.ACCEPTED_AT: rfc3339(time + timedelta(seconds=1)),
        }
        if "replay_of" in given:
            headers[envelope.REPLAY_OF] = given["replay_of"]
        own = [(name, text_.encode()) for name, text_ in headers.items()]
        value = CODEC.encode(EventType(type_), data)
        self._next[partition] += 1 + (self._next[partition] % 5 == 4)
        record = Record(
            INBOX,
            partition,
            self._next[partition],
            1_800_000_000_000 + self._next[partition],
            event.key.encode(),
            value,
            [*event.to_headers(), *own],
        )
        self.logs[partition].append(record)
        return record

    def submit(self, caseid, hours=0.0, **given):
        """Open a case of the licence (or of `service`)."""
        data = {"service_id": given.pop("service", "licence")} | given.pop("data", {})
        return self.deliver(SUBMITTED, caseid, hours=hours, data=data, **given)

    def step(self, caseid, name, agency, hours, **given):
        """Complete a step."""
        data = {"service_id": "licence", "step_id": name} | given.pop("data", {})
        return self.deliver(STEP, caseid, agency=agency, hours=hours, data=data, **given)

    def tick(self, hours, partitions=range(4)):
        """Tell the clock to partitions."""
        moment = START + timedelta(hours=hours)
        for each in partitions:
            self.deliver(
                TICK,
                agency="hub",
                hours=hours,
                partition=each,
                id=f"tick-{hours}-{each}",
                data={"moment": moment, "place": each},
            )

    def records(self):
        """Return everything, partition by partition."""
        return [record for log in self.logs.values() for record in log]


class World:
    """A database, and folds over it."""

    def __init__(self, engine):
        self.engine = engine
        self.parked = []
        self.folding = self.runner()

    def runner(self, **changes):
        """Return another instance, that has taken over all partitions."""
        given = {
            "books": lambda: BOOK,
            "park": lambda record, why: self.parked.append((record.partition, record.offset, why)),
            "wait": lambda _: True,
            "zone": ZoneInfo("Asia/Tehran"),
        } | changes
        folding = Folding(self.engine, Runner(**given))
        folding.assigned(range(4))
        return folding

    def empty(self):
        """Forget everything."""
        names = ", ".join(each.name for each in (*CONTENT, tables.consumer_position, tables.figure_due))
        with self.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names}"))
        self.parked.clear()
        self.folding = self.runner()

    def fold(self, *batches):
        """Fold batches of records one after another."""
        for batch in batches:
            self.folding.fold(batch)

    def sql(self, statement, **values):
        """Return the rows of a query, or run a statement that gives some."""
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def content(self, *left_out, but=()):
        """Return every table's rows as sorted text, but some tables and columns."""
        found = {}
        for table in CONTENT:
            if table in left_out:
                continue
            names = ", ".join(
                f'"{each.name}"'
                for each in table.c
                if each.name not in but and each.identity is None and each.server_default is None
            )
            found[table.name] = sorted(
                row for (row,) in self.sql(f"SELECT ROW({names})::text FROM {table.name}")
            )
        return found
