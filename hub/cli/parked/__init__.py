"""`hub parked`: what was refused, whose it is and why; send it again, or give it up, and answer for it."""

from __future__ import annotations

import typer

from hub.cli.parked.listing import list_, requests, show
from hub.cli.parked.settle import confirm, decline, discard, replay


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Parked events: whose, why; replay or discard them.")
    for command in (list_, show, replay, discard, requests, confirm, decline):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="parked")
