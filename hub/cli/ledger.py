"""`hub ledger`: both sums, counted on the logs themselves."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ledger")(ledger)


def ledger(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the ledger: what the gate read and decided, what it accepted per route, and where that is now.

    Per source partition: read = routed + unclaimed + duplicate + parked. Per route: accepted = delivered +
    pending + rejected + expired. Every term is counted by itself. Ends with 1 when a sum does not hold.

    Example: `hub ledger --json | jq .totals`
    """
    from hub.broker.ledger.reader import LedgerReader  # noqa: PLC0415 - keeps `hub --help` quick

    with LedgerReader(load_settings(data_dir)) as reader:
        sheet = reader.refresh().to_json()
    if as_json:
        typer.echo(json.dumps(sheet, ensure_ascii=False))
    else:
        _print(sheet)
    raise typer.Exit(0 if sheet["balanced"] else 1)


def _print(sheet: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    console.print(_table("Intake per source partition", _intake_rows(sheet["intake"])))
    console.print(_table("Accepted per route, and where it is", _route_rows(sheet["routes"])))
    totals = sheet["totals"]
    verdict = "[green]both sums hold[/]" if sheet["balanced"] else "[red]a sum does not hold[/]"
    console.print(
        f"read {totals['read']:,}; accepted {totals['accepted']:,}: delivered {totals['delivered']:,}, "
        f"pending {totals['pending']:,}, rejected {totals['rejected']:,}, expired {totals['expired']:,}; "
        f"{verdict} (as of {sheet['as_of']})"
    )


def _intake_rows(lines: list[dict[str, Any]]) -> list[list[str]]:
    head = ["outbox", "read", "routed", "unclaimed", "duplicate", "parked", "sum"]
    rows = [
        [f"{each['topic']}/{each['partition']}"]
        + [f"{each[term]:,}" for term in ("read", "routed", "unclaimed", "duplicate")]
        + [" ".join(f"{name} {count:,}" for name, count in each["parked"].items()) or "0"]
        + ["holds" if each["balanced"] else "WRONG"]
        for each in lines
    ]
    return [head, *rows]


def _route_rows(lines: list[dict[str, Any]]) -> list[list[str]]:
    terms = ("accepted", "delivered", "pending", "rejected", "expired")
    head = ["route", *terms, "sum"]
    rows = [
        [each["route"]] + [f"{each[term]:,}" for term in terms] + ["holds" if each["balanced"] else "WRONG"]
        for each in lines
    ]
    return [head, *rows]


def _table(title: str, rows: list[list[str]]) -> Any:
    from rich.box import SIMPLE  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", expand=False, box=SIMPLE, padding=(0, 1, 0, 0))
    for number, name in enumerate(rows[0]):
        # Names fold on a narrow screen, numbers never: a figure cut short is a wrong figure.
        table.add_column(name, justify="right" if number else "left", no_wrap=bool(number), overflow="fold")
    for row in rows[1:]:
        table.add_row(*row)
    return table
