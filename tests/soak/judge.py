"""The judges of a run: a direct look at every outbox and inbox, and the audit's own sheet.

The direct look uses neither gate nor audit nor ledger. What is due comes from the outboxes, the agency
registry and how the load marks its events; what is there from the inboxes as a plain reader sees them.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import text

from hub.broker.records import record_of
from hub.broker.tail import Tail
from hub.contracts import envelope, topics
from hub.contracts.names import EventType, route_id
from hub.contracts.origin import Origin
from hub.launch.rebuild.run import rebuild
from hub.store.engine import engine as make_engine

REFUSED = ":refused"
FINDINGS_OF_A_KIND = 5
AUDIT_SECONDS = 180


class Findings(list):
    """What is off; of one kind only so many are told, and how many there are."""

    def __init__(self):
        super().__init__()
        self._counts = Counter()

    def add(self, kind, what):
        self._counts[kind] += 1
        if self._counts[kind] <= FINDINGS_OF_A_KIND:
            self.append(f"{kind}: {what}")
        elif self._counts[kind] == FINDINGS_OF_A_KIND + 1:
            self.append(f"{kind}: and more")


@dataclass
class Inbox:
    """What one inbox must fulfil, record by record: no gap, no repeat, order kept in each case.

    `ids` are the source's ids delivered on each route.
    """

    topic: str
    findings: Findings
    ids: dict = field(default_factory=lambda: defaultdict(set))
    records: int = 0
    _lanes: dict = field(default_factory=lambda: defaultdict(lambda: (0, -1)))
    _steps: dict = field(default_factory=lambda: defaultdict(int))

    def take(self, record):
        """Take in the next record of a partition."""
        headers = envelope.text_headers(record.headers)
        route, origin = headers[envelope.ROUTE], Origin.parse(headers[envelope.ORIGIN])
        self.records += 1
        where = f"{self.topic}/{record.partition}/{record.offset}"
        seq, number = self._lanes[route, origin.topic, origin.partition], int(headers[envelope.SEQ])
        if number != seq[0] + 1:
            self.findings.add("hub-seq", f"{number} after {seq[0]} on {route} at {where}")
        if origin.offset <= seq[1]:
            self.findings.add("order of origins", f"{origin} after offset {seq[1]} on {route} at {where}")
        self._lanes[route, origin.topic, origin.partition] = (number, origin.offset)
        id_ = headers["ce_id"]
        if id_ in self.ids[route]:
            self.findings.add("doubled", f"{id_} on {route} at {where}")
        self.ids[route].add(id_)
        self._check_step(id_, where)

    def _check_step(self, id_, where):
        case, _, step = id_.rpartition(":")
        if not step.isdigit():
            return
        if int(step) <= self._steps[case]:
            self.findings.add(
                "order in a case", f"step {step} of {case} after {self._steps[case]} at {where}"
            )
        self._steps[case] = int(step)


@dataclass
class Outboxes:
    """What lies on the outboxes: ids due on each route, origins that must be parked, where each id lies."""

    registry: object
    due: dict = field(default_factory=lambda: defaultdict(set))
    refused: set = field(default_factory=set)
    places: dict = field(default_factory=dict)
    records: int = 0

    def take(self, record):
        """Take in a record."""
        self.records += 1
        headers = envelope.text_headers(record.headers)
        id_, type_ = headers["ce_id"], EventType(headers["ce_type"])
        self.places.setdefault(id_, set()).add(record.origin)
        if id_.endswith(REFUSED):
            self.refused.add(record.origin)
            return
        source = topics.agency_of(record.topic)[0]
        for agreement in self.registry.agreements_for(source, type_):
            self.due[route_id(agreement.id, type_), agreement.recipient].add(id_)


def look(settings, registry, journals, watch):
    """Return what the direct look finds and what it counted; `watch` gives places of out- and inboxes."""
    findings, counted = Findings(), Counter()
    outboxes = Outboxes(registry)
    for record in _records(settings, watch.places("outbox")):
        outboxes.take(record)
    counted["events on outboxes"] = outboxes.records
    for journal in journals:
        counted["confirmed"] += _check_journal(journal, outboxes, findings)
    inboxes = {}
    for agency in registry.agencies:
        inbox = inboxes[agency] = Inbox(topics.inbox(agency), findings)
        for record in _records(
            settings, [place for place in watch.places("inbox") if place[0] == inbox.topic]
        ):
            inbox.take(record)
        counted["deliveries"] += inbox.records
    _compare(outboxes, inboxes, findings)
    counted["parked"] = _check_parked(settings, outboxes, findings)
    _check_feed(settings, inboxes[topics.WINDOW], findings)
    return findings, counted


def _records(settings, places):
    tail = Tail(settings, topics.ADMIN_PRINCIPAL, "soak")
    try:
        tail.follow_all(places)
        for message in tail.to_end():
            yield record_of(message)
    finally:
        tail.close()


def _check_journal(journal, outboxes, findings):
    """See that each event that the broker confirmed lies where it said."""
    lines = journal.read_text().splitlines()
    for line in lines:
        id_, place = line.rsplit(" ", 1)
        if place not in outboxes.places.get(id_, ()):
            findings.add("confirmed and lost", f"{id_} at {place}")
    return len(lines)


def _compare(outboxes, inboxes, findings):
    found = {(route, agency): ids for agency, inbox in inboxes.items() for route, ids in inbox.ids.items()}
    for lane in outboxes.due.keys() | found.keys():
        due, here = outboxes.due.get(lane, set()), found.get(lane, set())
        for id_ in sorted(due - here):
            findings.add("missing", f"{id_} on {lane[0]}")
        for id_ in sorted(here - due):
            findings.add("never due", f"{id_} on {lane[0]}")


def _check_parked(settings, outboxes, findings):
    parked = Counter()
    for record in _records(settings, [(topics.PARKED, part) for part in range(topics.DEFAULT_PARTITIONS)]):
        headers = envelope.text_headers(record.headers)
        parked[headers[envelope.ORIGIN]] += 1
        if headers[envelope.REASON] != "invalid":
            findings.add("parked", f"{headers[envelope.ORIGIN]} as {headers[envelope.REASON]}")
    for origin in outboxes.refused ^ parked.keys():
        findings.add("parked", f"{origin} is {'not ' if origin in outboxes.refused else ''}parked")
    for origin, count in parked.items():
        if count > 1:
            findings.add("parked", f"{origin} {count} times")
    return parked.total()


def _check_feed(settings, window, findings):
    """See that the single window's table holds each delivery of its inbox once."""
    engine = make_engine(settings, pool_size=1)
    query = (
        "SELECT count(*), count(DISTINCT (route, origin_topic, origin_partition, origin_offset)) FROM feed"
    )
    with engine.connect() as connection:
        rows, different = connection.execute(text(query)).one()
    engine.dispose()
    if not rows == different == window.records:
        findings.add("feed", f"{rows} rows, {different} different ones, {window.records} deliveries")


