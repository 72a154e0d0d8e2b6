"""The real logs, folded through the batch interface into PostgreSQL, against figures made by another tool.

`oracle.json` holds what pm4py computed from the raw logs, by the definitions written in it. The logs are the
demo's derived tables, as the gate would deliver them to supervision. The test prints the table.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from kafka.partitioner.default import murmur2
from sqlalchemy import text

from connectors.sdk.events import to_record
from hub import resources
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.indicators.inputs import Frame
from hub.indicators.process import handovers
from hub.journeys.book import Book
from hub.launch.demo import plan
from hub.registry.files import load
from hub.registry.model import ALWAYS, Edition
from hub.store import figure_inputs, figures
from streams.folding import Folding, Runner

ORACLE = json.loads((Path(__file__).parent / "oracle.json").read_text(encoding="utf-8"))["logs"]
ZONE = "Asia/Tehran"
ACCEPTED = datetime(2026, 11, 22, tzinfo=UTC)
CONTRACTS = Contracts.load()
CODEC = Codec(CONTRACTS)
"""Groups that the log calls EMPTY are no group: cases have `-` for them."""
NO_GROUP = {"EMPTY": "-"}
INBOX = topics.inbox(topics.SUPERVISION)


@pytest.fixture(scope="module")
def registry():
    return load(resources.folder("registry"), CONTRACTS)


def deliveries(agency, registry, offset):
    """Yield an island's events as the gate delivers them to supervision, mask and all."""
    sequences, origins = Counter(), Counter()
    for event in plan.log_events(agency):
        [agreement] = [
            each
            for each in registry.agreements_for(agency, event.type)
            if each.recipient == topics.SUPERVISION
        ]
        masked = {k: v for k, v in event.data.items() if k not in agreement.types[event.type]}
        sent = to_record(event, agency, CODEC)
        partition = (murmur2(sent.key) & 0x7FFFFFFF) % topics.DEFAULT_PARTITIONS
        route = f"{agreement.id}/{event.type}"
        sequences[partition, route] += 1
        own = {
            envelope.ROUTE: route,
            envelope.AGREEMENT: f"{agreement.id}@1",
            envelope.PURPOSE: "programme-supervision",
            envelope.SEQ: str(sequences[partition, route]),
            envelope.ORIGIN: f"{topics.outbox(agency)}/{partition}/{origins[partition]}",
            envelope.ACCEPTED_AT: "2026-11-22T00:00:00.000Z",
        }
        origins[partition] += 1
        yield Record(
            INBOX,
            partition,
            offset[partition],
            1_800_000_000_000,
            sent.key,
            CODEC.encode(event.type, masked),
            [*sent.headers, *((name, value.encode()) for name, value in own.items())],
        )
        offset[partition] += 1


@pytest.fixture(scope="module")
def folded(database, registry):
    """Fold every log and count the figures; return what they are made from, and the database."""
    book = Book([Edition(1, ALWAYS, registry)])
    parked = []
    runner = Runner(
        books=lambda: book,
        park=lambda *what: parked.append(what),
        wait=lambda _: True,
        zone=ZoneInfo(ZONE),
    )
    folding, offsets = Folding(database, runner), Counter()
    folding.assigned(range(topics.DEFAULT_PARTITIONS))
    for agency in plan.ISLANDS:
        records = deliveries(agency, registry, offsets)
        while batch := list(islice(records, 2000)):
            folding.fold(batch)
    assert parked == []
    while figures.refresh(database, ZONE):
        pass
    with database.connect() as connection:
        frame = Frame(clock=ACCEPTED, agencies=frozenset(plan.ISLANDS), zone=ZONE)
        yield figure_inputs.inputs(connection, frame, (), ()), database


