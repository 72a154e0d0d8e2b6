"""What people did, written as an event and read again; and the cursor of a list."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.parked import acts
from hub.parked.events import ParkedEvent
from hub.parked.place import Place
from hub.parked.question import Question

AT = datetime(2026, 3, 21, 12, 0, 1, tzinfo=UTC)
CODEC = Codec(Contracts.load())
ORIGIN = Place("agency.city.outbox", 1, 2)
EVENT = ParkedEvent(0, 7, ORIGIN, "city", "city", "frame", "d", "e-1", "a.b.c.v1", None, 3, AT)


def written(said, request_id=None, case=None):
    """Return an act's event as it stands in the hub's inbox."""
    type_, data = said
    headers = acts.event(type_, "id-1", AT, case or request_id).to_headers()
    stamp = [
        (envelope.ORIGIN, b"agency.hub.outbox/2/9"),
        (envelope.ACCEPTED_AT, b"2026-03-21T12:00:02.000Z"),
    ]
    return Record(topics.inbox(topics.HUB), 2, 0, 0, b"k", CODEC.encode(type_, data), [*headers, *stamp])


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_a_settlement_reads_as_it_was_written(action):
    """Origin, who, when and why; and the place that orders settlements of one origin."""
    found = acts.read(written(acts.settled(EVENT, action, "ali", AT, "why")), CODEC)
    assert found == acts.Settlement(
        ORIGIN,
        acts.OUTCOMES[action],
        "ali",
        AT,
        "why",
        "2026-03-21T12:00:02.000Z",
        Place("agency.hub.outbox", 2, 9),
    )


def test_a_request_and_its_decision_read_as_they_were_written():
    """Each origin counts once; both stand under the request's case."""
    asked = acts.Request("r-1", "replay", (ORIGIN,), "ali", AT, "why")
    twice = acts.Request("r-1", "replay", (ORIGIN, ORIGIN), "ali", AT, "why")
    assert acts.read(written(acts.requested(twice), "r-1"), CODEC) == asked
    decided = acts.Decision("r-1", "confirmed", "bita", AT, None)
    assert acts.read(written(acts.decided(decided), "r-1"), CODEC) == decided


@pytest.mark.parametrize(
    ("said", "case"),
    [
        (acts.requested(acts.Request("r-1", "replay", (ORIGIN,), "ali", AT, "x")), "r-2"),
        (acts.requested(acts.Request("r-1", "replay", (ORIGIN,), " ", AT, "x")), None),
        (acts.requested(acts.Request("r-1", "unknown", (ORIGIN,), "ali", AT, "x")), None),
        (acts.decided(acts.Decision("r-1", "unknown", "bita", AT, "x")), None),
        (acts.decided(acts.Decision("r-1", "confirmed", "bita", AT, "x")), "r-2"),
        ((acts.REPLAYED, {"origin": "nowhere", "replayed_by": "ali"}), None),
        ((acts.DISCARDED, {"origin": str(ORIGIN)}), None),
    ],
)
def test_an_act_that_does_not_say_who_and_what_counts_for_nothing(said, case):
    """Nobody's name, another case (so perhaps another partition), an action that is none: refused."""
    with pytest.raises(ContractError):
        acts.read(written(said, "r-1", case), CODEC)


def test_who_asked_never_decides():
    """Four eyes."""
    assert not acts.may_decide("ali", "ali")
    assert acts.may_decide("ali", "bita")


def test_a_cursor_serves_its_own_question_only():
    """It survives the way out and in; with other filters, or forged, it is refused."""
    asked, other = Question(agency="city"), Question(agency="court")
    after = (AT.isoformat(), 3, 9)
    text = asked.cursor(after)
    assert asked.position(text) == after
    for broken in (
        text[:-3],
        "x",
        "",
        asked.cursor(("no time", 1, 1)),
        asked.cursor((AT.isoformat(), -1, 0)),
    ):
        with pytest.raises(ContractError, match="cannot be read"):
            asked.position(broken)
    with pytest.raises(ContractError, match="another query"):
        other.position(text)
