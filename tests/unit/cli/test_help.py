"""The command line explains itself."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
import typer
from typer.testing import CliRunner

from hub.cli.app import app


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))


ALL = list(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    """`--help` exits 0 and says more than the usage line; a command that does something shows an example."""
    result = CliRunner().invoke(app, [*path, "--help"], terminal_width=200)
    assert result.exit_code == 0, result.output
    leaf = not any(other[: len(path)] == path and len(other) > len(path) for other in ALL)
    if leaf:
        assert f"hub {' '.join(path)}" in result.output.split("Usage:", 1)[1].split("\n", 1)[1]


def test_the_commands_of_the_design_exist() -> None:
    """The names that outside checks rely on are there."""
    wanted = {
        "up", "demo", "plan", "apply",
        "schemas check", "schemas lock", "schemas diff",
        "agency list", "agency credentials", "agency rotate",
        "event send", "event show", "ledger", "ledger explain", "ledger repair",
        "parked list", "parked show", "parked replay", "parked discard", "parked requests", "parked confirm",
        "parked decline", "operator add", "operator list", "operator remove", "rebuild", "gate position",
    }  # fmt: skip
    assert wanted <= {" ".join(path) for path in ALL}


def test_an_unknown_command_is_a_usage_error() -> None:
    """Using it wrongly exits 2."""
    assert CliRunner().invoke(app, ["no-such-command"]).exit_code == 2