def ask_audit(url, ends, seconds=AUDIT_SECONDS):
    """Return the audit's sheet once it covers these ends of outboxes; None if it does not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sheet = _sheet(url)
        intake = {(row["topic"], row["partition"]): row["next"] for row in sheet.get("intake", ())}
        if intake and all(intake.get(place, 0) >= end for place, end in ends.items()):
            return sheet
        time.sleep(0.5)
    return None


def _sheet(url):
    try:
        with urllib.request.urlopen(f"{url}/v1/ledger", timeout=10) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return {}


def rebuilt_cases(settings):
    """Return which tables of cases are not those that a clean rebuild makes."""
    outcome = rebuild(settings, "cases", check=True, say=lambda _: None)
    return [
        f"the cases: {each.table} is not what a rebuild makes" for each in outcome.tables if not each.same
    ]


def judge_sheet(sheet, records):
    """Return what the audit's sheet says is off; `records` lie on the outboxes."""
    if sheet is None:
        return [f"the audit: its cut did not reach the outboxes' ends in {AUDIT_SECONDS} s"]
    totals = sheet["totals"]
    off = [f"the audit: {count} {kind}" for kind, count in sorted(totals["unaccounted"].items()) if count]
    if not sheet["balanced"]:
        off.append("the audit: the sheet is not balanced")
    if totals["read"] != records:
        off.append(f"the audit: {totals['read']} events read, {records} lie on the outboxes")
    if sheet.get("sequence_faults"):
        off.append(f"the projector: {len(sheet['sequence_faults'])} breaks in hub-seq")
    return off
