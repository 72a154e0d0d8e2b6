"""Coordination: who exchanges with whom, where cases wait between agencies, who is late, who overlaps."""

from __future__ import annotations

from hub.indicators.model import Definition, EvidenceKind

HAND_OFF_BREAKDOWNS = ((), ("holder",), ("giver", "holder"))


def _of_graph(
    name: str,
    title: tuple[str, str],
    meaning: tuple[str, str],
    formula: str,
    unit: str,
    *,
    evidence: EvidenceKind = "flows",
    periods: tuple[str, ...] = ("month", "year", "all"),
) -> Definition:
    return Definition(
        id=f"coordination.{name}",
        version=1,
        family="coordination",
        title_fa=title[0],
        title_en=title[1],
        meaning_fa=meaning[0],
        meaning_en=meaning[1],
        formula=formula,
        unit=unit,
        basis="measured",
        evidence=evidence,
        periods=periods,
        better="higher" if unit == "ratio" else "lower" if name != "best-agreement" else "neither",
        people=False,
    )


GRAPH = (
    _of_graph(
        "islands",
        ("جزیره‌ها", "Islands"),
        (
            (
                "مجموعه‌های دستگاه‌هایی که با آنچه واقعاً جاری شده به یکدیگر و از یکدیگر راه دارند؛ "
                "دستگاه تنها هم جزیره است."
            ),
            (
                "Sets of agencies that reach each other, both ways, through what really flowed in the "
                "period; an agency alone is an island too. hub, window and supervision are left out."
            ),
        ),
        "count of strongly connected components of the graph of accepted events",
        "islands",
    ),
    _of_graph(
        "weak-components",
        ("مؤلفه‌های ضعیف", "Weak components"),
        (
            "مجموعه‌های دستگاه‌هایی که دست‌کم یک‌سویه به هم پیوسته‌اند.",
            "Sets of agencies joined by what flowed, in whichever direction.",
        ),
        "count of weakly connected components of the same graph",
        "components",
    ),
    _of_graph(
        "exchanging-share",
        ("سهم دستگاه‌های در تبادل", "Share of agencies that exchange"),
        (
            "دستگاه‌هایی که در دوره چیزی به دستگاه دیگر داده یا از آن گرفته‌اند.",
            "Agencies that gave another one something in the period, or got something.",
        ),
        "agencies with an accepted event to or from another / agencies",
        "ratio",
    ),
    _of_graph(
        "agreements-used",
        ("سهم توافق‌های به‌کاررفته", "Share of agreed exchanges that are used"),
        (
            "از جفت‌های دستگاه که توافق اجازه می‌دهد، در چه سهمی چیزی جاری شده است.",
            (
                "Of the pairs of agencies that an agreement in force lets exchange, the share where "
                "something flowed; details list those unused, and flows no longer agreed to."
            ),
        ),
        "allowed pairs with an accepted event / allowed pairs",
        "ratio",
    ),
    _of_graph(
        "best-agreement",
        ("مؤثرترین توافق بعدی", "The single agreement that joins the most"),
        (
            "یک جریان یک‌سویه تازه که بیشترین جزیره‌ها را یکی می‌کند؛ جزئیات می‌گوید کدام دستگاه‌ها را.",
            (
                "By how many one new flow, from one agency to another, would lessen the islands at most; "
                "details name it and the agencies it would join."
            ),
        ),
        "max over pairs of (islands now − islands with a flow from source to recipient)",
        "islands",
    ),
    _of_graph(
        "overlaps",
        ("تکلیف‌های موازی", "Overlapping obligations"),
        (
            "تکلیف‌هایی که بیش از یک دستگاه خود را مسئول آن می‌داند: شناسه یکسان، یا منبع قانونی و سنجه یکسان.",
            (
                "Obligations that more than one agency owns: with the same id, or the same legal source and "
                "measure."
            ),
        ),
        "count of sets of obligations of different owners with the same id, or the same source and measure",
        "overlaps",
        evidence="obligations",
        periods=("all",),
    ),
)

HAND_OFFS = (
    Definition(
        id="coordination.handoffs",
        version=1,
        family="coordination",
        title_fa="تحویل پرونده میان دستگاه‌ها",
        title_en="Hand-offs between agencies",
        meaning_fa="گذر پرونده از دستگاهی به دستگاه دیگر (بر پایه ماه آغاز پرونده).",
        meaning_en="Passings of a case from one agency to the next, by the month in which the case started.",
        formula="count of hand-offs",
        unit="hand-offs",
        basis="measured",
        evidence="hand-offs",
        breakdowns=HAND_OFF_BREAKDOWNS,
        counts=True,
        group="handoffs",
    ),
    *(
        Definition(
            id=f"coordination.handoff-{kind}",
            version=1,
            family="coordination",
            title_fa=f"{title_fa} انتظار پس از تحویل",
            title_en=f"{title_en} waiting after a hand-off",
            meaning_fa="از تحویل پرونده تا نخستین رویداد دستگاه گیرنده.",
            meaning_en="From the passing of a case to the first event of the agency that holds it then.",
            formula=f"percentile_cont({rank}) of the seconds, exact, linear interpolation",
            unit="seconds",
            basis="measured",
            evidence="hand-offs",
            breakdowns=HAND_OFF_BREAKDOWNS,
            better="lower",
            group="handoffs-taken",
        )
        for kind, rank, title_fa, title_en in (
            ("median", "0.5", "میانه", "Median"),
            ("p90", "0.9", "صدک ۹۰", "90th percentile of the"),
        )
    ),
)

STEPS = (
    Definition(
        id="coordination.late-steps",
        version=1,
        family="coordination",
        title_fa="گام‌های دیرکرده",
        title_en="Late steps",
        meaning_fa="گام‌هایی که پس از مهلت انجام شده‌اند یا بازند و مهلتشان گذشته است، "
        "بر پایه دستگاه مسئول گام.",
        meaning_en="Steps done after their deadline, or open past it at the clock, by their owner.",
        formula="done late + open past the deadline",
        unit="steps",
        basis="measured",
        evidence="steps",
        breakdowns=((), ("holder",)),
        better="lower",
        counts=True,
        group="late-steps",
    ),
    Definition(
        id="coordination.steps-in-time",
        version=1,
        family="coordination",
        title_fa="سهم گام‌های به‌موقع هر دستگاه",
        title_en="Share of an agency's steps done in time",
        meaning_fa="از گام‌های مهلت‌دار که دستگاه انجام داده، چه سهمی به‌موقع بوده است.",
        meaning_en="Of the steps with a deadline that an agency owned and that were done, the share in time.",
        formula="(done with a deadline − done late) / done with a deadline",
        unit="ratio",
        basis="measured",
        evidence="steps",
        breakdowns=((), ("holder",)),
        better="higher",
        group="step-with-deadline",
        part="step-in-time",
    ),
    Definition(
        id="coordination.agencies-per-case",
        version=1,
        family="coordination",
        title_fa="دستگاه‌ها در هر پرونده",
        title_en="Agencies reached per case",
        meaning_fa="میانگین شمار دستگاه‌هایی که پرونده‌های آغازشده در دوره به آن‌ها رسیده‌اند.",
        meaning_en="Mean number of agencies that the cases started in the period have reached; details count "
        "the cases by that number.",
        formula="sum over cases of the agencies reached / cases started",
        unit="agencies per case",
        basis="measured",
        evidence="cases",
        breakdowns=((), ("journey",)),
        group="started",
        tallies=("cases_by_agencies",),
    ),
)

DEFINITIONS = (*GRAPH, *HAND_OFFS, *STEPS)
