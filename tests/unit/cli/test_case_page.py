"""The page of a case in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.api.timelines import document
from hub.cli.case_page import lines
from hub.cli.case_words import NOTES, WORDS
from hub.cli.jalali import jalali
from hub.journeys import notes
from hub.journeys.book import Book
from hub.journeys.timeline import timeline
from hub.registry.journeys import Dropped, Migration
from tests.unit.journeys.making import (
    CASE,
    START,
    STEP,
    SUBMITTED,
    book,
    done,
    edition,
    event,
    journey,
    licence,
    step,
)

ZONE = ZoneInfo("Asia/Tehran")
TEHRAN = START + timedelta(days=30)


def told(*events, clock=TEHRAN):
    return timeline(CASE, events, book(licence()), clock)


def some():
    named = replace(
        event(STEP, "city", 5), data={"activity_name": "Looked at", "group": "desk", "handled_by": "secret-7"}
    )
    return told(event(SUBMITTED), named, done("check", "bank", 6), done("check", "tax", 72))


def test_the_english_page_says_what_happened_who_had_it_and_what_is_next():
    """With deadlines in the reader's zone, the rule that says so, and what was odd."""
    page = "\n".join(lines(some(), "en", ZONE))
    assert page.startswith(f"Case {CASE}\n")
    for part in ("What is next", "What happened", "Who had it", "opens the case", "completes the step"):
        assert part in page
    assert "2026-05-04 09:30" in page
    assert "late (" in page
    assert "an agency did a step that is not its own" in page


def test_the_persian_page_runs_from_right_to_left_with_jalali_dates_beside():
    """Every line begins with the mark; what is not Persian is isolated, each isolation closed in its line."""
    page = list(lines(some(), "fa", ZONE))
    assert all(line.startswith("\u200f") for line in page)
    assert all(line.count("\u2066") == line.count("\u2069") for line in page)
    assert any("1405-02-14 (2026-05-04) 09:30" in line for line in page)
    assert any("گام بعدی" in line for line in page)


@pytest.mark.parametrize("language", ["fa", "en"])
def test_who_in_an_office_did_something_is_told_nowhere(language):
    """Neither on the page nor in the document."""
    assert "secret-7" not in "\n".join(lines(some(), language, ZONE))
    assert "secret-7" not in str(document(some()))


def test_a_move_to_another_version_is_told_in_both_languages_with_its_reasons():
    """Between the events, with the titles that steps had then; in the document as well."""
    first = journey(step("check", owners=["tax"]), step("stamp", owners=["city"]))
    named = replace(step("audit", owners=["tax"]), title_fa="حسابرسی", title_en="Audit")
    lost = Dropped("stamp", "مهر برچیده شد", "Stamps are abolished")
    migration = Migration(frozenset({1}), (("check", "audit"),), (lost,))
    second = journey(named, step("visit", owners=["city"]), version=2, migrations=(migration,))
    editions = [edition(first), edition(second, number=2, appended_at=START + timedelta(hours=5))]
    made = timeline(CASE, [event(SUBMITTED)], Book(editions), TEHRAN, 2)
    page = list(lines(made, "en", ZONE))
    place = next(number for number, line in enumerate(page) if "moves to another version" in line)
    assert page[place] == (
        "  2026-05-04 14:30  the case moves to another version of its journey: licence@1 → licence@2  "
        "(edition of the agency registry 2)"
    )
    assert page[place + 1 : place + 4] == [
        '      "check": the step goes on as "Audit"',
        '      drops the step "stamp" · Stamps are abolished',
        '      begins the step "visit" city',
    ]
    assert '    begins the step "check" tax' in "\n".join(page[:place])
    persian = "\n".join(lines(made, "fa", ZONE))
    assert "مهر برچیده شد" in persian
    assert "«حسابرسی»" in persian
    assert "ویرایش دفتر دستگاه‌ها" in persian
    entry = document(made)["timeline"][1]
    assert (entry["moved"], entry["type"]) == ({"from": 1, "to": 2, "edition": 2}, None)
    assert entry["means"][1]["reason_en"] == "Stamps are abolished"
    assert {each["step"]: each["title_en"] for each in document(made)["steps"]} == {
        "audit": "Audit",
        "stamp": "stamp",
        "visit": "visit",
    }


def test_a_case_without_a_journey_is_told_too():
    """It says that it follows none, and still what happened."""
    page = "\n".join(lines(told(done("check", "tax", 1)), "en", ZONE))
    assert "follows no declared journey" in page
    assert "no event starts a journey" in page


def test_every_note_and_word_is_told_in_both_languages():
    """A note that a fold can give has its words."""
    assert set(NOTES) == notes.ALL
    assert all(fa and en and fa != en for fa, en in (*NOTES.values(), *WORDS.values()))


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(1979, 2, 11), "1357-11-22"),
        (date(2010, 10, 2), "1389-07-10"),
        (date(2021, 3, 20), "1399-12-30"),
        (date(2021, 3, 21), "1400-01-01"),
        (date(2024, 3, 20), "1403-01-01"),
        (date(2025, 3, 20), "1403-12-30"),
        (date(2026, 3, 20), "1404-12-29"),
        (date(1700, 1, 1), None),
    ],
)
def test_days_of_the_persian_calendar(day, told):
    """Published dates, leap years on both sides; nothing where the rule does not hold."""
    assert jalali(day) == told
