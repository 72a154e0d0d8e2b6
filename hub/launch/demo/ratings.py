"""Ratings that the demo invents: as events, and as JSON documents in structured mode. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.sdk import Event
from hub.contracts.names import AgencyCode, source_uri
from hub.launch.demo.invented import OFFICE, RATED
from hub.launch.demo.mapping import letters

FEEDBACK = 200
STRUCTURED = 50


def feedback() -> Iterator[Event]:
    """Yield ratings through the year 2011, so many each month."""
    for number in range(FEEDBACK):
        data = {
            "service_id": RATED[number % 2],
            "rating": 1 + number * 7 % 5,
            "aspect": "whole",
            "solved": number % 3 > 0,
        }
        yield Event(
            type="feedback.rating.given.v1",
            data=data,
            channel="mobile",
            id=letters("feedback", number),
            time=datetime(2011, 1 + number % 12, 1 + number % 28, 6, 30, tzinfo=UTC),
        )


def structured() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ratings as JSON documents, each with its id."""
    for number in range(STRUCTURED):
        name = letters("structured", number)
        yield (
            name,
            {
                "specversion": "1.0",
                "id": name,
                "source": source_uri(AgencyCode(OFFICE), "customer-contact"),
                "type": "feedback.rating.given.v1",
                "time": "2011-03-21T08:30:00+03:30",
                "channel": "counter",
                "data": {
                    "service_id": "environmental-permit-receipt",
                    "rating": 1 + number % 5,
                    "rating_max": 5,
                },
            },
        )
