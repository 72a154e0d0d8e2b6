"""The dashboard `flow`: how events pass the gate, how fast, and who waits."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.grafana.panels import Bounds, PanelBuilder, Query, Text, board, figure, lines


def flow() -> Dashboard:
    """Return the dashboard."""
    return board(
        "flow",
        Text("جریان رویدادها", "Flow"),
        Text(
            "رویدادها چگونه از دروازه می‌گذرند، با چه سرعتی، و چه کسی منتظر است.",
            "How events pass the gate, how fast, and who waits.",
        ),
        (Text("اکنون", "Now"), _now()),
        (Text("دروازه", "Gate"), _gate()),
        (Text("تحویل", "Delivery"), _delivery()),
        (Text("زیرساخت", "Underneath"), _underneath()),
    )


def _now() -> list[PanelBuilder]:
    return [
        figure(
            Text("رویداد در ثانیه", "Events per second"),
            Text("رویدادهایی که دروازه دربارهٔ آن‌ها تصمیم گرفت.", "Events that the gate decided."),
            "cps",
            "sum(rate(hub_gate_events_total[$__rate_interval]))",
        ),
        figure(
            Text("تحویل به‌موقع", "Delivered in time"),
            Text(
                "سهم رویدادهایی که در ساعت گذشته ظرف ۵ ثانیه در صندوق گیرنده دیده شدند؛ هدف ۹۹٫۵ درصد.",
                "Share of the last hour's events visible in the inboxes within 5 s; objective 99.5 %.",
            ),
            "percentunit",
            "1 - hub:deliveries_late:ratio_rate1h",
            Bounds(red_below=0.995),
        ),
        figure(
            Text("بودجهٔ خطا", "Error budget left"),
            Text(
                "آنچه از بودجهٔ سی‌روزهٔ تأخیر مانده است؛ زیر صفر یعنی هدف شکسته شده.",
                "What is left of 30 days' budget for late deliveries; below 0 the objective is missed.",
            ),
            "percentunit",
            '1 - (1 - sum(increase(hub_end_to_end_seconds_bucket{le="5.0"}[30d]))'
            " / sum(increase(hub_end_to_end_seconds_count[30d]))) / 0.005",
            Bounds(red_below=0),
        ),
        figure(
            Text("دستگاه‌های متصل", "Agencies connected"),
            Text(
                "دستگاه‌هایی که دست‌کم یک رویداد فرستاده‌اند.",
                "Agencies that have published at least one event.",
            ),
            "short",
            "max(hub_agencies_connected)",
        ),
        figure(
            Text("نسخهٔ دفتر دستگاه‌ها", "Agency registry"),
            Text(
                "کهنه‌ترین نسخهٔ دفتر دستگاه‌ها که دروازه‌ای با آن تصمیم می‌گیرد.",
                "The oldest edition of the agency registry that a gate decides by.",
            ),
            "short",
            "min(hub_gate_registry_version)",
        ),
        figure(
            Text("فضای خالی دیسک", "Free disk"),
            Text("فضای خالی دیسکِ پوشهٔ داده.", "Free space on the disk of the data folder."),
            "bytes",
            "max(hub_disk_free_bytes)",
            Bounds(red_below=2 * 2**30),
        ),
    ]


def _gate() -> list[PanelBuilder]:
    return [
        lines(
            Text("تصمیم‌های دروازه", "Verdicts"),
            Text(
                "رویداد در ثانیه به تفکیک تصمیم: routed، parked، duplicate، unclaimed.",
                "Events per second by verdict: routed, parked, duplicate, unclaimed.",
            ),
            "cps",
            Query("sum by (verdict) (rate(hub_gate_events_total[$__rate_interval]))", "{{verdict}}"),
        ),
        lines(
            Text("کنارگذاشته‌ها به تفکیک علت", "Refused by reason"),
            Text(
                "رویدادهای کنارگذاشته در ثانیه؛ processor یعنی خطای خود هاب.",
                "Refused events per second; processor is a fault of the hub's own.",
            ),
            "cps",
            Query(
                'sum by (reason) (rate(hub_gate_events_total{verdict="parked"}[$__rate_interval]))',
                "{{reason}}",
            ),
        ),
        lines(
            Text("زمان هر تراکنش", "Time of a transaction"),
            Text(
                "صدک ۹۹ زمان یک تراکنشِ دروازه و پروژکتور.",
                "99th percentile of one transaction of gate and projector.",
            ),
            "s",
            Query(_quantile(0.99, "hub_gate_batch_seconds"), "gate p99"),
            Query(_quantile(0.99, "hub_projector_batch_seconds"), "projector p99"),
        ),
        lines(
            Text("دامنهٔ شناخت تکراری‌ها", "Reach of the duplicate memory"),
            Text(
                "رویداد تکراری تا چه مدت پس از بار نخست شناخته می‌شود: کوتاه‌ترین دامنه.",
                "How far back a duplicate is recognised: the shortest reach over the gates.",
            ),
            "s",
            Query("min(hub_gate_dedupe_window_seconds)", "reach"),
        ),
    ]


def _delivery() -> list[PanelBuilder]:
    return [
        lines(
            Text("از فرستنده تا گیرنده", "End to end"),
            Text(
                "از ثبت در صندوق فرستنده تا دیده‌شدن در صندوق گیرنده (نمونه‌ای از هر دسته).",
                "From the append to the outbox until visible in the inboxes (a sample of each batch).",
            ),
            "s",
            Query(_quantile(0.5, "hub_end_to_end_seconds"), "p50"),
            Query(_quantile(0.99, "hub_end_to_end_seconds"), "p99"),
        ),
        lines(
            Text("سرعت مصرف بودجهٔ تأخیر", "Burn of the delivery budget"),
            Text(
                "۱ یعنی بودجه درست در سی روز تمام می‌شود؛ ۱۴٫۴ یعنی در دو روز.",
                "1: the budget lasts exactly 30 days; 14.4: two days.",
            ),
            "short",
            Query("hub:deliveries_late:ratio_rate5m / 0.005", "5m"),
            Query("hub:deliveries_late:ratio_rate1h / 0.005", "1h"),
            Query("hub:deliveries_late:ratio_rate6h / 0.005", "6h"),
            Query("hub:deliveries_late:ratio_rate3d / 0.005", "3d"),
        ),
        lines(
            Text("کهنه‌ترین تحویلِ خوانده‌نشده", "Oldest pending delivery"),
            Text(
                "سن کهنه‌ترین تحویلی که دستگاه هنوز نخوانده است؛ پس از ۱۴ روز از دست می‌رود.",
                "Age of the oldest delivery that the agency has not read; it expires after 14 days.",
            ),
            "s",
            Query("max by (agency) (hub_inbox_oldest_pending_seconds)", "{{agency}}"),
        ),
        lines(
            Text("نوشته‌های پروژکتور", "Written by the projector"),
            Text(
                "ردیف در ثانیه به تفکیک نوع: feed، catalogue، parked.",
                "Rows per second by kind: feed, catalogue, parked.",
            ),
            "cps",
            Query("sum by (kind) (rate(hub_projector_events_total[$__rate_interval]))", "{{kind}}"),
        ),
    ]


def _underneath() -> list[PanelBuilder]:
    return [
        lines(
            Text("اختلاف ساعت دروازه", "Clock of the gates"),
            Text(
                "اختلاف با ساعت کارگزار پیام؛ بیش از ۱۲۰ ثانیه دروازه می‌ایستد.",
                "Difference from the broker's clock; beyond 120 s a gate stops.",
            ),
            "s",
            Query("max(hub_gate_clock_offset_seconds)", "offset"),
        ),
        lines(
            Text("گسست در شمارهٔ تحویل‌ها", "Breaks in the numbering"),
            Text(
                "گسست یا تکرار در hub-seq که خوانندگانِ هاب دیدند؛ باید صفر بماند.",
                "Gaps and repeats of hub-seq that the hub's readers met; should stay 0.",
            ),
            "short",
            Query("sum by (kind) (increase(hub_projector_sequence_faults_total[1h]))", "projector {{kind}}"),
            Query("sum by (kind) (increase(hub_case_sequence_faults_total[1h]))", "cases {{kind}}"),
        ),
    ]


def _quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[$__rate_interval])))"
