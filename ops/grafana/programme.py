"""The dashboard `programme`: obligations, islands, satisfaction: what the working group asks for."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.grafana.panels import Bounds, PanelBuilder, Query, Text, bars, board, figure, lines


def programme() -> Dashboard:
    """Return the dashboard."""
    return board(
        "programme",
        Text("برنامه", "Programme"),
        Text(
            "تعهدات دستگاه‌ها، جزیره‌ها و رضایت مردم. تعریف هر رقم: docs/reference/indicators.md.",
            "Obligations, islands, satisfaction. Definitions: docs/reference/indicators.md.",
        ),
        (Text("اکنون", "Now"), _now()),
        (Text("تعهدات", "Obligations"), _obligations()),
        (Text("هماهنگی و مشارکت", "Coordination and participation"), _together()),
    )


def _now() -> list[PanelBuilder]:
    return [
        figure(
            Text("نسبت تحقق", "Realisation ratio"),
            Text(
                "سهم تعهداتِ برآورده‌شده از همهٔ تعهداتِ برقرار.",
                "Share of the obligations in force that are fulfilled.",
            ),
            "percentunit",
            'max(hub_programme_realisation_ratio{agency="all"})',
        ),
        figure(
            Text("تعهداتِ عقب‌افتاده", "Obligations overdue"),
            Text("گذشته از مهلت و برآورده‌نشده.", "Past the deadline and not fulfilled."),
            "short",
            'sum(max by (agency) (hub_obligations{state="overdue"}))',
            Bounds(red_from=1),
        ),
        figure(
            Text("جزیره‌ها", "Islands"),
            Text(
                "مجموعه‌هایی از دستگاه‌ها که رویداد میانشان در هر دو سو جریان داشته است.",
                "Sets of agencies strongly connected by what really flowed.",
            ),
            "short",
            "max(hub_islands)",
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
            Text("خدمات", "Services"),
            Text("همهٔ خدمات کاتالوگ.", "All services of the catalogue."),
            "short",
            "sum(max by (state) (hub_services))",
        ),
        figure(
            Text("سن ارقام", "Age of the figures"),
            Text("زمان گذشته از آخرین تازه‌سازی.", "Since the figures were last refreshed."),
            "s",
            "time() - max(hub_indicators_last_refresh_timestamp_seconds)",
            Bounds(red_from=300),
        ),
    ]


def _obligations() -> list[PanelBuilder]:
    return [
        bars(
            Text("نسبت تحقق هر دستگاه", "Realisation by agency"),
            Text("۰ تا ۱؛ فرمول در صفحهٔ شاخص‌ها.", "0 to 1; the formula stands on the indicators' page."),
            "percentunit",
            Query('max by (agency) (hub_programme_realisation_ratio{agency!="all"})', "{{agency}}"),
        ),
        bars(
            Text("تعهداتِ عقب‌افتادهٔ هر دستگاه", "Overdue by agency"),
            Text("شمار تعهداتِ گذشته از مهلت.", "Obligations past their deadline."),
            "short",
            Query('max by (agency) (hub_obligations{state="overdue"})', "{{agency}}"),
        ),
        lines(
            Text("تعهدات به تفکیک وضعیت", "Obligations by state"),
            Text(
                "open، fulfilled، overdue، failed، dropped.",
                "open, fulfilled, overdue, failed, dropped.",
            ),
            "short",
            Query("sum by (state) (max by (agency, state) (hub_obligations))", "{{state}}"),
        ),
        lines(
            Text("روند نسبت تحقق", "Realisation over time"),
            Text("همه با هم.", "Everybody together."),
            "percentunit",
            Query('max(hub_programme_realisation_ratio{agency="all"})', "all"),
        ),
    ]


def _together() -> list[PanelBuilder]:
    return [
        lines(
            Text("جزیره‌ها در زمان", "Islands over time"),
            Text("کمتر بهتر است.", "Fewer are better."),
            "short",
            Query("max(hub_islands)", "islands"),
            Query("max(hub_agencies_connected)", "agencies connected"),
        ),
        bars(
            Text("رضایت از هر خدمت", "Satisfaction by service"),
            Text(
                "میانگین امتیاز میان بدترین (۰) و بهترین (۱)؛ اندازهٔ نمونه در /v1/indicators است.",
                "Mean rating between worst (0) and best (1); sample size and interval are in /v1/indicators.",
            ),
            "percentunit",
            Query("max by (service) (hub_satisfaction_ratio)", "{{service}}"),
        ),
        bars(
            Text("خدمات به تفکیک وضعیت", "Services by state"),
            Text("آن‌گونه که دستگاه‌ها اعلام کرده‌اند.", "As agencies declare them."),
            "short",
            Query("max by (state) (hub_services)", "{{state}}"),
        ),
    ]
