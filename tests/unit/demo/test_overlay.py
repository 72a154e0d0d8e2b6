"""The agency registry for a log of anybody's."""

from __future__ import annotations

import pytest

from hub import resources
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError
from hub.launch.demo import mapping, overlay
from hub.registry.files import load

CONTRACTS = Contracts.load()
OFFICE = resources.folder("demo") / "mappings" / "permit-office.yaml"


@pytest.fixture
def write(tmp_path):
    """Return a function: changes to the office's mapping, an agency -> the registry."""

    def write(agency="hospital", **changes):
        rules = mapping.load(OFFICE).model_copy(update=changes)
        return overlay.write(resources.folder("registry"), tmp_path / "registry", rules, agency, tmp_path)

    return write


def test_an_agency_that_is_not_there_comes_with_grants_and_agreements(write):
    """Supervision receives who did what, the window does not."""
    registry = write()
    for name in ("service.request.received.v1", "service.step.completed.v1"):
        assert registry.may_publish("hospital", name)
        fields = CONTRACTS.versions(name)[-1].field_names
        masks = {
            each.recipient: each.mask(name, fields) for each in registry.agreements_for("hospital", name)
        }
        assert "handled_by" in masks["window"]
        assert "handled_by" not in masks["supervision"]


def test_deadlines_that_are_mapped_make_a_journey(write):
    """Started by a case's first event, ended by its completion, due as the log says."""
    found = write().journeys["log-hospital"]
    assert {each.match.type for each in found.starts} >= {"service.request.received.v1"}
    assert [(end.match.type, end.state, end.at) for end in found.ends] == [
        ("service.request.completed.v1", "completed", "completed_at")
    ]
    assert found.deadline.field == "deadline_at"


def test_without_deadlines_cases_follow_no_journey(write):
    """Process figures are made all the same."""
    assert "log-hospital" not in write(first={}).journeys


def test_a_journey_of_the_mappings_own_is_taken_from_beside_it_or_from_inside(write, tmp_path):
    """A file and an object mean the same."""
    journey = """
id: stay
title: {fa: بستری, en: Stay}
calendar: iran
services: environmental-permit-receipt
openers: hospital
starts: service.request.received.v1
ends: service.request.completed.v1
"""
    (tmp_path / "stay.yaml").write_text(journey, encoding="utf-8")
    assert write(journeys=["stay.yaml"]).journeys["stay"].openers == {"hospital"}
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        write(journeys=["nowhere.yaml"])


def test_an_agency_that_is_there_is_left_as_it_is(write):
    """Its own grants, agreements and journeys serve the log; a type that it lacks is refused by name."""
    example = load(resources.folder("registry"), CONTRACTS)
    registry = write("permit-office")
    assert registry.agencies["permit-office"] == example.agencies["permit-office"]
    assert registry.journeys.keys() == example.journeys.keys()
    with pytest.raises(ConfigError, match="statistics may not publish"):
        write("statistics")
