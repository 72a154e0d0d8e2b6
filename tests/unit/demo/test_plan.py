"""What the demo sends, and what it expects of it."""

from __future__ import annotations

from collections import Counter

import pytest
from typer.main import get_command

from hub import resources
from hub.cli.app import app
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.contracts.topics import WINDOW
from hub.launch.demo import plan, refused, staff, windows
from hub.launch.demo.items import Raw
from hub.launch.demo.publish import missing
from hub.registry.files import load

CODEC = Codec(Contracts.load())
CLASSES = {
    *("frame", "envelope", "source-mismatch", "too-large", "unknown-schema", "decode", "invalid"),
    *("not-allowed", "id-conflict"),
}


@pytest.fixture(scope="module")
def registry():
    return load(resources.folder("registry"), CODEC.contracts)


def test_the_declaration_counts_exactly_what_is_sent():
    """Declared and planned records are the same number; every row of the logs is one event."""
    declared = plan.declaration(CODEC)
    sent = sum(len(plan.whole(agency, CODEC)) for agency in plan.SOURCES)
    assert sum(declared.values()) == sent + plan.REJECTIONS
    assert sum(count for name, count in declared.items() if name.startswith("log rows")) == 164_829


def test_every_reason_class_that_the_gate_can_give_occurs():
    """The demo shows each way of being refused."""
    assert {item.fate for item in plan.whole(plan.OFFICE, CODEC) if isinstance(item, Raw)} >= CLASSES


def test_ids_are_used_once_but_for_the_repeats_and_the_conflict():
    """No two different events share an id by accident."""
    items = [item for agency in plan.SOURCES for item in plan.whole(agency, CODEC)]
    again = Counter(item.id for item in items)
    meant = {item.id for item in items if isinstance(item, Raw) and item.fate in ("duplicate", "id-conflict")}
    assert {name for name, count in again.items() if count > 1} == meant


def test_an_interrupted_run_goes_on_with_exactly_what_is_missing():
    """Whatever was sent of the plan, the rest is due: repeated ids as often as the plan has them."""
    items = plan.whole(plan.OFFICE, CODEC)
    for sent in (0, 1, 700, len(items) - 3, len(items)):
        already = Counter(item.id for item in items[:sent])
        assert [item.id for item in missing(items, already)] == [item.id for item in items[sent:]]


def test_colliding_case_ids_of_two_municipalities_stay_two_cases():
    """6038724 is one case in municipality 1 and another in municipality 3."""
    cases = {event.caseid for agency in plan.ISLANDS for event in plan.log_events(agency)}
    assert {"municipality-1/6038724", "municipality-3/6038724"} <= cases
    assert len(cases) == 1199 + 832 + 1409 + 1434


def test_national_numbers_are_valid_by_their_check_digit():
    """The refused subject is a number that could be a person's (published examples of the rule)."""
    assert refused.national_number(48497585) == "0484975851"[:9] + refused.national_number(48497585)[-1]
    digits = refused.national_number(123456789)
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    assert int(digits[9]) == (rest if rest < 2 else 11 - rest)


def test_the_unclaimed_event_is_granted_and_covered_by_no_agreement(registry):
    """It is valid, and nobody may have it."""
    [event] = plan.untimed(WINDOW, CODEC, plan.course().turn)
    assert registry.may_publish(WINDOW, event.type)
    assert registry.agreements_for(WINDOW, event.type) == ()


def test_every_other_event_has_somewhere_to_go(registry):
    """The example agency registry grants and covers every type that the demo sends."""
    types = {
        (agency, item.type)
        for agency in plan.SOURCES
        for item in plan.whole(agency, CODEC)
        if not isinstance(item, Raw) and item.type != "service.request.submitted.v1"
    }
    for agency, type_ in types:
        assert registry.may_publish(agency, type_), (agency, type_)
        assert registry.agreements_for(agency, type_), (agency, type_)


def test_what_statistics_receives_names_no_member_of_staff(registry):
    """No field that the agreement passes on holds a staff id's bytes, in any event of the four logs."""
    names = [name for name in staff.ids() if len(name) > 2]
    passed = set()
    for agency in plan.ISLANDS:
        for event in plan.log_events(agency):
            [agreement] = [
                one for one in registry.agreements_for(agency, event.type) if one.recipient == plan.STATISTICS
            ]
            withheld = agreement.types[event.type]
            passed.update(str(value) for name, value in event.data.items() if name not in withheld)
            passed.update(filter(None, (event.id, event.channel, event.subsystem, str(event.time))))
    text = "\n".join(passed)
    assert [name for name in names if name in text] == []


def test_every_declared_record_has_one_expected_verdict():
    """The verdicts add up to what is sent; few are refused, and each class as often as declared."""
    expected = plan.expected(CODEC)
    assert sum(expected.values()) == sum(plan.declaration(CODEC).values())
    assert (expected["unclaimed"], expected["duplicate"]) == (1, 500)
    assert expected.keys() == {"routed", "unclaimed", "duplicate"} | CLASSES


def test_events_go_by_time_and_everything_without_a_time_goes_at_the_turn():
    """No window holds an event of another; what is sent at a pace comes last; nothing is left out."""
    course = plan.course()
    for agency in plan.TIMED:
        begin, count = None, 0
        ids = {event.id for event in plan.timed(agency)}
        for batch in plan.batches(agency, CODEC, course):
            items = list(batch.items)
            # What is repeated has an id of theirs too, but is no event of the plan.
            times = [plan.moment(item) for item in items if not isinstance(item, Raw) and item.id in ids]
            assert all((begin is None or begin < time) and time <= batch.moment for time in times)
            assert times == sorted(times)
            assert (batch.per_second is not None) == (batch.moment > course.turn)
            others = len(items) - len(times)
            assert not others or batch.moment == course.turn
            begin, count = batch.moment, count + len(times)
        assert count == len(plan.timed(agency))


def test_the_last_events_at_a_pace_are_as_many_as_said():
    """They are the municipalities' last ones by time."""
    assert len(plan.paced_ids()) == plan.PACED_EVENTS
    turn = plan.course().turn
    later = [
        event for agency in plan.ISLANDS for event in plan.log_events(agency) if plan.moment(event) > turn
    ]
    assert {event.id for event in later} == plan.paced_ids()


def test_the_command_and_the_windows_have_one_default():
    """The option's default is written out, so that help comes quickly."""
    [option] = [each for each in get_command(app).commands["demo"].params if each.name == "tick_days"]
    assert option.default == windows.DAYS
