"""Completion: what became of cases, in how much time, against which deadlines, without typing data again."""

from __future__ import annotations

from hub.indicators.model import Definition

BREAKDOWNS = (
    (),
    ("journey",),
    ("agency",),
    ("channel",),
    ("province",),
    ("journey", "agency"),
    ("journey", "channel"),
    ("journey", "province"),
)
"""`agency` is the one that opened the case."""

STEP_BREAKDOWNS = ((), ("journey",), ("journey", "step"))


def _count(id_: str, title_fa: str, title_en: str, meaning_fa: str, meaning_en: str) -> Definition:
    name = id_.removeprefix("completion.")
    return Definition(
        id=id_,
        version=1,
        family="completion",
        title_fa=title_fa,
        title_en=title_en,
        meaning_fa=meaning_fa,
        meaning_en=meaning_en,
        formula="count of cases",
        unit="cases",
        basis="measured",
        evidence="cases",
        breakdowns=BREAKDOWNS,
        better="lower" if name in {"stuck", "late-open"} else "neither",
        counts=True,
        group=name,
    )


COUNTS = (
    _count(
        "completion.started",
        "پرونده‌های آغازشده",
        "Cases started",
        "پرونده‌هایی که در دوره آغاز شده‌اند.",
        "Cases that started in the period: by what the starting event says, else by its time.",
    ),
    _count(
        "completion.completed",
        "پرونده‌های پایان‌یافته",
        "Cases completed",
        "پرونده‌هایی که در دوره به پایان رسیده‌اند.",
        "Cases that were completed in the period.",
    ),
    _count(
        "completion.withdrawn",
        "پرونده‌های پس‌گرفته‌شده",
        "Cases withdrawn",
        "پرونده‌هایی که در دوره پس گرفته شده‌اند.",
        "Cases that were withdrawn in the period.",
    ),
    _count(
        "completion.open",
        "پرونده‌های باز",
        "Cases open",
        "پرونده‌های آغازشده در دوره که هنوز بازند.",
        "Cases that started in the period and are still open.",
    ),
    _count(
        "completion.stuck",
        "پرونده‌های راکد",
        "Cases stuck",
        "پرونده‌های باز که از زمان رکود مسیرشان گذشته و رویدادی نداشته‌اند.",
        "Open cases that have had no event for longer than their journey allows, at the programme's clock.",
    ),
    _count(
        "completion.late-open",
        "پرونده‌های باز دیرکرده",
        "Open cases past their deadline",
        "پرونده‌های باز که مهلتشان بر پایه ساعت برنامه گذشته است.",
        "Open cases whose deadline the programme's clock has passed.",
    ),
    _count(
        "completion.unstarted",
        "پرونده‌های بی‌آغاز",
        "Cases without a start",
        "پرونده‌هایی که هیچ رویدادشان مسیری را آغاز نکرده است.",
        "Cases of which no event starts a journey; they count nowhere else in this family.",
    ),
)

RATIOS = (
    Definition(
        id="completion.completed-share",
        version=1,
        family="completion",
        title_fa="سهم پایان‌یافته از آغازشده",
        title_en="Share of started cases that are completed",
        meaning_fa="از پرونده‌های آغازشده در دوره، چه سهمی تاکنون به پایان رسیده‌اند.",
        meaning_en="Of the cases that started in the period, the share completed up to now.",
        formula="completed of those started / started",
        unit="ratio",
        basis="measured",
        evidence="cases",
        breakdowns=BREAKDOWNS,
        better="higher",
        group="started",
        part="started-completed",
    ),
    Definition(
        id="completion.in-time",
        version=1,
        family="completion",
        title_fa="سهم به‌موقع",
        title_en="Share of cases ended in time",
        meaning_fa="از پرونده‌های مهلت‌دار که در دوره پایان یافته‌اند، چه سهمی تا مهلت خود پایان یافته‌اند.",
        meaning_en="Of the cases with a deadline that ended in the period, the share that ended by it.",
        formula="(ended with a deadline − ended late) / ended with a deadline",
        unit="ratio",
        basis="measured",
        evidence="cases",
        breakdowns=BREAKDOWNS,
        better="higher",
        group="ended-with-deadline",
        part="ended-in-time",
    ),
    Definition(
        id="completion.once-only",
        version=1,
        family="completion",
        title_fa="نسبت یک‌بار ورود داده",
        title_en="Once-only ratio",
        meaning_fa="از گام‌هایی که گفته‌اند داده دوباره تایپ شده یا نه، چه سهمی بدون تایپ دوباره بوده‌اند.",
        meaning_en="Of the steps whose event says whether a person typed data again, the share where nobody "
        "did; of cases that ended in the period.",
        formula="(steps told − steps retyped) / steps told",
        unit="ratio",
        basis="measured",
        evidence="steps",
        breakdowns=BREAKDOWNS,
        better="higher",
        group="steps-told",
        part="steps-not-retyped",
    ),
    Definition(
        id="completion.step-in-time",
        version=1,
        family="completion",
        title_fa="سهم به‌موقع هر گام",
        title_en="Share of steps done in time",
        meaning_fa="از گام‌های مهلت‌دارِ انجام‌شده، چه سهمی تا مهلت خود انجام شده‌اند (بر پایه ماه آغاز پرونده).",
        meaning_en="Of the steps with a deadline that were done, the share done by it.",
        formula="(done with a deadline − done late) / done with a deadline",
        unit="ratio",
        basis="measured",
        evidence="steps",
        breakdowns=STEP_BREAKDOWNS,
        better="higher",
        group="step-with-deadline",
        part="step-in-time",
    ),
)


def _percentile(what: str, kind: str) -> Definition:
    half = kind == "median"
    of_case = what == "duration"
    subject_fa = "زمان سرتاسری" if of_case else "زمان گام"
    return Definition(
        id=f"completion.{what}-{kind}",
        version=1,
        family="completion",
        title_fa=f"{'میانه' if half else 'صدک ۹۰'} {subject_fa}",
        title_en=f"{'Median' if half else '90th percentile of the'} "
        f"{'end-to-end time' if of_case else 'time of a step'}",
        meaning_fa="از آغاز تا پایان پرونده‌های پایان‌یافته در دوره؛ دقیق، با درون‌یابی خطی."
        if of_case
        else "از ورود تا انجام گام، بر پایه ماه آغاز پرونده؛ دقیق، با درون‌یابی خطی.",
        meaning_en="From start to end of the cases completed in the period, in calendar time."
        if of_case
        else "From entering a step to its completion, by the month in which the case started.",
        formula=f"percentile_cont({'0.5' if half else '0.9'}) of the seconds, exact, linear interpolation",
        unit="seconds",
        basis="measured",
        evidence="cases" if of_case else "steps",
        breakdowns=BREAKDOWNS if of_case else (("journey", "step"),),
        better="lower",
        group="completed" if of_case else "step-done",
    )


PERCENTILES = tuple(_percentile(what, kind) for what in ("duration", "step") for kind in ("median", "p90"))

DEFINITIONS = (*COUNTS, *RATIOS, *PERCENTILES)
