"""`hub ledger`: both sums as the audit has proved them; `explain` and `repair` their faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import mending
from hub.cli.options import DataDir, load_settings
from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from hub.settings import Settings

STALE_SECONDS = 120.0
"""Older figures prove nothing of now; the alert HubAuditStale says the same."""

_KINDS = ("missing", "doubled", "altered", "out_of_order")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(invoke_without_command=True, help="The ledger: what was due, and where it is.")
    group.callback()(ledger)
    group.command("explain")(mending.explain)
    group.command("repair")(mending.repair)
    app.add_typer(group, name="ledger")


def ledger(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the ledger: what the gate read and decided, what was due per route, and where that is now.

    Per source partition: read = routed + unclaimed + duplicate + parked. Per route: accepted = delivered +
    pending + rejected + expired + lost. The independent audit counts every term by itself, and every fault
    by kind: missing, doubled, altered, out of order. Ends with 1 when a sum does not hold, a fault is open,
    or the figures are older than two minutes.

    Example: `hub ledger --json | jq .totals`
    """
    if context.invoked_subcommand is not None:
        if as_json or data_dir is not None:
            raise ConfigError(f"write the options behind `hub ledger {context.invoked_subcommand}`.")
        return
    sheet = _sheet(load_settings(data_dir))
    age = _age(sheet)
    if as_json:
        typer.echo(json.dumps(sheet | {"age_seconds": round(age, 3)}, ensure_ascii=False))
    else:
        _print(sheet, age)
    if age > STALE_SECONDS:
        raise HubError(
            f"the audit's figures are {_duration(age)} old: they prove nothing of what came since.",
            do="docs/operate/ledger.md says what to do when the audit is stale.",
        )
    raise typer.Exit(0 if sheet["balanced"] else 1)


def _sheet(settings: Settings) -> dict[str, Any]:
    from hub.store import audit  # noqa: PLC0415 - keeps `hub --help` quick
    from hub.store.engine import engine  # noqa: PLC0415

    books = engine(settings, pool_size=1)
    try:
        sheet = audit.sheet(books)
    finally:
        books.dispose()
    if sheet is None:
        raise HubError(
            "the audit has not completed its first count, so nothing is proved yet.",
            do="Ask again in a moment; if it stays so, see logs/audit.log: is the process `audit` running?",
        )
    return sheet


def _age(sheet: dict[str, Any]) -> float:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(sheet["as_of"])).total_seconds())


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def _print(sheet: dict[str, Any], age: float) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    # A pipe has no width of its own; lines are for programs there, not for a screen.
    console = console if console.is_terminal else Console(width=160)
    console.print(_table("Intake per source partition", _intake_rows(sheet["intake"])))
    console.print(_table("Due per route, and where it is", _route_rows(sheet["routes"])))
    totals = sheet["totals"]
    verdict = "[green]every sum holds, no fault is open[/]" if sheet["balanced"] else _verdict(totals)
    console.print(
        f"read {totals['read']:,}; accepted {totals['accepted']:,}: delivered {totals['delivered']:,}, "
        f"pending {totals['pending']:,}, rejected {totals['rejected']:,}, expired {totals['expired']:,}; "
        f"unaccounted {_count(totals['unaccounted']):,}, repaired {totals['repaired']:,}, "
        f"open {totals['open']:,}; {verdict} (as of {sheet['as_of']}, {_duration(age)} ago)"
    )
    for name, lines in _with_faults(sheet).items():
        console.print(f"  {_told(lines)}: hub ledger explain {name}", highlight=False, markup=False)


def _verdict(totals: dict[str, Any]) -> str:
    return "[red]faults are open[/]" if totals["open"] else "[red]a sum does not hold[/]"


def _with_faults(sheet: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the lines with faults that are open, by the name that `explain` wants."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (*sheet["intake"], *sheet["routes"]):
        if line["open"]:
            found.setdefault(line.get("route", mending.INTAKE), []).append(line)
    return found


def _told(lines: list[dict[str, Any]]) -> str:
    """Return what was counted, and how much of it is repaired: `missing 2, doubled 1 (repaired 1)`."""
    counts = {kind: sum(each["unaccounted"][kind] for each in lines) for kind in _KINDS}
    repaired = sum(each["repaired"] for each in lines)
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in counts.items() if count)
    return f"{kinds} (repaired {repaired:,})" if repaired else kinds


def _count(kinds: dict[str, int]) -> int:
    """Faults of all kinds; they never cancel."""
    return sum(kinds.values())


def _intake_rows(lines: list[dict[str, Any]]) -> list[list[str]]:
    head = ["outbox", "read", "routed", "unclaimed", "duplicate", "parked", "unread", "open", "sum"]
    rows = [
        [f"{each['topic']}/{each['partition']}"]
        + [f"{each[term]:,}" for term in ("read", "routed", "unclaimed", "duplicate")]
        + [" ".join(f"{name} {count:,}" for name, count in each["parked"].items()) or "0"]
        + [f"{each['expired_unread'] + each['unaudited']:,}", f"{each['open']:,}", _holds(each)]
        for each in lines
    ]
    return [head, *rows]


def _route_rows(lines: list[dict[str, Any]]) -> list[list[str]]:
    terms = ("accepted", "delivered", "pending", "rejected", "expired")
    head = ["route", *terms, "lost", "faults", "open", "sum"]
    rows = [
        [each["route"]]
        + [f"{each[term]:,}" for term in terms]
        + [f"{each['lost']:,}", f"{sum(each['unaccounted'].values()):,}", f"{each['open']:,}", _holds(each)]
        for each in lines
    ]
    return [head, *rows]


def _holds(line: dict[str, Any]) -> str:
    if line["balanced"]:
        return "mended" if line["repaired"] else "holds"
    return "FAULTS" if line["open"] else "WRONG"


def _table(title: str, rows: list[list[str]]) -> Any:
    from rich.box import SIMPLE  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", expand=False, box=SIMPLE, padding=(0, 1, 0, 0))
    for number, name in enumerate(rows[0]):
        # Names fold on a narrow screen, numbers never: a figure cut short is a wrong figure.
        is_text = not number or name == "parked"
        table.add_column(name, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    for row in rows[1:]:
        table.add_row(*row)
    return table
