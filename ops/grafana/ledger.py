"""The dashboard `ledger`: whether everything is accounted for, and how old that knowledge is."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.grafana.panels import Bounds, PanelBuilder, Query, Text, bars, board, figure, lines

_OPEN_DELIVERIES = "sum(hub_route_unaccounted_events) - sum(hub_route_repaired_events)"
_OPEN_INTAKE = "sum(hub_intake_unaccounted_events) - sum(hub_intake_repaired_events)"


def ledger() -> Dashboard:
    """Return the dashboard."""
    return board(
        "ledger",
        Text("دفتر کل", "Ledger"),
        Text(
            "آیا هر رویداد حساب‌شده است، و این دانسته چند ثانیه کهنه است.",
            "Whether every event is accounted for, and how old that knowledge is.",
        ),
        (Text("اکنون", "Now"), _now()),
        (Text("تحویل‌ها", "Deliveries"), _deliveries()),
        (Text("کنارگذاشته‌ها", "Parked events"), _parked()),
        (Text("حسابرسی", "Audit"), _audit()),
    )


def _now() -> list[PanelBuilder]:
    return [
        figure(
            Text("تحویلِ بی‌حساب", "Open faults of deliveries"),
            Text(
                "گم‌شده، دوباره، تغییرکرده یا جابه‌جا، که هنوز جبران نشده است؛ باید صفر باشد.",
                "Missing, doubled, altered or out of order, and not mended; should be 0.",
            ),
            "short",
            _OPEN_DELIVERIES,
            Bounds(red_from=1),
        ),
        figure(
            Text("ورودیِ بی‌حساب", "Open faults of the intake"),
            Text(
                "خطای رویدادهای کنارگذاشته و رسیدها که هنوز جبران نشده است؛ باید صفر باشد.",
                "Faults of parked events and receipts that are not mended; should be 0.",
            ),
            "short",
            _OPEN_INTAKE,
            Bounds(red_from=1),
        ),
        figure(
            Text("سن حسابرسی", "Age of the audit"),
            Text(
                "زمان گذشته از آخرین شمارش کامل؛ بیش از ۱۲۰ ثانیه یعنی حسابرس ایستاده است.",
                "Since the last complete count; over 120 s the audit stands still.",
            ),
            "s",
            "time() - max(hub_audit_last_complete_timestamp_seconds)",
            Bounds(red_from=120),
        ),
        figure(
            Text("بودجهٔ تازگی", "Freshness budget left"),
            Text(
                "آنچه از بودجهٔ سی‌روزهٔ کهنگیِ ارقام مانده است (هدف: ۹۹٫۵ درصد زمان زیر ۶۰ ثانیه).",
                "What is left of 30 days' budget for old figures (under 60 s, 99.5 % of the time).",
            ),
            "percentunit",
            "1 - avg_over_time(hub:figures_late:bool[30d]) / 0.005",
            Bounds(red_below=0),
        ),
        figure(
            Text("کنارگذاشتهٔ باز", "Parked events, open"),
            Text(
                "رویدادهای کنارگذاشته‌ای که کسی به آن‌ها رسیدگی نکرده است.",
                "Parked events that nobody has settled.",
            ),
            "short",
            "sum(max by (agency, reason) (hub_parked_open))",
        ),
        figure(
            Text("منقضی پیش از خوانده‌شدن", "Expired unread"),
            Text(
                "جاهایی که پیش از خوانده‌شدن به دست دروازه حذف شدند؛ باید صفر باشد.",
                "Places that retention removed before the gate read them; should be 0.",
            ),
            "short",
            "sum(max by (agency) (hub_intake_expired_unread_events))",
            Bounds(red_from=1),
        ),
    ]


def _deliveries() -> list[PanelBuilder]:
    return [
        lines(
            Text("تحویل‌ها به تفکیک وضعیت", "Deliveries by state"),
            Text(
                "accepted = delivered + pending + rejected + expired؛ هر جمله جدا شمرده می‌شود.",
                "accepted = delivered + pending + rejected + expired; every term is counted by itself.",
            ),
            "short",
            Query("sum by (state) (hub_route_deliveries)", "{{state}}"),
        ),
        bars(
            Text("پرترافیک‌ترین مسیرها", "Busiest routes"),
            Text(
                "پذیرفته‌شده‌ها از آغاز، پانزده مسیر نخست.",
                "Accepted since the beginning, first fifteen routes.",
            ),
            "short",
            Query('topk(15, sum by (route) (hub_route_deliveries{state="accepted"}))', "{{route}}"),
        ),
        bars(
            Text("مسیرهای منتظر", "Routes that wait"),
            Text(
                "تحویل‌هایی که گیرنده هنوز نخوانده است، پانزده مسیر نخست.",
                "Deliveries that the recipient has not read yet, first fifteen routes.",
            ),
            "short",
            Query('topk(15, sum by (route) (hub_route_deliveries{state="pending"}))', "{{route}}"),
        ),
        lines(
            Text("خطاها به تفکیک نوع", "Faults by kind"),
            Text(
                "همهٔ خطاها از آغاز، جبران‌شده یا نشده؛ خط mended جبران‌شده‌ها را نشان می‌دهد.",
                "All faults since the beginning, mended or not; mended stands beside.",
            ),
            "short",
            Query("sum by (kind) (hub_route_unaccounted_events)", "{{kind}}"),
            Query("sum(hub_route_repaired_events)", "mended"),
        ),
    ]


def _parked() -> list[PanelBuilder]:
    return [
        bars(
            Text("کنارگذاشته‌های باز", "Open, by sender and reason"),
            Text("به تفکیک فرستنده و علت.", "By who sent them and reason class."),
            "short",
            Query("max by (agency, reason) (hub_parked_open)", "{{agency}} {{reason}}"),
        ),
        lines(
            Text("سن کهنه‌ترین کنارگذاشته", "Age of the oldest"),
            Text(
                "پس از سه روز هشدار داده می‌شود.",
                "An alert tells after three days.",
            ),
            "s",
            Query("max by (agency) (hub_parked_oldest_seconds)", "{{agency}}"),
        ),
    ]


def _audit() -> list[PanelBuilder]:
    return [
        lines(
            Text("سن ارقام", "Age of the figures"),
            Text(
                "سن برش حسابرس، و زمان گذشته از آخرین شمارش کامل.",
                "Age of the audit's cut, and time since its last complete count.",
            ),
            "s",
            Query("max(hub_audit_cut_lag_seconds)", "cut"),
            Query("time() - max(hub_audit_last_complete_timestamp_seconds)", "last complete count"),
        ),
        lines(
            Text("سرعت مصرف بودجهٔ تازگی", "Burn of the freshness budget"),
            Text(
                "۱ یعنی بودجه درست در سی روز تمام می‌شود؛ ۱۴٫۴ یعنی در دو روز.",
                "1: the budget lasts exactly 30 days; 14.4: two days.",
            ),
            "short",
            Query("hub:figures_late:ratio_avg5m / 0.005", "5m"),
            Query("hub:figures_late:ratio_avg1h / 0.005", "1h"),
            Query("hub:figures_late:ratio_avg6h / 0.005", "6h"),
            Query("hub:figures_late:ratio_avg3d / 0.005", "3d"),
        ),
    ]
