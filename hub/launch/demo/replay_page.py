"""The page of a replayed log: what it came to, in plain words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.launch.demo.replay import Replayed

_MOST = 10
_ODD = {
    "outside": "events outside every trace, left out",
    "undated": "events without a readable time; they took that of the event before",
    "lost": "events of traces without any time, left out",
    "unnamed": "traces without a name; they got one",
    "unreadable": "dates that are none",
}


def show(replayed: Replayed, console: Console, api_url: str) -> None:
    """Print the page."""
    told = replayed.line()
    console.rule(f"[bold]{escape(replayed.log.name)}, as agency {replayed.agency}", align="left")
    console.print(_counts(told))
    for name, title in (("start_activities", "First activities"), ("end_activities", "Last activities")):
        console.print(_tally(title, told[name]))
    for level, title in (("unit", "between units"), ("person", "between persons")):
        console.print(_hands(title, told["handovers"][level]))
    _odd(told, console)
    console.print(
        f"cases      {api_url}/v1/cases?agency={replayed.agency}\nfigures    {api_url}/v1/indicators",
        highlight=False,
        soft_wrap=True,
    )


def _counts(told: dict[str, Any]) -> Table:
    table = _table("The log as cases", "", "")
    for name in ("cases", "events", "activities", "variants"):
        table.add_row(name, f"{told[name]:,}")
    for name, label in (("median", "throughput, median"), ("p90", "throughput, 90th percentile")):
        table.add_row(label, _length(told[f"throughput_{name}_seconds"]))
    table.add_row("completed", f"{told['completed']:,}")
    table.add_row(
        "ended late, of those that ended and have a deadline", f"{told['late']:,} of {told['judged']:,}"
    )
    table.add_row("open past their deadline", f"{told['late_open']:,} of {told['open']:,}")
    return table


def _tally(title: str, counts: dict[str, int]) -> Table:
    table = _table(f"{title}: {len(counts)}", "activity", "cases")
    for name, count in list(counts.items())[:_MOST]:
        table.add_row(escape(name), f"{count:,}")
    return table


def _hands(title: str, hands: dict[str, Any]) -> Table:
    head = (
        f"Hand-overs {title}: {hands['pairs_without_self']:,} of {hands['pairs']:,} pairs of events in a row"
    )
    table = _table(head, "from", "to", "times")
    for giver, taker, count in hands["top_without_self"]:
        table.add_row(escape(giver), escape(taker), f"{count:,}")
    return table


def _odd(told: dict[str, Any], console: Console) -> None:
    lines = [f"{_ODD[name]}: {count:,}" for name, count in told["left_out"].items()]
    lines += [
        f"values that do not fit the field {name}, left out: {n:,}" for name, n in told["unfit"].items()
    ]
    lines += [f"no row has the column {name}" for name in told["absent_columns"]]
    lines += [f"refused as {name}: {count:,}" for name, count in told["parked"].items()]
    for line in lines:
        console.print(f"[yellow]![/] {escape(line)}", highlight=False)
    mark = "[green]✓[/]" if not told["unaccounted"] else "[red]✗[/]"
    console.print(f"{mark} unaccounted: {told['unaccounted']}", highlight=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=any(columns))
    for number, name in enumerate(columns):
        last = number == len(columns) - 1
        table.add_column(name, justify="right" if last else "left", no_wrap=last, overflow="fold")
    return table


def _length(seconds: float | None) -> str:
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))
