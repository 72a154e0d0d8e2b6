"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub import settings as settings_module
from hub.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        show_default=False,
        help="The hub's data folder; without it HUB_DATA_DIR, else ./hub-data.",
    ),
]
"""`data_dir: DataDir = None` on each command that touches a hub."""


def load_settings(data_dir: Path | None = None, *, running: bool = True) -> Settings:
    """Return the settings for a command: environment, then the data folder's hub.env, then the defaults.

    `running=False` leaves hub.env out: for commands that start a hub rather than reach one.
    Raises ConfigError naming every variable that is wrong.
    """
    return settings_module.load(data_dir.expanduser() if data_dir else None, running=running)
