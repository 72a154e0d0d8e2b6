"""What the demo itself finds wrong, and when its verdict fails; records are values here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

import pytest

from connectors.sdk.events import to_record
from hub import resources
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.launch.demo import check, logs, mapping, plan, run, staff
from hub.launch.demo.findings import Findings
from hub.launch.demo.run import Result
from hub.registry.files import load

CODEC = Codec(Contracts.load())
REGISTRY = load(resources.folder("registry"), CODEC.contracts)
OUTBOX = topics.outbox(plan.OFFICE)


@dataclass(frozen=True)
class Kept:
    """A record as a log keeps it, with the methods of confluent-kafka's messages that the check uses."""

    at: int
    the_key: bytes
    the_value: bytes
    the_headers: tuple

    def offset(self):
        return self.at

    def partition(self):
        return 0

    def key(self):
        return self.the_key

    def value(self):
        return self.the_value

    def headers(self):
        return list(self.the_headers)

    def timestamp(self):
        return (2, 1000 + self.at)


@cache
def three_events():
    """Return two events of one case, and one of another."""
    first, *later = plan.log_events(plan.OFFICE)
    same = next(event for event in later if event.caseid == first.caseid)
    other = next(event for event in later if event.caseid != first.caseid)
    return first, same, other


def sound_logs():
    """Return the logs of three events of the permit office, delivered as they should be."""
    logs_of = {OUTBOX: []}
    for offset, event in enumerate(three_events()):
        record = to_record(event, plan.OFFICE, CODEC)
        logs_of[OUTBOX].append(Kept(offset, record.key, record.value, tuple(record.headers)))
        for agreement in REGISTRY.agreements_for(plan.OFFICE, event.type):
            logs_of.setdefault(topics.inbox(agreement.recipient), []).append(
                delivery(agreement, event, record, offset, logs_of)
            )
    return logs_of


def delivery(agreement, event, record, offset, logs_of):
    """Return what a recipient must get, made by hand from the agreement."""
    contract, data = CODEC.decode(record.value)
    mask = {
        note.name: note.default
        for note in contract.fields
        if note.name in agreement.mask(event.type, contract.field_names)
    }
    own = [(name, value) for name, value in record.headers if name != "ce_caseid"]
    case = event.caseid
    if agreement.caseid == "pseudonym":
        case = f"permit-office/{mapping.letters(case)}"
    route = f"{agreement.id}/{event.type}"
    before = logs_of.get(topics.inbox(agreement.recipient), [])
    seq = 1 + sum(dict(one.headers())[envelope.ROUTE] == route.encode() for one in before)
    headers = (
        *own,
        ("ce_caseid", case.encode()),
        (envelope.ROUTE, route.encode()),
        (envelope.AGREEMENT, agreement.reference.encode()),
        (envelope.PURPOSE, agreement.purpose.encode()),
        (envelope.SEQ, str(seq).encode()),
        (envelope.ORIGIN, f"{OUTBOX}/0/{offset}".encode()),
        *([(envelope.MASKED, ",".join(mask).encode())] if mask else []),
    )
    return Kept(len(before), case.encode(), CODEC.encode_raw(contract, data | mask), headers)


@pytest.fixture
def find(monkeypatch):
    """Return a function: logs -> findings, the plan being these three events."""
    events = three_events()
    monkeypatch.setattr(plan, "log_events", lambda _: events)
    monkeypatch.setattr(plan, "whole", lambda *_: events)
    monkeypatch.setattr(plan, "paced_ids", frozenset)

    def run(logs_of):
        monkeypatch.setattr(logs, "records", lambda _, topic, __: iter(logs_of.get(topic, [])))
        monkeypatch.setattr(plan, "SOURCES", (plan.OFFICE,))
        monkeypatch.setattr(plan, "ISLANDS", (plan.OFFICE,))
        monkeypatch.setattr(check, "read_registry", lambda *_: type("Reader", (), {"current": REGISTRY}))
        return check.check(None)

    return run


def with_header(record, name, value):
    return replace(record, the_headers=tuple((n, value if n == name else v) for n, v in record.headers()))


REGISTER, STATISTICS = topics.inbox(plan.REGISTER), topics.inbox(plan.STATISTICS)


