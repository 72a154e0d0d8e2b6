"""The demo's check finds each way to go wrong; records are values here, the broker comes end to end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from connectors.sdk.events import to_record
from hub import resources
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.launch.demo import check, logs, mapping, plan
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
    """Return a function: logs -> findings."""

    def run(logs_of):
        monkeypatch.setattr(logs, "records", lambda _, topic, __: iter(logs_of.get(topic, [])))
        monkeypatch.setattr(plan, "SOURCES", (plan.OFFICE,))
        monkeypatch.setattr(plan, "ISLANDS", (plan.OFFICE,))
        monkeypatch.setattr(check, "read_registry", lambda *_: type("Reader", (), {"current": REGISTRY}))
        found = check.check_part(None, [0])
        assert not isinstance(found, str), found
        return found

    return run


def counts(found):
    """Return missing, doubled, altered, out of order over all routes."""
    routes = found.routes.values()
    return tuple(
        sum(getattr(one, name) for one in routes)
        for name in ("missing", "doubled", "altered", "out_of_order")
    )


def with_header(record, name, value):
    return replace(record, the_headers=tuple((n, value if n == name else v) for n, v in record.headers()))


REGISTER, STATISTICS = topics.inbox(plan.REGISTER), topics.inbox(plan.STATISTICS)


def test_sound_logs_have_nothing_unaccounted(find):
    """What was delivered as the agreements say is found right, down to masks, keys and pseudonyms."""
    found = find(sound_logs())
    assert counts(found) == (0, 0, 0, 0), found.problems
    assert found.staff_ids_seen == []
    assert sum(route.due for route in found.routes.values()) == sum(
        route.came for route in found.routes.values()
    )
    assert found.verdicts == {"routed": 3}


@pytest.mark.parametrize(
    ("break_", "expected"),
    [
        (lambda inbox: inbox.pop(), (1, 0, 0, 0)),
        (lambda inbox: inbox.append(inbox[0]), (0, 1, 0, 0)),
        (
            lambda inbox: inbox.__setitem__(0, replace(inbox[0], the_value=inbox[0].value()[:-1] + b"x")),
            (0, 0, 1, 0),
        ),
        (lambda inbox: inbox.__setitem__(0, replace(inbox[0], the_key=b"other")), (0, 0, 1, 0)),
        (
            lambda inbox: inbox.__setitem__(0, with_header(inbox[0], "ce_time", b"2020-01-01T00:00:00Z")),
            (0, 0, 1, 0),
        ),
        (lambda inbox: inbox.__setitem__(0, with_header(inbox[0], envelope.SEQ, b"7")), (0, 0, 1, 0)),
        (lambda inbox: inbox.__setitem__(0, with_header(inbox[0], envelope.PURPOSE, b"fun")), (0, 0, 1, 0)),
    ],
    ids=["missing", "doubled", "value", "key", "header", "number", "purpose"],
)
def test_each_single_fault_is_counted_where_it_belongs(find, break_, expected):
    """One fault in one inbox is one count, and no other."""
    broken = sound_logs()
    break_(broken[REGISTER])
    assert counts(find(broken)) == expected


def test_a_field_that_should_have_been_masked_is_an_alteration_and_its_staff_id_is_seen(find):
    """A leak to the statistics office is found twice: as another value, and by the id's bytes."""
    broken = sound_logs()
    original = broken[OUTBOX][0].value()
    broken[STATISTICS][0] = replace(broken[STATISTICS][0], the_value=original)
    found = find(broken)
    assert counts(found) == (0, 0, 1, 0)
    assert plan.log_events(plan.OFFICE)[0].data["handled_by"] in found.staff_ids_seen
    assert found.unaccounted > 1


def test_a_case_id_that_passed_in_place_of_its_pseudonym_is_an_alteration(find):
    """Where the agreement says pseudonym, the case id itself is wrong."""
    broken = sound_logs()
    case = plan.log_events(plan.OFFICE)[0].caseid.encode()
    leaked = with_header(broken[STATISTICS][0], "ce_caseid", case)
    broken[STATISTICS][0] = replace(leaked, the_key=case)
    assert counts(find(broken)) == (0, 0, 1, 0)


def test_two_cases_under_one_pseudonym_are_found(find):
    """A pseudonym stands for one case alone."""
    broken = sound_logs()
    first = dict(broken[STATISTICS][0].headers())["ce_caseid"]
    second = len(broken[STATISTICS]) - 1
    swapped = with_header(broken[STATISTICS][second], "ce_caseid", first)
    broken[STATISTICS][second] = replace(swapped, the_key=first)
    assert counts(find(broken))[2] == 1


def test_a_delivery_of_an_event_that_was_never_due_is_found(find):
    """What the plan wants parked or dropped must not reach anybody."""
    broken = sound_logs()
    stray = with_header(broken[REGISTER][0], envelope.ORIGIN, f"{OUTBOX}/0/99".encode())
    broken[REGISTER].append(stray)
    assert counts(find(broken))[1] == 1


def test_what_others_sent_on_the_same_folder_is_counted_apart(find):
    """A person's own event is no fault of the demo's."""
    logs_of = sound_logs()
    stranger = with_header(replace(logs_of[OUTBOX][0], at=50), "ce_id", b"my-own-event")
    logs_of[OUTBOX].append(stranger)
    logs_of[REGISTER].append(with_header(logs_of[REGISTER][0], envelope.ORIGIN, f"{OUTBOX}/0/50".encode()))
    found = find(logs_of)
    assert counts(found) == (0, 0, 0, 0)
    assert found.strangers == 1
