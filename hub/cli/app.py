"""The tree of commands: every module of this folder that holds commands registers them here."""

from __future__ import annotations

import importlib

import typer

app = typer.Typer(
    name="hub",
    help="Peyvand: an event-driven interoperability hub between government agency systems.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)

MODULES = (
    "up",
    "demo",
    "registry",
    "agency",
    "schemas",
    "event",
    "case",
    "ledger",
    "parked",
    "indicator",
    "operator",
    "gate",
    "rebuild",
    "bench",
)
"""Modules of `hub.cli`, in the order of the help; each has `register(app)`."""

for _name in MODULES:
    importlib.import_module(f"hub.cli.{_name}").register(app)