def of(agency, found):
    """Return the figures of an island in the oracle's words."""
    inputs, database = found
    [group] = [each for each in inputs.processes if each.breakdown.get("agency") == agency]
    [durations] = [
        each
        for each in inputs.durations
        if each.measure == "throughput" and each.breakdown == group.breakdown
    ]
    with database.connect() as connection:
        late, judged = connection.execute(
            text("""SELECT count(*) FILTER (WHERE late), count(late) FROM journey_case
                    WHERE agency = :agency AND state = 'completed'"""),
            {"agency": agency},
        ).one()
        top = connection.execute(
            text("""SELECT count(*) FROM journey_case WHERE agency = :agency
                    GROUP BY variant ORDER BY 1 DESC LIMIT 5"""),
            {"agency": agency},
        ).scalars()
        found = {
            "cases": group.cases,
            "events": group.events,
            "variants": group.variants,
            "top_variants": list(top),
            "start_activities": dict(group.starts),
            "end_activities": dict(group.ends),
            "median_seconds": durations.median,
            "p90_seconds": durations.p90,
            "completed_share": group.completed / group.cases,
            "late": late,
            "judged": judged,
        }
    return found | {level: hands(inputs, agency, level) for level in ("person", "unit")}


def hands(inputs, agency, level):
    counts = [each for each in inputs.handovers if each.agency == agency]
    return handovers(counts, level)


def told(agency):
    return ORACLE[agency]


@pytest.mark.slow
@pytest.mark.parametrize("agency", plan.ISLANDS)
def test_the_figures_of_a_log_are_the_oracles(agency, folded, capsys):
    """Cases, events, variants, first and last activities, throughput, share completed."""
    found, oracle = of(agency, folded), told(agency)
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(table(agency, found, oracle)) + "\n")
    for name in ("cases", "events", "variants", "top_variants"):
        assert found[name] == oracle[name], name
    assert found["start_activities"] == oracle["start_activities"]
    for activity, count in oracle["end_activities"].items():
        assert found["end_activities"][activity] == count, activity
    for name in ("median_seconds", "p90_seconds", "completed_share"):
        assert found[name] == pytest.approx(oracle[name], rel=1e-9), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agency", "level"), [(agency, level) for agency, log in ORACLE.items() for level in log["handover"]]
)
def test_hand_overs_inside_a_log_are_the_oracles(agency, level, folded):
    """All pairs, those between two, and the ten most frequent of both, between persons and between units."""
    found, oracle = hands(folded[0], agency, level), told(agency)["handover"][level]
    assert found.pairs == oracle["pairs"]
    assert found.excluding_self == oracle["pairs_without_self"]
    for with_self, name in ((True, "top"), (False, "top_without_self")):
        for giver, taker, count in oracle[name]:
            pair = NO_GROUP.get(giver, giver), NO_GROUP.get(taker, taker)
            assert found.counts[pair] == count, pair
        counts = [count for _, _, count in found.top(10, with_self=with_self)]
        assert counts == [count for _, _, count in oracle[name]]


@pytest.mark.slow
def test_late_cases_are_those_that_ended_after_their_real_deadline(folded):
    """377 of 1,329 ended cases of the permit office; the municipalities' log gives cases no deadline."""
    found, oracle = of("permit-office", folded), told("permit-office")["deadlines"]
    assert (found["late"], found["judged"]) == (oracle["enddate_after_deadline"], oracle["cases_with_both"])
    assert of("municipality-1", folded)["judged"] == 0


@pytest.mark.slow
def test_activities_are_as_many_as_the_oracle_has(folded):
    """By the codes that the events carry."""
    with folded[1].connect() as connection:
        rows = connection.execute(
            text(
                "SELECT agency, count(DISTINCT data->>'activity_code') FROM supervision_event GROUP BY agency"
            )
        )
        assert dict(map(tuple, rows)) == {agency: log["activities"] for agency, log in ORACLE.items()}


def table(agency, found, oracle):
    """Yield the lines of a log's table: figure, here, oracle."""
    yield f"{agency:<20} {'here':>28} {'oracle':>28}"
    pairs = {name: (found[name], value) for name, value in oracle.items() if name in found}
    for level, value in oracle["handover"].items():
        pairs[f"{level} pairs"] = found[level].pairs, value["pairs"]
        pairs[f"{level} hand-overs"] = found[level].excluding_self, value["pairs_without_self"]
    if "deadlines" in oracle:
        late = oracle["deadlines"]
        pairs["late"] = found["late"], late["enddate_after_deadline"]
        pairs["ended with deadline"] = found["judged"], late["cases_with_both"]
    for name, (here, there) in pairs.items():
        one, other = (f"{len(each)} of them" if isinstance(each, dict) else each for each in (here, there))
        yield f"  {name:<18} {one!s:>28} {other!s:>28}"
