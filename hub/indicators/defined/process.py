"""Process: what the log of an agency or a journey looks like, also where cases follow no journey."""

from __future__ import annotations

from hub.indicators.model import Definition

BREAKDOWNS = ((), ("agency",), ("journey",))


def _of_log(
    name: str,
    title: tuple[str, str],
    meaning: tuple[str, str],
    formula: str,
    unit: str,
    *,
    counts: bool = False,
    part: str | None = None,
    tallies: tuple[str, ...] = (),
) -> Definition:
    return Definition(
        id=f"process.{name}",
        version=1,
        family="process",
        title_fa=title[0],
        title_en=title[1],
        meaning_fa=meaning[0],
        meaning_en=meaning[1],
        formula=formula,
        unit=unit,
        basis="measured",
        evidence="cases",
        breakdowns=BREAKDOWNS,
        periods=("all",),
        better="lower" if unit == "seconds" else "neither",
        counts=counts,
        group="cases",
        part=part,
        tallies=tallies,
    )


DEFINITIONS = (
    _of_log(
        "cases",
        ("پرونده‌ها", "Cases"),
        ("همه پرونده‌هایی که دست‌کم یک رویداد دارند.", "All cases with at least one event."),
        "count of cases",
        "cases",
        counts=True,
    ),
    _of_log(
        "events",
        ("رویدادهای پرونده‌ها", "Events of cases"),
        ("رویدادهای همه پرونده‌ها.", "The events of all cases."),
        "count of events",
        "events",
    ),
    _of_log(
        "variants",
        ("گونه‌های فرایند", "Variants"),
        ("دنباله‌های متفاوت فعالیت در پرونده‌ها.", "Distinct sequences of activities of a case."),
        "count of distinct sequences of activities, events in order of time and, in a tie, of the log",
        "variants",
    ),
    _of_log(
        "start-activities",
        ("فعالیت‌های آغازین", "Start activities"),
        ("فعالیت‌های نخست و شمار پرونده‌های هر یک.", "First activities, and the cases that begin so."),
        "count of distinct first activities",
        "activities",
        tallies=("cases_by_activity",),
    ),
    _of_log(
        "end-activities",
        ("فعالیت‌های پایانی", "End activities"),
        ("فعالیت‌های آخر و شمار پرونده‌های هر یک.", "Last activities, and the cases that end so."),
        "count of distinct last activities",
        "activities",
        tallies=("cases_by_activity",),
    ),
    _of_log(
        "completed-share",
        ("سهم پایان‌یافته", "Share completed"),
        ("سهم پرونده‌های پایان‌یافته از همه پرونده‌ها.", "Completed cases of all cases."),
        "completed cases / cases",
        "ratio",
        part="completed",
    ),
    _of_log(
        "throughput-median",
        ("میانه زمان گذر", "Median throughput time"),
        ("از نخستین تا آخرین رویداد، همه پرونده‌ها.", "From first to last event, of all cases, ended or not."),
        "percentile_cont(0.5) of the seconds, exact, linear interpolation",
        "seconds",
    ),
    _of_log(
        "throughput-p90",
        ("صدک ۹۰ زمان گذر", "90th percentile of throughput time"),
        ("از نخستین تا آخرین رویداد، همه پرونده‌ها.", "From first to last event, of all cases, ended or not."),
        "percentile_cont(0.9) of the seconds, exact, linear interpolation",
        "seconds",
    ),
    _of_log(
        "handovers-units",
        ("تحویل میان واحدها", "Hand-overs between units"),
        (
            "دو رویداد پیاپی یک پرونده که واحد رسیدگی‌کننده‌شان یکی نیست.",
            "Two events in a row of one case, handled by two different units.",
        ),
        "count of pairs of events in a row in a case whose units differ",
        "hand-overs",
        tallies=("pairs",),
    ),
    _of_log(
        "handovers-persons",
        ("تحویل میان کارکنان", "Hand-overs between persons"),
        (
            "دو رویداد پیاپی یک پرونده که رسیدگی‌کننده‌شان یکی نیست؛ نام کسی منتشر نمی‌شود.",
            "Two events in a row of one case, handled by two persons; who they are is not published.",
        ),
        "count of pairs of events in a row in a case whose persons differ",
        "hand-overs",
    ),
)
