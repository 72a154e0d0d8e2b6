"""The worked journeys, walked from start to end with the events that their agencies would send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub import resources
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.journeys.events import CaseEvent, Order
from hub.registry.files import load
from hub.registry.records import RegistryReader, encode_edition, number

START = datetime(2026, 11, 22, 6, tzinfo=UTC)  # a Sunday, 9:30 in Tehran


@pytest.fixture(scope="module")
def book(contracts):
    reader = RegistryReader()
    for record in encode_edition(number(load(resources.folder("registry"), contracts), reader)):
        reader.feed(*record, START - timedelta(days=1))
    return Book(reader.editions())


class Walk:
    """A case that events are sent into, an hour apart."""

    def __init__(self, book, journey, opener):
        self.book, self.journey, self.caseid = book, journey, f"{opener}/1"
        self.opener, self.events = opener, []

    def send(self, agency, type_, **data):
        """Send an event, of the journey's service unless said otherwise."""
        at = START + timedelta(hours=len(self.events))
        place = Order(at, f"agency.{agency}.outbox", 0, len(self.events))
        data = {"service_id": next(iter(self.journey.services), None), **data}
        id_ = f"e{len(self.events)}"
        self.events.append(CaseEvent(id_, type_, agency, None, place, at, "online", data))

    def fits(self, match, agency=None):
        """Send an event that fits a match."""
        agency = next(iter(match.agencies), agency or self.opener)
        values = {name: next(iter(sorted(texts))) for name, texts in match.where}
        self.send(agency, match.type, **values)

    def step(self, id_):
        """Send the event that completes a step, from its owner."""
        step = self.journey.by_id[id_]
        self.fits(step.completed_by[0], next(iter(step.owners), None))

    def states(self):
        """Return the case's row and the state of each step's last run."""
        rows = Fold.fold(self.caseid, self.events, self.book).rows()
        return rows.case, {row.step: row.state for row in sorted(rows.steps, key=lambda row: row.run)}


@pytest.fixture
def walk(book):
    def begin(name, opener):
        (edition,) = [page.registry for page in book._pages]
        walk = Walk(book, edition.journeys[name], opener)
        walk.fits(walk.journey.starts[0].match)
        return walk

    return begin


def test_a_loan_takes_one_request_and_four_agencies(walk):
    """Three checks side by side, then decision and payment: no other event of the applicant is needed."""
    loan = walk("loan", "bank")
    assert {step for step, state in loan.states()[1].items() if state == "open"} == {
        "identity", "income", "insurance",
    }  # fmt: skip
    for step in ("insurance", "identity", "income", "decision", "payment"):
        loan.step(step)
    loan.send("bank", "service.request.completed.v1", outcome="delivered")
    case, steps = loan.states()
    assert (case.state, case.outcome, case.notes) == ("completed", "delivered", ())
    assert set(steps.values()) == {"done"}
    assert set(case.agencies) == {"bank", "tax", "social-insurance", "civil-registry"}


def test_a_birth_is_complete_when_all_five_agencies_did_their_part(walk):
    """Nobody asks: the life event starts it, and the last step ends it."""
    birth = walk("birth", "civil-registry")
    ids = [step.id for step in birth.journey.steps]
    for step in ids[:-1]:
        birth.step(step)
    assert birth.states()[0].state == "open"
    birth.step(ids[-1])
    case, _ = birth.states()
    assert (case.state, case.proactive, case.notes) == ("completed", True, ())
    assert len(case.agencies) == 5


def test_a_licence_has_alternatives_a_part_and_a_second_decision(walk):
    """A sub-case stands in for the lease; the optional visit is not waited for; an objection reopens."""
    licence = walk("business-licence", "licensing")
    licence.step("identity")
    licence.step("tax-clearance")
    licence.send("hub", "hub.sub-case.ended.v1", journey="building-permit", sub_case="municipality-1/7")
    _, steps = licence.states()
    assert (steps["premises-permit"], steps["premises-lease"], steps["decision"]) == (
        "done",
        "skipped",
        "open",
    )
    licence.step("decision")
    licence.send("licensing", "service.request.completed.v1", outcome="refused")
    case, steps = licence.states()
    assert (case.state, steps["inspection"]) == ("completed", "skipped")
    licence.fits(licence.journey.reopenings[0].match)
    case, steps = licence.states()
    assert (case.state, case.reopened, steps["decision"]) == ("open", 1, "open")
    licence.step("decision")
    licence.send("licensing", "service.request.completed.v1", outcome="delivered")
    case, steps = licence.states()
    assert (case.state, case.outcome, steps["decision"], case.notes) == ("completed", "delivered", "done", ())


def test_a_building_permit_of_a_licence_tells_its_parent(walk):
    """The premises' permit is a case of the municipality that names the licence's case."""
    permit = walk("building-permit", "municipality-1")
    permit.events[0] = CaseEvent(
        "e0", permit.events[0].type, "municipality-1", None, permit.events[0].order, START, "online",
        {"service_id": "environmental-permit", "parent_case": "licensing/1"},
    )  # fmt: skip
    permit.send("municipality-1", "service.request.completed.v1", outcome="delivered")
    rows = Fold.fold(permit.caseid, permit.events, permit.book).rows()
    assert (rows.case.parent, rows.ended.data["journey"]) == ("licensing/1", "building-permit")
    assert rows.ended.caseid == "licensing/1"


def test_a_receipt_is_late_by_its_own_deadline(walk):
    """The deadline is a field of the office's event; the end is another's."""
    receipt = walk("permit-receipt", "permit-office")
    deadline = START + timedelta(days=1)
    receipt.send("permit-office", "service.step.completed.v1", deadline_at=deadline)
    receipt.send("permit-office", "service.request.completed.v1", completed_at=START + timedelta(days=2))
    case, _ = receipt.states()
    assert (case.state, case.deadline_at, case.late) == ("completed", deadline, True)
