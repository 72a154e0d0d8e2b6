"""`hub gate`: where the gates are, and putting a moved place back."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings

if TYPE_CHECKING:
    from hub.broker.gating.positions import Standing


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The gate: how far each outbox is decided.")
    group.command("position")(position)
    app.add_typer(group, name="gate")


def position(
    set_from_ledger: Annotated[
        bool,
        typer.Option("--set-from-ledger", help="Put committed offsets that differ back to the ledger's."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the places as one JSON array.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show which offset of each source partition is next, by ledger, committed offset and receipts.

    The three are written together; a gate stops where they differ, and this command ends with 1. With
    --set-from-ledger a committed offset that was moved or lost is put back: once no gate is in the group, and
    not where the receipts say that the ledger itself is an older copy.

    Example: `hub gate position --set-from-ledger --yes`
    """
    from hub.broker.gating.positions import Positions  # noqa: PLC0415 - keeps `hub --help` quick

    with Positions(load_settings(data_dir)) as positions:
        standings = positions.standings()
        _show(standings, as_json=as_json)
        apart = [each for each in standings if not each.agrees]
        if apart and set_from_ledger:
            _confirm(len(apart), yes=yes)
            positions.set_from_ledger(apart)
            typer.echo(
                f"{len(apart)} set to the ledger's place; a gate that stopped for it starts by itself."
            )
            return
    raise typer.Exit(1 if apart else 0)


def _show(standings: list[Standing], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_document(each) for each in standings]))
        return
    from rich.box import SIMPLE  # noqa: PLC0415 - keeps `hub --help` quick
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="The next offset to decide", title_justify="left", box=SIMPLE)
    table.add_column("outbox", overflow="fold")
    for heading in ("ledger", "committed", "receipts", "log end"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for each in standings:
        numbers = (each.ledger, each.committed, "none" if each.receipts is None else each.receipts, each.end)
        told = "agree" if each.agrees else f"DIFFER; {each.obstacle or 'can be set to the ledger'}"
        table.add_row(f"{each.topic}/{each.partition}", *map(str, numbers), told)
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)


def _document(standing: Standing) -> dict[str, Any]:
    document = asdict(standing)
    del document["committed_before"]
    return document | {"agrees": standing.agrees, "obstacle": standing.obstacle}


def _confirm(count: int, *, yes: bool) -> None:
    from hub.errors import ConfigError  # noqa: PLC0415 - keeps `hub --help` quick

    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("nobody is here to ask.", do="Say --yes to set the offsets.")
    if not typer.confirm(f"Set {count} committed offsets to the ledger's place?"):
        typer.echo("Nothing was changed.")
        raise typer.Exit(1)
