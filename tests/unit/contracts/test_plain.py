"""Data as plain values: what has none is left out, moments are moments, and JSON gives all back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hub.contracts import plain
from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.errors import ContractError

CODEC = Codec(Contracts.load())
SUBMITTED = EventType("service.request.submitted.v1")
DUE = datetime(2026, 3, 21, 5, 0, 0, 250_000, tzinfo=UTC)


def decoded(**data):
    """Return contract and raw data of an event, as a recipient decodes them."""
    return CODEC.decode(CODEC.encode(SUBMITTED, {"service_id": "s", "applicant_kind": "person"} | data))


def test_only_what_has_a_value_is_there_and_moments_are_in_utc():
    """Nulls and empty lists are left out; decimals are text, so that nothing is rounded."""
    found = plain.to_plain(
        *decoded(due_at=DUE, fee_amount=Decimal("12.50"), parts=["a", "b"], complete=False)
    )
    assert found == {
        "service_id": "s",
        "applicant_kind": "person",
        "due_at": DUE,
        "fee_amount": "12.50000",
        "parts": ["a", "b"],
        "complete": False,
    }
    assert found["due_at"].tzinfo is UTC


def test_json_gives_the_same_values_back():
    """As text in a table and read again, by the fields that are moments in any version of the type."""
    found = plain.to_plain(*decoded(due_at=DUE, submitted_at=datetime(1, 1, 1, tzinfo=UTC), answer="«پاسخ»"))
    moments = plain.moments(CODEC.contracts, SUBMITTED)
    assert {"due_at", "submitted_at"} <= moments
    assert "parts" not in moments
    assert plain.load(json.loads(plain.dump(found)), moments) == found


def test_a_type_that_the_hub_does_not_know_has_no_moments():
    """Its events are read as they are."""
    assert plain.moments(CODEC.contracts, EventType("town.bench.painted.v1")) == frozenset()


def test_raw_data_that_do_not_fit_are_refused_by_field():
    """The error names the field and repeats no value."""
    contract, raw = decoded()
    with pytest.raises(ContractError, match=r"parts\[1\]") as error:
        plain.to_plain(contract, raw | {"parts": ["a", 4711]})
    assert "4711" not in str(error.value)
