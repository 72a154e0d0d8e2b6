from __future__ import annotations

from dataclasses import replace

import pytest

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
