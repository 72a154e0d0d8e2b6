"""What the dashboards are put together from: a text in both languages, a query, and three kinds of panels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "peyvand"
_GREEN, _RED = "green", "red"


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    fa: str
    en: str

    @property
    def title(self) -> str:
        """Both on one line."""
        return f"{self.fa} · {self.en}"

    @property
    def paragraphs(self) -> str:
        """One below the other."""
        return f"{self.fa}\n\n{self.en}"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and how its series are called (`{{label}}`)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where green ends: red from here on, or red below here."""

    red_from: float | None = None
    red_below: float | None = None


PanelBuilder = stat.Panel | timeseries.Panel | bargauge.Panel


def figure(title: Text, meaning: Text, unit: str, query: str, bounds: Bounds | None = None) -> stat.Panel:
    """Return one number, as it is now; a sixth of the width."""
    panel = (
        stat.Panel()
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", Query(query), instant=True))
        .thresholds(_thresholds(bounds or Bounds()))
        .height(4)
        .span(4)
    )
    return _described(panel, title, meaning, unit)


def lines(title: Text, meaning: Text, unit: str, *queries: Query) -> timeseries.Panel:
    """Return what happened over time; half the width."""
    panel = (
        timeseries.Panel()
        .fill_opacity(8)
        .min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .height(9)
        .span(12)
    )
    for letter, query in zip("ABCDEF", queries, strict=False):
        panel = panel.with_target(_target(letter, query, instant=False))
    return _described(panel, title, meaning, unit)


def bars(title: Text, meaning: Text, unit: str, query: Query, bounds: Bounds | None = None) -> bargauge.Panel:
    """Return one bar for each series, as it is now; half the width."""
    panel = (
        bargauge.Panel()
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", query, instant=True))
        .thresholds(_thresholds(bounds or Bounds()))
        .min(0)
        .height(9)
        .span(12)
    )
    return _described(panel, title, meaning, unit)


def board(
    uid: str, title: Text, meaning: Text, *rows: tuple[Text, list[PanelBuilder]]
) -> dashboard.Dashboard:
    """Return a dashboard that nobody edits: a data source to choose, links to its sisters, rows of panels."""
    made = (
        dashboard.Dashboard(title.title)
        .uid(f"{TAG}-{uid}")
        .description(meaning.paragraphs)
        .tags([TAG])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .link(
            dashboard.DashboardLink(Text("پیوند", "Peyvand").title)
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(keep_time=True)
        )
    )
    numbers = itertools.count(1)
    for row, panels in rows:
        made = made.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in panels:
            made = made.with_panel(panel.id(next(numbers)))
    return made


def _described(panel: PanelBuilder, title: Text, meaning: Text, unit: str) -> Builder[Panel]:
    return panel.title(title.title).description(meaning.paragraphs).unit(unit).datasource(SOURCE)


def _target(letter: str, query: Query, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expr).datasource(SOURCE)
    if query.legend:
        target = target.legend_format(query.legend)
    return target.instant() if instant else target.range()


def _thresholds(bounds: Bounds) -> dashboard.ThresholdsConfig:
    if bounds.red_below is not None:
        steps = [Threshold(value=None, color=_RED), Threshold(value=bounds.red_below, color=_GREEN)]
    elif bounds.red_from is not None:
        steps = [Threshold(value=None, color=_GREEN), Threshold(value=bounds.red_from, color=_RED)]
    else:
        steps = [Threshold(value=None, color="text")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
