from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.contracts.names import RouteId
from hub.registry.model import REJECTED

SUBMITTED, STEP = "service.request.submitted.v1", "service.step.completed.v1"


@pytest.fixture
def registry(folder):
    return folder.load()


def test_an_agency_publishes_what_it_is_granted_and_nothing_else(registry):
    """Deny by default: another type, an unknown agency, and the hub's own types are refused."""
    assert registry.may_publish("source", SUBMITTED)
    assert not registry.may_publish("recipient", SUBMITTED)
    assert not registry.may_publish("nobody", SUBMITTED)
    assert not registry.may_publish("source", "hub.step.overdue.v1")


def test_the_hub_publishes_every_type_of_its_domain(registry):
    """The hub's grants follow from the domain, so a new contract of the hub needs no change of files."""
    assert registry.may_publish("hub", "hub.step.overdue.v1")
    assert not registry.may_publish("hub", SUBMITTED)


def test_every_agency_may_reject_and_the_hub_receives_it(registry):
    """Rejections need no grant and no declared agreement; the hub has no agreement with itself."""
    assert all(registry.may_publish(code, REJECTED) for code in registry.agencies)
    (agreement,) = registry.agreements_for("recipient", REJECTED)
    assert (agreement.id, agreement.recipient) == ("recipient-rejections", "hub")
    assert registry.agreements_for("hub", REJECTED) == ()


def test_agreements_are_found_by_source_and_type(registry):
    """A source's event type leads to its agreements; what nobody agreed on leads to none."""
    assert [each.id for each in registry.agreements_for("source", SUBMITTED)] == ["fees"]
    assert registry.agreements_for("other-source", SUBMITTED) == ()


def test_a_route_leads_to_its_agreement_and_only_a_real_route_does(registry):
    """An agreement that does not cover the type has no such route, and nonsense has none either."""
    assert registry.agreement_of(RouteId(f"fees/{STEP}")).id == "fees"
    assert registry.agreement_of(RouteId(f"source-rejections/{REJECTED}")).id == "source-rejections"
    for wrong in ("fees/feedback.rating.given.v1", "nothing/" + STEP, "fees", "", "fees/"):
        assert registry.agreement_of(RouteId(wrong)) is None


def test_an_agreement_holds_from_its_start_until_before_its_end(folder):
    """The first moment belongs to the agreement, the last one does not."""
    folder.replace("agreements/fees.yaml", "+03:30}", "+03:30, until: 2027-03-21T00:00:00+03:30}")
    agreement = folder.load().agreements["fees"]
    start, end = datetime(2026, 3, 20, 20, 30, tzinfo=UTC), datetime(2027, 3, 20, 20, 30, tzinfo=UTC)
    assert [
        agreement.in_force(at)
        for at in (start.replace(second=0, minute=29), start, end.replace(minute=29), end)
    ] == [False, True, True, False]


def test_an_allow_list_withholds_fields_that_a_later_version_adds(registry):
    """Deny by default as schemas grow: what `only` does not name never passes."""
    agreement = registry.agreements["fees"]
    fields = ["service_id", "fee_amount", "handled_by", "added_later"]
    assert {"handled_by", "added_later"} == agreement.mask(SUBMITTED, fields)


def test_a_deny_list_withholds_only_fields_that_the_contract_has(registry):
    """An older version without the field has nothing to withhold."""
    agreement = registry.agreements["fees"]
    assert {"handled_by"} == agreement.mask(STEP, ["service_id", "handled_by", "added_later"])
    assert frozenset() == agreement.mask(STEP, ["service_id"])


def test_the_system_agencies_are_there_without_a_file(registry):
    """The hub, the window and supervision are agencies of every registry."""
    assert {"hub", "window", "supervision"} <= registry.agencies.keys()
