"""`hub schemas check | lock | diff`: the contracts as files, and their lock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hub.contracts.locking import Change, State
    from hub.contracts.sources import Finding

SchemasDir = Annotated[
    Path | None,
    typer.Option(
        "--schemas",
        metavar="DIR",
        show_default=False,
        help="Folder of the schemas; without it the installation's own.",
    ),
]

commands = typer.Typer(
    name="schemas",
    help="Check the event types' Avro schemas and give them ids.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def register(app: typer.Typer) -> None:
    """Add `hub schemas` to the command line."""
    app.add_typer(commands)


@commands.command()
def check(schemas: SchemasDir = None) -> None:
    """Check every schema: rules, compatibility with its earlier versions, and that the lock is current.

    All findings are printed at once, each with its file and field; the exit code is 1 if there are any.

    Example: `hub schemas check --schemas schemas`
    """
    from hub.contracts import locking  # noqa: PLC0415 - keeps --help quick

    state = _examine(schemas)
    _end_if(state, (*state.findings, *locking.stale(state)))
    types = {entry.event_type for entry in state.entries}
    print(f"{len(types)} event types in {len(state.entries)} versions are well and locked.")


@commands.command()
def lock(schemas: SchemasDir = None) -> None:
    """Give every new or changed schema the next id and write it to the lock.

    Nothing is written while any finding stands: a broken rule, or a version that cannot read all others.

    An id is never given twice and never moves.

    Example: `hub schemas lock --schemas schemas`
    """
    from hub.contracts import lockfile  # noqa: PLC0415 - keeps --help quick
    from hub.errors import ConfigError  # noqa: PLC0415 - keeps --help quick

    state = _examine(schemas)
    _end_if(state, state.findings)
    if not state.changes:
        print("The lock is current; nothing to do.")
        return
    try:
        lockfile.write(state.folder, state.locked)
    except OSError as error:
        raise ConfigError(f"the lock cannot be written: {error.strerror}.", where=str(state.folder)) from None
    for change in state.changes:
        print(_line(change))
    print(f"Locked {len(state.changes)} in {state.folder / lockfile.FILE}.")


@commands.command()
def diff(schemas: SchemasDir = None) -> None:
    """Show what `hub schemas lock` would do: new and changed event types, their ids, the fields that differ.

    Example: `hub schemas diff --schemas schemas`
    """
    state = _examine(schemas)
    for change in state.changes:
        print(_line(change))
        for sign, names in (("+", change.added), ("-", change.removed), ("~", change.altered)):
            for name in names if change.kind == "changed" else ():
                print(f"    {sign} {name}")
    _end_if(state, state.findings)
    print(f"{len(state.changes)} to lock." if state.changes else "No changes.")


def _examine(schemas: Path | None) -> State:
    from hub import resources  # noqa: PLC0415 - keeps --help quick
    from hub.contracts import locking  # noqa: PLC0415 - keeps --help quick

    return locking.examine(schemas.expanduser() if schemas else resources.folder("schemas"))


def _end_if(state: State, findings: tuple[Finding, ...]) -> None:
    if not findings:
        return
    for finding in findings:
        typer.echo(str(finding), err=True)
    count = f"{len(findings)} finding" + ("s" if len(findings) > 1 else "")
    typer.echo(f"{count} in {state.folder}.", err=True)
    raise typer.Exit(1)


def _line(change: Change) -> str:
    sign = "+" if change.kind == "new" else "~"
    return f"{sign} {change.entry.event_type} version {change.entry.version}, id {change.entry.id}"