def test_sound_logs_are_found_sound(find):
    """Nothing out of order, no staff id, no stranger; the case whose events all came is counted."""
    found = find(sound_logs())
    assert (found.strangers, found.staff_ids_seen) == (0, [])
    assert found.cases == {plan.OFFICE: 2}


def test_two_swapped_events_of_a_case_are_found(find):
    """The register's order must be the source's; the time between is not looked at."""
    assert find(sound_logs()).cases_out_of_order == []
    broken = sound_logs()
    broken[REGISTER][0], broken[REGISTER][1] = broken[REGISTER][1], broken[REGISTER][0]
    assert find(broken).cases_out_of_order == [three_events()[0].caseid]


def test_a_replayed_event_may_come_last(find):
    """A repair brings what was missed behind later events of its case, and says so."""
    mended = sound_logs()
    late = mended[REGISTER].pop(0)
    headers = (*late.headers(), (envelope.REPLAY_OF, f"{OUTBOX}/0/0".encode()))
    mended[REGISTER].append(replace(late, the_headers=headers))
    assert find(mended).cases_out_of_order == []


def test_a_staff_id_in_the_statistics_inbox_is_seen(find):
    """A field that should have been masked shows by the id's bytes."""
    broken = sound_logs()
    original = broken[OUTBOX][0].value()
    broken[STATISTICS][0] = replace(broken[STATISTICS][0], the_value=original)
    assert plan.log_events(plan.OFFICE)[0].data["handled_by"] in find(broken).staff_ids_seen


def test_what_others_sent_on_the_same_folder_is_counted_apart(find):
    """A person's own event is no fault of the demo's."""
    logs_of = sound_logs()
    logs_of[OUTBOX].append(with_header(replace(logs_of[OUTBOX][0], at=50), "ce_id", b"my-own-event"))
    assert find(logs_of).strangers == 1


def result(*, strangers=0, open_=0, balanced=True, cases_off=(), ids=(), **totals):
    """Return the result of a run in which all is well but for what is said."""
    cases = Counter(dict.fromkeys(plan.ISLANDS, 1))
    findings = Findings(strangers, cases, list(cases_off), list(ids))
    kinds = {"missing": open_, "doubled": 0, "altered": 0, "out_of_order": 0}
    figures = {"read": 13, "routed": 10, "unclaimed": 1, "duplicate": 1} | totals
    ledger = {"balanced": balanced, "parked": {"decode": 1}}
    ledger["totals"] = figures | {"unaccounted": kinds, "open": open_}
    expected = {"routed": 10, "unclaimed": 1, "duplicate": 1, "decode": 1}
    return Result({"all": 13}, expected, findings, ledger, 13, {}, 1, 1.0, 2.0)


@pytest.mark.parametrize(
    ("told", "holds"),
    [
        ({}, True),
        ({"strangers": 2, "read": 15, "routed": 12}, True),
        ({"open_": 1, "balanced": False}, False),
        ({"routed": 11}, False),
        ({"routed": 9, "duplicate": 2}, False),
        ({"read": 14}, False),
        ({"strangers": 1}, False),
        ({"cases_off": ["c"]}, False),
        ({"ids": ["6"]}, False),
    ],
)
def test_the_verdict_needs_the_audit_the_declaration_the_cases_and_no_staff_id(monkeypatch, told, holds):
    """Each single thing that is off fails the demo; what others sent does not."""
    monkeypatch.setattr(run, "case_counts", lambda: dict.fromkeys(plan.ISLANDS, 1))
    assert result(**told).holds is holds


def test_a_case_that_did_not_come_fails_the_verdict(monkeypatch):
    """The register must hold every case of every island."""
    monkeypatch.setattr(run, "case_counts", lambda: dict.fromkeys(plan.ISLANDS, 2))
    assert not result().holds


def test_a_short_staff_id_is_seen_as_the_whole_of_a_field_alone(monkeypatch):
    """Its bytes stand in every number and time; a field that is nothing else gives it away."""
    monkeypatch.setattr(staff, "ids", lambda: frozenset({"6", "560872"}))
    watch = staff.Watch(CODEC)
    for handled_by in ("66", "6", "560872"):
        data = {"service_id": "permit-6", "handled_by": handled_by}
        value = CODEC.encode("service.step.completed.v1", data)
        watch.look(Kept(0, b"case-6", value, (("ce_id", b"66"),)))
    assert watch.seen == ["6", "560872"]
