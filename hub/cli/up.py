"""`hub up`: the whole hub in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import DataDir, load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("up", short_help="Start the whole hub on this machine, in the foreground.")(up)


def up(
    data_dir: DataDir = None,
    gates: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many gates share the work.", show_default="1")
    ] = None,
    with_prometheus: Annotated[
        bool, typer.Option("--with-prometheus", help="Also start Prometheus, with the hub's rules.")
    ] = False,
) -> None:
    """Start Kafka, PostgreSQL and the hub's processes, and keep them running until Ctrl-C or SIGTERM.

    Everything lies in the data folder; a second start resumes. With HUB_KAFKA__BOOTSTRAP or HUB_POSTGRES__URL
    set, the hub uses those instead of its own. A second Ctrl-C does not wait for what is in hand (nothing is
    lost: the next start recovers). --with-prometheus wants the program `prometheus` (Debian: apt-get install
    prometheus); its data lies in the data folder too, and its address is told.

    Example: `hub up --data-dir ./hub-data --gates 2`
    """
    settings = load_settings(data_dir, running=False)
    if gates is not None:
        settings = settings.model_copy(update={"gate": settings.gate.model_copy(update={"count": gates})})
    from rich.console import Console  # noqa: PLC0415 - keeps `hub --help` quick

    from hub.launch.foreground import run_foreground  # noqa: PLC0415

    run_foreground(settings, Console(stderr=True), with_prometheus=with_prometheus)
