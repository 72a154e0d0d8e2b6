"""How many events a second cases fold: alone, and with PostgreSQL; from the four real logs of the demo.

    python -m tests.soak.fold_speed [--batch 2000] [--events 157000] [--open-steps 1000000]

Prints one JSON object a measurement: events, seconds, events a second, the share of a core that Python took.
`alone` reads and folds in memory; `live` is what the live runner does with one batch after another in their
order of time; `rebuild` has larger batches. With `--open-steps`, a tick over so many open steps. With
`--open-cases`, so many cases are opened, and each has one more event, in another order: the worst that a
batch can be; memory in MB is told after both.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import zlib
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import text

from connectors.sdk import Event
from connectors.sdk.events import to_record
from hub import resources
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.journeys import arrivals
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.launch.demo import plan
from hub.registry import files
from hub.registry.model import Edition
from hub.registry.records import RegistryReader, number
from hub.settings import Settings
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import engine
from hub.store.migrate import migrate
from streams.folding import Folding, Runner

ACCEPTED = b"2026-11-22T05:00:00.000Z"
INBOX = topics.inbox(topics.SUPERVISION)
PARTITIONS = 4


def records(most):
    """Return the logs' events as the gate delivers them, in the order of their time."""
    codec = Codec(Contracts.load())
    told = [(event, agency) for agency in plan.ISLANDS for event in plan.log_events(agency)]
    told.sort(key=lambda each: plan.moment(each[0]))
    return list(delivered(told[:most], codec))


def delivered(told, codec):
    """Yield records of supervision's inbox for events and their agencies."""
    offsets, origins, seqs = Counter(), Counter(), Counter()
    for event, agency in told:
        sent = to_record(event, agency, codec)
        partition = zlib.crc32(sent.key) % PARTITIONS
        outbox = topics.outbox(AgencyCode(agency))
        offsets[partition] += 1
        origins[outbox, partition] += 1
        seqs[outbox, partition, event.type] += 1
        own = [
            (envelope.ROUTE, f"supervision/{event.type}".encode()),
            (envelope.AGREEMENT, b"supervision@1"),
            (envelope.SEQ, str(seqs[outbox, partition, event.type]).encode()),
            (envelope.ORIGIN, f"{outbox}/{partition}/{origins[outbox, partition]}".encode()),
            (envelope.ACCEPTED_AT, ACCEPTED),
        ]
        headers = [*sent.headers, *own]
        yield Record(INBOX, partition, offsets[partition], 1_800_000_000_000, sent.key, sent.value, headers)


def registry_book():
    """Return the book of the example registry."""
    registry = number(files.load(resources.folder("registry"), Contracts.load()), RegistryReader())
    return Book([Edition(1, datetime(2020, 1, 1, tzinfo=UTC), registry)])


def say(line):
    """Print one JSON object."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def told(name, events, seconds, cpu, **more):
    """Print one measurement."""
    line = {"what": name, "events": events, "seconds": round(seconds, 2), "cpu": round(cpu / seconds, 2)}
    line |= {"events_per_second": round(events / seconds), "events_per_cpu_second": round(events / cpu)}
    say(line | more)


def alone(found, book):
    """Read and fold without a database, every case kept in memory."""
    codec, folds = Codec(Contracts.load()), {}
    began, cpu, anew = time.perf_counter(), time.process_time(), 0
    held = {}
    for record in found:
        arrival = arrivals.read(record, codec)
        fold = folds.get(arrival.caseid)
        held.setdefault(arrival.caseid, []).append(arrival.event)
        if fold is None or fold.advance(arrival.event) is None:
            anew += fold is not None
            folds[arrival.caseid] = Fold.fold(arrival.caseid, held[arrival.caseid], book)
    told("alone", len(found), time.perf_counter() - began, time.process_time() - cpu, folded_anew=anew)


def open_cases(server, book, count, batch):
    """Open so many cases, then complete a step of each, in another order."""
    feed = delivered(((each, plan.OFFICE) for each in two_events(count)), Codec(Contracts.load()))
    with_database("open", islice(feed, count), book, server, batch)
    with_database("go on", feed, book, server, batch)


def two_events(count):
    """Yield the event that opens each case, and then another of each."""
    chance, numbers = random.Random(1), list(range(count))
    data = {"service_id": "environmental-permit-receipt"}
    for day, type_ in ((4, "service.request.submitted.v1"), (5, "service.step.completed.v1")):
        chance.shuffle(numbers)
        for local in numbers:
            yield Event(
                type=type_,
                data=data,
                caseid=f"{plan.OFFICE}/{local}",
                id=f"{day}-{local}",
                time=f"2026-05-0{day}T09:00:00+03:30",
            )


def server_cpu(server):
    """Return the CPU seconds that the server's processes have taken."""
    root = psutil.Process(server.process.pid)
    ended = root.cpu_times()
    times = [each.cpu_times() for each in (root, *root.children(recursive=True))]
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system


