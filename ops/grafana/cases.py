"""The dashboard `cases`: journeys, who holds them up, and the process that folds them."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.grafana.panels import Bounds, PanelBuilder, Query, Text, bars, board, figure, lines


def cases() -> Dashboard:
    """Return the dashboard."""
    return board(
        "cases",
        Text("پرونده‌ها", "Cases"),
        Text(
            "پرونده‌ها در هر مسیر خدمت، گام‌ها، دست‌به‌دست‌شدن‌ها، و فرایندی که آن‌ها را می‌سازد.",
            "Cases by journey, steps, hand-offs, and the process that makes them.",
        ),
        (Text("اکنون", "Now"), _now()),
        (Text("مسیرهای خدمت", "Journeys"), _journeys()),
        (Text("گام‌ها و دست‌به‌دست‌شدن", "Steps and hand-offs"), _steps()),
        (Text("فرایند", "The process"), _process()),
    )


def _now() -> list[PanelBuilder]:
    return [
        _count(Text("در جریان", "Open"), Text("پرونده‌های باز.", "Open cases."), "open"),
        _count(
            Text("دیرکرده", "Late"),
            Text("باز و گذشته از مهلت.", "Open and past the deadline."),
            "late",
        ),
        _count(
            Text("متوقف", "Stuck"),
            Text("باز و مدت‌ها بی‌رویداد.", "Open, and without an event for too long."),
            "stuck",
        ),
        _count(
            Text("پایان‌یافته", "Completed"), Text("پرونده‌های پایان‌یافته.", "Completed cases."), "completed"
        ),
        _count(
            Text("با دیرکرد پایان‌یافته", "Ended late"),
            Text("پس از مهلت پایان یافته‌اند.", "They ended after their deadline."),
            "ended_late",
        ),
        figure(
            Text("عقب‌ماندگی ساعت برنامه", "The clock is behind by"),
            Text(
                "مهلت‌ها با این ساعت سنجیده می‌شوند؛ در بازپخشِ گذشته عقب‌بودن طبیعی است.",
                "Deadlines are judged by this clock; in a replay of the past it is behind by design.",
            ),
            "s",
            "time() - max(hub_case_clock_timestamp_seconds)",
        ),
        figure(
            Text("اعلان‌های فرستاده‌نشده", "Notices unsent"),
            Text(
                "اعلان‌های سررسید، دیرکرد و ارجاع که هنوز منتشر نشده‌اند.",
                "Due, overdue and escalated events that are decided and not published yet.",
            ),
            "short",
            "max(hub_notices_unsent)",
        ),
    ]


def _count(title: Text, meaning: Text, state: str) -> PanelBuilder:
    query = f'sum(max by (journey) (hub_cases{{state="{state}"}}))'
    return figure(title, meaning, "short", query)


def _journeys() -> list[PanelBuilder]:
    return [
        bars(
            Text("پرونده‌های باز هر مسیر", "Open cases by journey"),
            Text("none: پرونده‌هایی که مسیری ندارند.", "none: cases that follow no journey."),
            "short",
            Query('max by (journey) (hub_cases{state="open"})', "{{journey}}"),
        ),
        bars(
            Text("پرونده‌های دیرکردهٔ هر مسیر", "Late cases by journey"),
            Text("باز و گذشته از مهلت.", "Open and past the deadline."),
            "short",
            Query('max by (journey) (hub_cases{state="late"})', "{{journey}}"),
        ),
        lines(
            Text("پرونده‌ها به تفکیک وضعیت", "Cases by state"),
            Text(
                "stuck و late بخشی از open هستند، ended_late از پایان‌یافته‌ها.",
                "stuck and late are among the open ones, ended_late among those that ended.",
            ),
            "short",
            Query("sum by (state) (max by (journey, state) (hub_cases))", "{{state}}"),
        ),
        lines(
            Text("سهم دیرکرده‌ها از بازها", "Share of open cases that are late"),
            Text("به تفکیک مسیر خدمت.", "By journey."),
            "percentunit",
            Query(
                'max by (journey) (hub_cases{state="late"})'
                ' / (max by (journey) (hub_cases{state="open"}) > 0)',
                "{{journey}}",
            ),
        ),
    ]


def _steps() -> list[PanelBuilder]:
    return [
        bars(
            Text("میانهٔ زمان هر گام", "Median time of a step"),
            Text(
                "از آغاز تا پایان گام‌هایی که فرایند خود دید؛ از سطل‌های هیستوگرام برآورد شده است.",
                "From beginning to completion, of steps completed while the process looked on; from buckets.",
            ),
            "s",
            Query(
                "histogram_quantile(0.5, sum by (journey, step, le) (hub_case_step_seconds_bucket))",
                "{{journey}} {{step}}",
            ),
        ),
        bars(
            Text("صدک ۹۰ زمان هر گام", "90th percentile of a step"),
            Text("همان اندازه، صدک ۹۰.", "The same, 90th percentile."),
            "s",
            Query(
                "histogram_quantile(0.9, sum by (journey, step, le) (hub_case_step_seconds_bucket))",
                "{{journey}} {{step}}",
            ),
        ),
        bars(
            Text("انتظار نزد هر دستگاه", "Waiting by holder"),
            Text(
                "میانگین زمان از رسیدن پرونده تا نخستین رویداد دستگاهی که آن را در دست دارد.",
                "Mean time from the passing of a case to the first event of the agency that holds it.",
            ),
            "s",
            Query(
                "sum by (holder) (hub_handoff_seconds_sum) / sum by (holder) (hub_handoff_seconds_count)",
                "{{holder}}",
            ),
        ),
        lines(
            Text("دست‌به‌دست‌شدن در ساعت", "Hand-offs per hour"),
            Text("به تفکیک دستگاهی که پرونده را گرفت.", "By the agency that took the case."),
            "short",
            Query("sum by (holder) (increase(hub_handoff_seconds_count[1h]))", "{{holder}}"),
        ),
        bars(
            Text("دست‌به‌دست‌شدن کار درون هر دستگاه", "Hand-overs of work inside an agency"),
            Text(
                "از واحدی به واحدی، از کسی به کسی؛ در پرونده‌هایی که دستگاه گشوده است.",
                "From unit to unit, from person to person, in the cases that the agency opened.",
            ),
            "short",
            Query("max by (agency, level) (hub_handovers)", "{{agency}} {{level}}"),
        ),
    ]


def _process() -> list[PanelBuilder]:
    return [
        lines(
            Text("رویدادهای پردازش‌شده", "Deliveries folded"),
            Text("تحویل در ثانیه به تفکیک نوع.", "Deliveries per second by kind."),
            "cps",
            Query("sum by (kind) (rate(hub_case_events_total[$__rate_interval]))", "{{kind}}"),
        ),
        lines(
            Text("زمان هر تراکنش", "Time of a transaction"),
            Text("میانه و صدک ۹۹.", "Median and 99th percentile."),
            "s",
            Query(_quantile(0.5, "hub_case_batch_seconds"), "p50"),
            Query(_quantile(0.99, "hub_case_batch_seconds"), "p99"),
        ),
        figure(
            Text("گسست در شمارهٔ تحویل‌ها", "Breaks in the numbering"),
            Text(
                "گسست یا تکرار hub-seq در ۲۴ ساعت گذشته؛ باید صفر باشد.",
                "Gaps and repeats of hub-seq within 24 hours; should be 0.",
            ),
            "short",
            "sum(increase(hub_case_sequence_faults_total[1d]))",
            Bounds(red_from=1),
        ),
    ]


def _quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[$__rate_interval])))"
