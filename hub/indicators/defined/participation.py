"""Participation: the three levels of the UN's index as countable facts, outcomes in time, satisfaction."""

from __future__ import annotations

from hub.indicators.model import Definition


def _asked(name: str, title: tuple[str, str], meaning: tuple[str, str], formula: str) -> Definition:
    return Definition(
        id=f"participation.{name}",
        version=1,
        family="participation",
        title_fa=title[0],
        title_en=title[1],
        meaning_fa=meaning[0],
        meaning_en=meaning[1],
        formula=formula,
        unit="ratio" if name == "outcome-in-time" else "consultations",
        basis="measured" if name == "outcome-in-time" else "declared",
        evidence="consultations",
        breakdowns=((), ("agency",)),
        better="higher",
        people=False,
    )


DEFINITIONS = (
    _asked(
        "information",
        ("اطلاع‌رسانی", "Information"),
        (
            "نظرخواهی‌هایی که پرسش یا اسناد یا نشانی آن‌ها منتشر شده است (سطح اطلاع‌رسانی).",
            "Matters opened to the public with something to read: a question, documents or an address.",
        ),
        "count of consultations opened with a question, a document or a homepage",
    ),
    _asked(
        "consultation",
        ("مشورت", "Consultation"),
        (
            "نظرخواهی‌هایی که دست‌کم یک نظر دریافت کرده‌اند (سطح مشورت).",
            "Matters of level consultation or decision_making on which at least one view came.",
        ),
        "count of consultations of level consultation or decision_making with at least one contribution",
    ),
    _asked(
        "decision-making",
        ("تصمیم‌گیری", "Decision-making"),
        (
            "نظرخواهی‌هایی که تصمیم آن‌ها با اثر نظرها منتشر شده است (سطح تصمیم‌گیری).",
            "Matters whose decision was published together with what the views changed.",
        ),
        "count of consultations concluded with a decision (not unknown, not postponed) and a stated effect",
    ),
    _asked(
        "outcome-in-time",
        ("انتشار به‌موقع نتیجه", "Outcomes published in time"),
        (
            "از نظرخواهی‌هایی که زمان انتشار نتیجه‌شان رسیده، چه سهمی تا آن زمان نتیجه را منتشر کرده‌اند.",
            (
                "Of the consultations whose outcome is due (on the day they named, else 30 days after they "
                "closed) or published, the share published by then."
            ),
        ),
        "concluded by the due moment / (due at the clock or concluded)",
    ),
    Definition(
        id="participation.contributions",
        version=1,
        family="participation",
        title_fa="نظرهای دریافت‌شده",
        title_en="Views given",
        meaning_fa="نظرهای داده‌شده در نظرخواهی‌ها، بر پایه ماه گشایش نظرخواهی.",
        meaning_en="Views given in consultations, by the month in which the consultation opened.",
        formula="count of contributions",
        unit="contributions",
        basis="measured",
        evidence="consultations",
        breakdowns=((), ("agency",)),
        better="higher",
        counts=True,
        group="contributions",
    ),
    Definition(
        id="participation.ratings",
        version=1,
        family="participation",
        title_fa="امتیازهای داده‌شده",
        title_en="Ratings given",
        meaning_fa="شمار امتیازهای کاربران به کل یک خدمت.",
        meaning_en="Ratings that users gave to a service as a whole; by agency: of those it collected.",
        formula="count of ratings without an aspect, or with the aspect whole",
        unit="ratings",
        basis="measured",
        evidence="ratings",
        breakdowns=((), ("service",), ("agency",)),
        counts=True,
        group="ratings",
    ),
    Definition(
        id="participation.satisfaction",
        version=1,
        family="participation",
        title_fa="رضایت",
        title_en="Satisfaction",
        meaning_fa="میانگین امتیاز خدمت میان بدترین (صفر) و بهترین (یک)، با اندازه نمونه و بازه ۹۵ درصد.",
        meaning_en="Mean rating of a service between the worst (0) and the best (1) possible, with the size "
        "of the sample.",
        formula="mean of (rating − 1) / (rating_max − 1); interval: Wilson's score interval, 95 %, with the "
        "mean in place of a share, which is never too narrow as no values between 0 and 1 vary more",
        unit="ratio",
        basis="measured",
        evidence="ratings",
        breakdowns=((), ("service",), ("agency",)),
        better="higher",
        group="ratings",
    ),
)
