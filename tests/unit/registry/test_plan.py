from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from hub.registry.calendars import Calendar
from hub.registry.journeys import Deadline, Journey, Match, Span, Start, Step
from hub.registry.model import Quota, Registry
from hub.registry.plan import plan, refusals


@pytest.fixture
def registry(folder):
    return folder.load()


def _with(registry, agency):
    return replace(registry, agencies={**registry.agencies, agency.code: agency})


def test_a_plan_reads_as_infrastructure_tools_print_it(registry):
    """One sign for an object, one line for a field with its old and new value, one line of counts."""
    old = registry.agencies["recipient"]
    desired = _with(
        registry, replace(old, title_en="Fee office", grants=frozenset({"feedback.rating.given.v1"}))
    )
    desired = Registry(
        0, {code: each for code, each in desired.agencies.items() if code != "other-source"}, {}
    )
    text = plan(registry, desired).text()
    assert "~ agency recipient" in text
    assert "    ~ title.en: Recipient → Fee office" in text
    assert "    + publishes: feedback.rating.given.v1" in text
    assert "- agency other-source" in text
    assert "- agreement fees" in text
    assert text.endswith("Plan: 0 to add, 1 to change, 2 to remove.")


def test_a_changed_mask_shows_field_by_field(folder, registry):
    """A reviewer sees which field is withheld from now on, not two long lists."""
    folder.replace("agreements/fees.yaml", "[handled_by]", "[answer]")
    text = plan(registry, folder.load()).text()
    assert "    - withhold.service.step.completed.v1: handled_by" in text
    assert "    + withhold.service.step.completed.v1: answer" in text


def test_no_difference_says_so(registry):
    """An empty plan is a sentence, not an empty page."""
    assert plan(registry, registry).text().startswith("No changes.")


def test_a_plan_as_json_counts_and_lists(registry):
    """Programs get the same plan as people."""
    document = plan(None, registry).as_json()
    assert (len(registry.agencies) + 1, 0, 0) == (document["add"], document["change"], document["remove"])
    assert "fees" in {change["id"] for change in document["changes"]}


def test_partitions_are_never_changed_in_place(registry):
    """Keys would move to other partitions; the sentence names the agency and both numbers."""
    desired = _with(registry, replace(registry.agencies["source"], partitions=8))
    (fault,) = refusals(registry, desired)
    assert "agency source: partitions 4 → 8" in fault
    assert refusals(None, desired) == []


def test_quotas_beyond_the_disk_are_refused(registry):
    """1,000 bytes a second are 1.1 GiB in 14 days: too much for 1 GiB, fine for 2 GiB, or where unknown."""
    desired = _with(registry, replace(registry.agencies["source"], quota=Quota(1000)))
    assert ["1.1 GiB" in fault for fault in refusals(None, desired, 2**30)] == [True]
    assert refusals(None, desired, 2 * 2**30) == []
    assert refusals(None, desired, None) == []


def test_a_changed_journey_shows_its_steps_field_by_field():
    """A step is shown by its id, a match as files write it, and an order of steps as an order."""
    checked = Step("checked", "بررسی", "Checked", (Match("service.step.completed.v1"),), ("tax",))
    paid = Step("paid", "پرداخت", "Paid", (Match("service.request.decided.v1"),), optional=True)
    start = Start(Match("service.request.submitted.v1", (("answer", frozenset({"yes"})),)))
    old = Journey("loan", 1, "وام", "Loan", "iran", (start,), (checked, paid))
    new = replace(old, steps=(paid, replace(checked, deadline=Deadline(Span(5, "working_days")))))
    before, after = (Registry(0, {}, {}, {"loan": each}) for each in (old, new))
    assert plan(before, after).text().splitlines() == [
        "~ journey loan",
        "    ~ steps: [checked, paid] → [paid, checked]",
        "    + steps.checked.deadline.within: 5 working days",
        "    + steps.checked.deadline.from: entered",
        "",
        "Plan: 0 to add, 1 to change, 0 to remove.",
    ]
    text = plan(None, before).text()
    assert "    + starts: {event: service.request.submitted.v1, where: {answer: [yes]}}" in text
    assert "    + steps.paid.optional: true" in text
    assert "steps.checked.optional" not in text


def test_an_added_calendar_counts_its_holidays():
    """Ten years of dates would hide the rest of a plan."""
    days = frozenset(date(2026, 1, day) for day in range(1, 10))
    calendar = Calendar("plain", 0, "ساده", "Plain", "UTC", frozenset({4}), days, 2026, 2026)
    text = plan(None, Registry(0, {}, {}, {}, {"plain": calendar})).text()
    assert "    + holidays: 9 dates" in text
    assert "2026-01-01" not in text
