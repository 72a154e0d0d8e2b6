"""`hub demo`: the whole hub with real event logs, and a page of results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import DataDir, load_settings
from hub.errors import ConfigError

_PLAIN_WIDTH = 120
"""Columns of the page in a file or a pipe."""


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("demo", short_help="Start the whole hub and let real event logs flow through it.")(demo)


def demo(  # noqa: PLR0917 - options, all named by the caller
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
    ] = 28,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Replay this XES log instead, plain or gzipped."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE", help="How a row of the log becomes an event (YAML)."),
    ] = None,
    agency: Annotated[
        str | None,
        typer.Option("--agency", metavar="CODE", help="Who publishes the log; else as the mapping says."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --once: nothing but the last line on standard output.")
    ] = False,
) -> None:
    """Start the hub, publish real permit logs through its agencies, check every delivery, show the results.

    Three municipalities, a permit office and a service portal publish; a permit register, a fee collector and
    a statistics office receive. Without `--once` the hub stays up until Ctrl-C; in a pipe it writes the
    figures as one JSON object before it waits. A second run on the same data folder publishes nothing again:
    it checks and shows the results once more. Exit 1 if anything is wrong.

    With `--log` and `--mapping` it replays one log of yours instead and shows its figures: cases, variants,
    throughput, hand-overs, late cases. docs/reference/demo-data.md describes the mapping.

    Example: `hub demo --once --data-dir ./demo-data`

    Example: `hub demo --log receipt.xes.gz --mapping permit-office.yaml --agency town --once --json`
    """
    settings = load_settings(data_dir, running=False)
    if (log is None) != (mapping is None) or (log is None and agency is not None):
        raise ConfigError("--log and --mapping belong together; --agency goes with them.")
    if as_json and not once:
        raise ConfigError("--json goes with --once.")
    from rich.console import Console  # noqa: PLC0415 - keeps `hub --help` quick

    from hub.launch.demo import foreground  # noqa: PLC0415

    progress = Console(stderr=True)
    results = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
    results.quiet = as_json
    if log is None or mapping is None:
        raise typer.Exit(foreground.run_demo(settings, progress, results, once=once, days=tick_days))
    from hub.launch.demo.replay import prepare  # noqa: PLC0415

    replay = prepare(settings, log, mapping, agency)
    raise typer.Exit(foreground.run_replay(settings, replay, progress, results, once=once, days=tick_days))