def emptied(server):
    """Forget all cases."""
    database = engine(server.settings, pool_size=1)
    with database.begin() as connection:
        names = "supervision_event, journey_case, case_step, case_handoff, case_watch, handover, notice"
        connection.execute(text(f"TRUNCATE {names}, consumer_position, route_sequence, figure_due"))
    database.dispose()


def with_database(name, found, book, server, batch):
    """Fold records."""
    database = engine(server.settings, pool_size=1)
    folding = Folding(
        database,
        Runner(lambda: book, lambda *_: None, lambda _: True, ZoneInfo("Asia/Tehran"), tells=False),
    )
    folding.assigned(range(PARTITIONS))
    began, cpu, taken = time.perf_counter(), time.process_time(), server_cpu(server)
    left, count = iter(found), 0
    while records_ := list(islice(left, batch)):
        folding.fold(records_)
        count += len(records_)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    memory = psutil.Process().memory_info().rss // 2**20
    taken = round(server_cpu(server) - taken, 2)
    told(name, count, seconds, cpu, batch=batch, server_cpu=taken, memory=memory)
    database.dispose()


def tick(settings, steps):
    """Let the clock pass the deadlines of a thousand of so many open steps."""
    database = engine(settings, pool_size=1)
    book = registry_book()
    _, calendar = book.named("permit-receipt", 1)
    with database.begin() as connection:
        connection.execute(text("TRUNCATE journey_case, case_step, case_watch, case_clock, notice"))
        connection.execute(text(_OPEN_CASES), {"steps": steps, "calendar": calendar.reference})
        connection.execute(text("ANALYZE"))
    folding = Folding(
        database,
        Runner(lambda: book, lambda *_: None, lambda _: True, ZoneInfo("Asia/Tehran"), tells=False),
    )
    folding.assigned(range(PARTITIONS))
    record = _tick_record(datetime(2030, 1, 1, 0, 16, 40, tzinfo=UTC))
    began = time.perf_counter()
    folding.fold([record])
    seconds = time.perf_counter() - began
    with database.connect() as connection:
        made = connection.scalar(text("SELECT count(*) FROM notice"))
    say({"what": "tick", "open_steps": steps, "notices": made, "seconds": round(seconds, 3)})
    database.dispose()


_OPEN_CASES = """
    WITH n AS (SELECT generate_series(1, :steps) AS n),
    cases AS (
        INSERT INTO journey_case (caseid, partition, agency, journey, journey_version, calendar, proactive,
            state, first_at, last_at, started_at, deadline_at, agencies, events, reopened, steps_told,
            steps_retyped, variant, notes, fold)
        SELECT 'permit-office/' || n, 0, 'permit-office', 'permit-receipt', 1, :calendar, false, 'open',
            '2029-01-01Z', '2029-01-01Z', '2029-01-01Z', '2030-01-01Z'::timestamptz + n * interval '1 second',
            '{permit-office}', 1, 0, 0, 0, '', '{}', '{}'
        FROM n
    ), steps AS (
        INSERT INTO case_step (caseid, step, run, owner, state, entered_at, due_at)
        SELECT 'permit-office/' || n, 'work', 1, 'permit-office', 'open', '2029-01-01Z',
            '2030-01-01Z'::timestamptz + n * interval '1 second'
        FROM n
    )
    INSERT INTO case_watch (partition, caseid, step, run, kind, level, at)
    SELECT 0, 'permit-office/' || n, 'work', 1, 'overdue', 0,
        '2030-01-01Z'::timestamptz + n * interval '1 second'
    FROM n
"""


def _tick_record(moment):
    codec = Codec(Contracts.load())
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "tick",
        "ce_source": "/agency/hub",
        "ce_type": arrivals.TICK,
        "ce_time": moment.isoformat(),
        envelope.ROUTE: f"hub-notices-supervision/{arrivals.TICK}",
        envelope.AGREEMENT: "hub-notices-supervision@1",
        envelope.SEQ: "1",
        envelope.ORIGIN: "agency.hub.outbox/0/1",
        envelope.ACCEPTED_AT: ACCEPTED.decode(),
    }
    value = codec.encode(arrivals.TICK, {"moment": moment, "place": 0})
    return Record(
        INBOX, 0, 1, 1_800_000_000_000, b"tick", value, [(k, v.encode()) for k, v in headers.items()]
    )


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument("--events", type=int, default=None)
    parser.add_argument("--open-steps", type=int, default=0)
    parser.add_argument("--open-cases", type=int, default=0)
    asked = parser.parse_args()
    book = registry_book()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Settings(data_dir=Path(folder)))
        Path(folder).chmod(0o755)
        server.init()
        try:
            server.start()
            migrate(server.settings)
            if asked.open_steps:
                tick(server.settings, asked.open_steps)
                return 0
            if asked.open_cases:
                open_cases(server, book, asked.open_cases, asked.batch)
                return 0
            found = records(asked.events)
            alone(found, book)
            with_database("live", found, book, server, asked.batch)
            emptied(server)
            with_database("rebuild", found, book, server, 10 * asked.batch)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
