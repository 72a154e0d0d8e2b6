"""Iran's calendar against what others say of it, and what an update of the library would do."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from hub import resources
from hub.registry.files import load
from hub.registry.plan import plan
from hub.registry.records import RegistryReader

LISTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "iran"
needs_lists = pytest.mark.skipif(not LISTS.is_dir(), reason=f"the lists of real holidays are not at {LISTS}")

# Days of the solar year, from the University of Tehran's calendar of 1405 (2026-03-21 to 2027-03-20).
SOLAR_1405 = (
    *("2026-03-21", "2026-03-22", "2026-03-23", "2026-03-24"),  # Nowruz
    *("2026-04-01", "2026-04-02", "2026-06-04", "2026-06-05", "2027-02-11", "2027-03-20"),
)
# Days of the lunar year, as they were kept.
LUNAR = (
    *("2024-04-10", "2024-04-11", "2025-03-31", "2025-04-01"),  # Eid al-Fitr, two days
    *("2024-07-15", "2024-07-16", "2025-07-05", "2025-07-06"),  # Tasua, Ashura
)


@pytest.fixture(scope="module")
def calendars(contracts):
    return load(resources.folder("registry"), contracts).calendars


@pytest.mark.parametrize("day", [*SOLAR_1405, *LUNAR])
def test_iran_keeps_its_holidays(calendars, day):
    """Solar and lunar holidays are days off, in both of Iran's calendars."""
    assert date.fromisoformat(day) in calendars["iran"].holidays
    assert calendars["iran"].holidays == calendars["iran-offices"].holidays


def test_friday_is_iran_s_weekend_and_thursday_a_choice(calendars):
    """Thursday 3 and Friday 4 December 2026 are no holidays."""
    iran, offices = calendars["iran"], calendars["iran-offices"]
    thursday, friday = date(2026, 12, 3), date(2026, 12, 4)
    assert [iran.is_working_day(day) for day in (thursday, friday)] == [True, False]
    assert [offices.is_working_day(day) for day in (thursday, friday)] == [False, False]


@needs_lists
def test_iran_s_dates_are_those_of_the_kept_list(calendars):
    """Every official holiday of 2022 to 2027 and no other: a changed library is noticed here."""
    years = json.loads((LISTS / "holidays_ir_2022_2027.json").read_text(encoding="utf-8"))["years"]
    listed = {date.fromisoformat(each["date"]) for days in years.values() for each in days}
    assert listed == {day for day in calendars["iran"].holidays if 2022 <= day.year <= 2027}


@needs_lists
def test_every_solar_holiday_of_an_independent_list_is_kept(calendars):
    """The Persian calendar's holidays by month and day, in each Jalali year that the kept list has whole."""
    text = (LISTS / "holidays_ir_2022_2027.json").read_text(encoding="utf-8")
    dates = {each["jalali"]: each["date"] for days in json.loads(text)["years"].values() for each in days}
    events = json.loads((LISTS / "persian-calendar-events.json").read_text(encoding="utf-8"))["data"]
    solar = [
        (each["month"], each["day"])
        for each in events
        if each["type"] == "Iran" and each["holiday"] and each["calendar"] == "Persian"
    ]
    assert len(solar) == 10
    for year in range(1401, 1406):
        for month, day in solar:
            gregorian = date.fromisoformat(dates[f"{year}-{month:02}-{day:02}"])
            assert gregorian in calendars["iran"].holidays


def test_an_applied_calendar_keeps_its_dates_when_the_library_changes(folder, publish, monkeypatch):
    """What was applied holds dates; the plan shows the dates that another edition of the library brings."""
    import holidays

    folder.write(
        "calendars/iran.yaml",
        "id: iran\ntitle: {fa: ایران, en: Iran}\nzone: Asia/Tehran\nweekend: friday\ncountry: IR\n"
        "years: {from: 2026, until: 2027}\n",
    )
    reader = RegistryReader()
    before = publish(reader, folder.load()).calendars["iran"]
    known = holidays.country_holidays

    def updated(*args, **kwargs):
        days = dict(known(*args, **kwargs))
        del days[date(2026, 3, 7)]
        return days | {date(2026, 12, 30): "a day off"}

    monkeypatch.setattr(holidays, "country_holidays", updated)
    text = plan(reader.current, folder.load()).text()
    assert text.splitlines() == [
        "~ calendar iran",
        "    - holidays: 2026-03-07",
        "    + holidays: 2026-12-30",
        "",
        "Plan: 0 to add, 1 to change, 0 to remove.",
    ]
    assert reader.current.calendars["iran"] == before
    after = publish(reader, folder.load())
    assert (after.version, after.calendars["iran"].version) == (2, 2)
    assert reader.edition(1).calendars["iran"] == before
