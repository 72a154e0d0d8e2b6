"""`hub bench`: how fast the hub is, beside bare loops on the same machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("bench", short_help="Measure the hub beside bare loops, on engines of its own.")(bench)


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]…", help="Which benchmarks; without a name, all of them."),
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every figure to this file.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write a Markdown page of them.")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Take this share of events and rounds, to try it out.")
    ] = 1.0,
) -> None:
    """Start real engines in a temporary folder, let the hub and its peers work by turns, compare.

    The machine should be quiet: what else runs on it is in the figures. Peers whose library is missing are
    named and left out (`make bench` installs them). Exit 1 if a ratio is missed.

    Example: `hub bench gate --json gate.json`
    """
    settings = load_settings(None, running=False)
    from rich.console import Console  # noqa: PLC0415 - keeps `hub --help` quick

    from hub.launch.bench.run import run  # noqa: PLC0415

    if not run(settings, names or [], Console(stderr=True), results=results, report=report, share=share):
        raise typer.Exit(1)
