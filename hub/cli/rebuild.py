"""`hub rebuild`: derived tables built again from the logs."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings

if TYPE_CHECKING:
    from hub.launch.rebuild.outcome import Outcome


class What(enum.StrEnum):
    """What is built again."""

    projector = "projector"
    cases = "cases"
    audit = "audit"
    all = "all"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rebuild", short_help="Build derived tables again from the logs, and compare.")(rebuild)


def rebuild(
    what: Annotated[
        What, typer.Argument(help="Whose tables: the projector's, those of cases, the audit's, or all.")
    ] = What.all,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; the live tables stay. Ends with 1 if they differ.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Build derived tables again from the first record of their logs, beside the live ones, and compare both.

    The hub goes on meanwhile: readers see the old tables until the new ones take their place at once. Rows
    and a digest of each table are printed, live and rebuilt. Interrupted, it leaves the live tables as they
    are; the next one clears up.

    Example: `hub rebuild projector --check`
    """
    from hub.host.process import configure_logging  # noqa: PLC0415 - keeps `hub --help` quick
    from hub.launch.rebuild import run  # noqa: PLC0415

    settings = load_settings(data_dir)
    # What the live processes logged when they met it is not said again.
    configure_logging("critical")
    outcomes = [
        run.rebuild(settings, name, check=check, say=lambda line: typer.echo(line, err=True))
        for name in run.NAMES
        if what in ("all", name)
    ]
    if as_json:
        typer.echo(json.dumps({each.target: _json(each) for each in outcomes}))
    else:
        for outcome in outcomes:
            _print(outcome)
    raise typer.Exit(1 if check and not all(each.same for each in outcomes) else 0)


def _json(outcome: Outcome) -> dict[str, Any]:
    tables = {
        each.table: {
            "live": {"rows": each.live.rows, "digest": each.live.digest},
            "rebuilt": {"rows": each.rebuilt.rows, "digest": each.rebuilt.digest},
            "only_live": each.only_live,
            "only_rebuilt": each.only_rebuilt,
            "same": each.same,
        }
        for each in outcome.tables
    }
    return {"records": outcome.records, "tables": tables, "same": outcome.same, "replaced": outcome.replaced}


def _print(outcome: Outcome) -> None:
    typer.echo(f"{outcome.target}: {outcome.records:,} records read again")
    for each in outcome.tables:
        typer.echo(
            f"  {each.table:<18} live {each.live.rows:>12,} rows {each.live.digest}"
            f"   rebuilt {each.rebuilt.rows:>12,} rows {each.rebuilt.digest}   {_verdict(each)}"
        )
    typer.echo("  the rebuilt tables are the live ones now" if outcome.replaced else "  nothing was changed")


def _verdict(table: Any) -> str:
    if table.same:
        return "the same"
    return f"DIFFERENT: {table.only_live:,} rows only live, {table.only_rebuilt:,} only rebuilt"
