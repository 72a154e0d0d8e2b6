"""The page's last part: journeys, hand-offs, islands, late cases, and what became of obligations."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.launch.demo.run import Result
from hub.launch.demo.shown import Shown


def show(result: Result, console: Console) -> None:
    """Print it; nothing where the hub has published no figures."""
    shown = result.shown
    if not shown.documents:
        return
    console.rule("[bold]What the working group sees, as of the logs' last day", align="left")
    console.print(_journeys(shown))
    console.print(_hands(shown))
    console.print(_obligations(shown))
    _facts(shown, console)


def _journeys(shown: Shown) -> Table:
    columns = ("cases", "completed", "open", "stuck", "late", "of those judged", "median", "90 %")
    table = _table("Journeys, from real logs: cases and their real deadlines", "journey", *columns)
    for journey, of in sorted(shown.each("process.cases", "journey")):
        in_time, judged = shown.parts("completion.in-time", of)
        counts = (f"{shown.whole(f'completion.{name}', of):,}" for name in ("completed", "open", "stuck"))
        times = (_days(shown.value(f"process.throughput-{name}", of)) for name in ("median", "p90"))
        cases = f"{shown.whole('process.cases', of):,}"
        late = f"{judged - in_time:,}" if judged else "-"
        table.add_row(escape(journey), cases, *counts, late, f"{judged:,}", *times)
    return table


def _hands(shown: Shown) -> Table:
    table = _table(
        "Hand-overs of work inside the islands, from real logs",
        "island", "between units", "between persons", "variants", "first activities", "last activities",
    )  # fmt: skip
    names = ("handovers-units", "handovers-persons", "variants", "start-activities", "end-activities")
    for agency, of in sorted(shown.each("process.cases", "agency")):
        table.add_row(escape(agency), *(f"{shown.whole(f'process.{name}', of):,}" for name in names))
    return table


def _obligations(shown: Shown) -> Table:
    table = _table(
        "Obligations (invented; in-time ones measured on real deadlines)", "agency", "owed", "realised"
    )
    for agency, of in sorted(shown.each("programme.obligations", "agency")):
        ratio = shown.value("programme.realisation-ratio", of)
        owed = f"{shown.whole('programme.obligations', of):,}"
        table.add_row(escape(agency), owed, "-" if ratio is None else f"{ratio:.0%}")
    return table


def _facts(shown: Shown, console: Console) -> None:
    ratio = shown.value("programme.realisation-ratio")
    in_time, judged = shown.parts("completion.in-time")
    weak = shown.whole("coordination.weak-components")
    asked, views = (shown.whole(f"participation.{name}") for name in ("consultation", "contributions"))
    ended = f"[bold]{judged - in_time:,}[/] of {judged:,} that ended and had a deadline"
    hands, late = shown.whole("coordination.handoffs"), shown.whole("completion.late-open")
    lines = (
        f"late cases: {ended}; {late:,} open past theirs",
        f"hand-offs of a case from agency to agency: [bold]{hands:,}[/]",
        f"islands, by what flowed: [bold]{shown.whole('coordination.islands'):,}[/] ({weak:,} if weakly)",
        f"realisation ratio: [bold]{'-' if ratio is None else f'{ratio:.0%}'}[/] of the obligations declared",
        f"consultations: {asked:,}, with {views:,} views (invented)",
    )
    for line in lines:
        console.print(line, highlight=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=bool(number), overflow="fold")
    return table


def _days(seconds: float | None) -> str:
    return "-" if seconds is None else f"{timedelta(seconds=seconds) / timedelta(days=1):,.1f} days"
