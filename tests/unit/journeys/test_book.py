"""Which journey a case follows: by edition, event, service and opener."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.contracts.names import AgencyCode
from hub.errors import ContractError
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.registry.model import ALWAYS
from tests.unit.journeys.making import (
    APPLIED,
    CASE,
    CHANGED,
    START,
    SUBMITTED,
    book,
    calendar,
    edition,
    event,
    journey,
    licence,
    rows,
    step,
)

SECOND = START + timedelta(hours=10)


def chosen(found, event, opener="city"):
    made = found.choose(event, opener)
    return made and made.journey.reference


def test_a_case_follows_the_newest_edition_appended_before_its_start_was_accepted():
    """At the moment of the append it counts already; when it happened does not matter."""
    editions = Book([edition(licence(version=2), number=2, appended_at=SECOND), edition(licence())])
    tick = timedelta(milliseconds=1)
    for accepted, version in ((SECOND - tick, 1), (SECOND, 2), (SECOND + tick, 2)):
        assert chosen(editions, event(SUBMITTED, hours=99, accepted=accepted)) == f"licence@{version}"


def test_a_start_accepted_before_the_first_edition_follows_the_oldest_that_has_a_journey():
    """So a gate whose clock is behind, or a log older than the registry, finds its journey."""
    editions = Book([edition(number=1), edition(licence(), number=2), edition(licence(version=2), number=3)])
    assert chosen(editions, event(SUBMITTED, accepted=APPLIED - timedelta(days=1))) == "licence@1"


def test_a_journey_declared_later_does_not_reach_back():
    """The edition in force had none: the case follows none, now and in a rebuild."""
    later = [edition(number=1), edition(licence(), number=2, appended_at=SECOND)]
    assert chosen(Book(later), event(SUBMITTED, accepted=START)) is None
    assert chosen(Book(later[:1]), event(SUBMITTED, accepted=START)) is None


def test_an_edition_appended_with_an_earlier_time_counts_from_the_one_before_it():
    """A broker's clock that was set back does not put an older edition in force again."""
    editions = Book([edition(licence(), appended_at=SECOND), edition(licence(version=2), number=2)])
    assert chosen(editions, event(SUBMITTED, accepted=SECOND)) == "licence@2"
    assert chosen(editions, event(SUBMITTED, accepted=START)) == "licence@1"


def test_an_edition_without_a_time_was_always_in_force():
    """A registry that came without the broker's times."""
    assert chosen(Book([edition(licence(), appended_at=ALWAYS)]), event(SUBMITTED)) == "licence@1"


def test_services_and_openers_narrow_which_cases_follow_a_journey():
    """The narrower journey goes before the wider one."""
    starts = licence().starts
    wide = journey(step("a"), id_="wide")
    by_service = journey(step("a"), id_="by-service", services=frozenset({"s1"}))
    by_opener = journey(step("a"), id_="by-opener", openers=frozenset({AgencyCode("zoo")}))
    both = replace(by_service, id="both", openers=frozenset({AgencyCode("zoo")}))
    found = book(wide, by_service, by_opener, both, replace(wide, id="other", starts=starts[1:]))
    asked = event(SUBMITTED, service_id="s1")
    assert chosen(found, asked) == "by-service@1"
    assert chosen(found, asked, "zoo") == "both@1"
    assert chosen(found, event(SUBMITTED, service_id="s2"), "zoo") == "by-opener@1"
    assert chosen(found, event(SUBMITTED)) == "wide@1"
    assert chosen(found, event(CHANGED, register="births")) == "other@1"
    assert chosen(book(by_service), event(SUBMITTED)) is None


def test_a_case_keeps_the_calendar_of_its_journeys_edition():
    """A calendar changed later, under the same version of the journey, is not the case's."""
    wider = calendar(version=2, weekend=frozenset({3, 4}))
    editions = Book([edition(licence()), edition(licence(), number=2, appended_at=SECOND, calendars=[wider])])
    old = Fold.fold(CASE, [event(SUBMITTED)], editions)
    new = Fold.fold(CASE, [event(SUBMITTED, accepted=SECOND)], editions)
    assert [fold.rows().case.calendar for fold in (old, new)] == ["iran@1", "iran@2"]
    assert old.rows().case.deadline_at < new.rows().case.deadline_at
    for fold in (old, new):
        assert Fold.of(CASE, fold.document(), editions).rows().case == fold.rows().case
    assert editions.named("licence", 1)[1] == wider
    assert editions.named("licence", 1, "iran@1")[1] == calendar()


def test_a_document_whose_journey_the_book_lacks_says_what_to_do():
    """A registry topic that lost an edition must not make cases follow another version."""
    document = Fold.fold(CASE, [event(SUBMITTED)], book(licence())).document()
    with pytest.raises(ContractError, match=r"licence@1 with calendar iran@1.*hub rebuild cases"):
        Fold.of(CASE, document, book(licence(version=2)))


def test_a_journey_without_its_calendar_is_refused():
    """Its deadlines could not be told."""
    with pytest.raises(ContractError, match="names calendar iran, which its edition lacks"):
        Book([edition(licence(), calendars=[calendar(id="other")])]).choose(event(SUBMITTED), "city")


def test_a_circle_of_steps_is_waited_for_and_not_run_into():
    """`hub plan` refuses one; the fold of a case must not hang on it."""
    circle = journey(step("a", after=[["b"]]), step("b", after=[["a"]]), step("c"))
    assert {row.step: row.state for row in rows([event(SUBMITTED)], circle).steps} == {
        "a": "waiting",
        "b": "waiting",
        "c": "open",
    }
