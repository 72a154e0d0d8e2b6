"""Programme: what agencies owe, how far it has come, what follows; and the yearly scorecard."""

from __future__ import annotations

from hub.indicators.model import Basis, Definition


def _owed(
    name: str,
    title: tuple[str, str],
    meaning: tuple[str, str],
    formula: str,
    unit: str,
    *,
    breakdowns: tuple[tuple[str, ...], ...] = ((), ("agency",)),
    periods: tuple[str, ...] = ("all",),
    basis: Basis = "declared",
) -> Definition:
    return Definition(
        id=f"programme.{name}",
        version=1,
        family="programme",
        title_fa=title[0],
        title_en=title[1],
        meaning_fa=meaning[0],
        meaning_en=meaning[1],
        formula=formula,
        unit=unit,
        basis=basis,
        evidence="obligations",
        breakdowns=breakdowns,
        periods=periods,
        better={"ratio": "higher", "days": "lower"}.get(unit, "neither"),  # type: ignore[arg-type]
        people=False,
    )


DEFINITIONS = (
    _owed(
        "obligations",
        ("تکلیف‌ها", "Obligations"),
        (
            "تکلیف‌های اعلام‌شده بر پایه دستگاه مسئول و وضعیت در ساعت برنامه.",
            (
                "Obligations declared, by owner and by their state at the programme's clock: open, "
                "fulfilled, overdue, failed, dropped."
            ),
        ),
        "count of obligations",
        "obligations",
        breakdowns=((), ("agency",), ("state",), ("agency", "state")),
    ),
    _owed(
        "realisation-ratio",
        ("نسبت تحقق", "Realisation ratio"),
        (
            "سهم تکلیف‌های انجام‌شده از تکلیف‌های اعلام‌شده، بی کنارگذاشته‌ها.",
            (
                "Share of obligations that are fulfilled. Where an indicator of the hub measures one, that "
                "decides, not what the agency says."
            ),
        ),
        "fulfilled / (declared − dropped)",
        "ratio",
    ),
    _owed(
        "degree",
        ("درجه تحقق", "Degree of realisation"),
        (
            "میانگین پیشرفت تکلیف‌ها به سوی هدف، از صفر تا یک.",
            "Mean over the obligations that are not dropped of how far each has come to its target, 0 to 1.",
        ),
        "mean of clip((value − baseline) / (target − baseline), 0, 1); without a baseline value / target, "
        "for at_most target / value; fulfilled: 1; no value: 0",
        "ratio",
    ),
    _owed(
        "overdue-days",
        ("روزهای گذشته از مهلت", "Days overdue"),
        (
            "مجموع روزهای گذشته از مهلت تکلیف‌های عقب‌افتاده؛ جزئیات پیامد هر یک را می‌گوید.",
            (
                "Whole days past the deadline, summed over overdue obligations; details name each with its "
                "consequence."
            ),
        ),
        "sum over overdue obligations of floor((clock − deadline) / 1 day)",
        "days",
    ),
    _owed(
        "obligation",
        ("یک تکلیف", "One obligation"),
        (
            "درجه تحقق یک تکلیف؛ جزئیات: مقدار اعلامی و سنجیده، پیش‌بینی، مهلت، پیامد و اعتراض‌ها.",
            (
                "How far one obligation has come; details: declared beside measured value, forecast, "
                "deadline, consequence and objections."
            ),
        ),
        "as programme.degree, of this obligation alone; forecast: least-squares line through the reported "
        "values, 95 % prediction interval (Student's t), none from fewer than 3 reports",
        "ratio",
        breakdowns=(("agency", "obligation"),),
    ),
    _owed(
        "scorecard",
        ("کارنامه سالانه", "Yearly scorecard"),
        (
            "ارزیابی سالانه دستگاه بر پایه درجه، سرعت و کیفیت؛ اجزا در جزئیات است.",
            (
                "An agency's year by degree, speed and quality; the parts stand in the details, so that "
                "anybody can compute it again."
            ),
        ),
        "(0.4 · degree + 0.3 · speed + 0.3 · quality) / (sum of the weights of the parts that are known); "
        "degree: mean degree of its obligations at the year's end (or the clock); "
        "speed: coordination.steps-in-time of the year; "
        "quality: mean of what is known of satisfaction (0 to 1) with its services and completion.once-only",
        "ratio",
        breakdowns=(("agency",),),
        periods=("year",),
        basis="measured",
    ),
)
