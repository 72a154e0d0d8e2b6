"""`hub demo`: the whole hub with real event logs, and a page of results."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hub.cli.options import DataDir, load_settings

_PLAIN_WIDTH = 120
"""Columns of the page in a file or a pipe."""


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("demo", short_help="Start the whole hub and let real event logs flow through it.")(demo)


def demo(
    data_dir: DataDir = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="Stop afterwards; the last line is one JSON object."),
    ] = False,
    tick_days: Annotated[
        int,
        typer.Option(
            "--tick-days",
            metavar="N",
            min=1,
            help="Days of event time after which the programme's clock is told; deadlines fire then.",
        ),
    ] = 14,
) -> None:
    """Start the hub, publish real permit logs through its agencies, check every delivery, show the results.

    Three municipalities, a permit office and a service portal publish; a permit register, a fee collector and
    a statistics office receive. Without `--once` the hub stays up until Ctrl-C. A second run on the same data
    folder publishes nothing again: it checks and shows the results once more. Exit 1 if anything is wrong.

    Example: `hub demo --once --data-dir ./demo-data`
    """
    settings = load_settings(data_dir, running=False)
    from rich.console import Console  # noqa: PLC0415 - keeps `hub --help` quick

    from hub.launch.demo.foreground import run_demo  # noqa: PLC0415

    results = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
    raise typer.Exit(run_demo(settings, Console(stderr=True), results, once=once, days=tick_days))
