"""`hub plan` and `hub apply`: the agency registry's files against the registry in force."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import DataDir, load_settings

if TYPE_CHECKING:
    from hub.registry.model import Registry
    from hub.registry.records import RegistryReader
    from hub.settings import Settings

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]",
        show_default=False,
        help="Folder with agencies/ and agreements/; without it HUB_REGISTRY_DIR, else the example.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("plan")(plan)
    app.command("apply")(apply)


def plan(
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as one JSON object.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what `hub apply` would change in the agency registry; change nothing.

    Every fault of the files is named with file, line and field (exit code 2). Where a journey takes open
    cases of earlier versions along, their number is told, if the database can be asked.

    Example: `hub plan ops/registry`
    """
    from hub.broker.desired.apply import check, known  # noqa: PLC0415 - keeps --help quick
    from hub.registry.plan import plan as difference  # noqa: PLC0415

    settings = load_settings(data_dir)
    reader = known(settings)
    applied, desired = reader.current, read_files(settings, folder, reader)
    found = difference(applied, desired)
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False) if as_json else found.text())
    if not as_json:
        for line in _moving(settings, applied, desired):
            typer.echo(line)
    check(settings, reader, desired, remove_agencies=True)


def apply(
    folder: Folder = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    remove_agencies: Annotated[
        bool,
        typer.Option("--remove-agencies", help="Allow agencies to lose their place; their topics stay."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make the agency registry's files the registry in force: topics, credentials, ACLs, quotas, edition.

    Effective while the hub runs; a second apply changes nothing, or says what it had to put right on Kafka.

    Example: `hub apply ops/registry --yes`
    """
    from hub.broker.desired import apply as broker  # noqa: PLC0415 - keeps --help quick
    from hub.registry.plan import plan as difference  # noqa: PLC0415

    settings = load_settings(data_dir)
    reader = broker.known(settings)
    desired = read_files(settings, folder, reader)
    found = difference(reader.current, desired)
    typer.echo(found.text())
    for line in _moving(settings, reader.current, desired):
        typer.echo(line)
    broker.check(settings, reader, desired, remove_agencies=remove_agencies)
    if found.changes and not yes:
        _ask()
    done = broker.apply(
        settings,
        desired,
        remove_agencies=remove_agencies,
        confirmed=found,
        say=lambda line: typer.echo(f"  {line}"),
    )
    if not done.changed:
        typer.echo(f"Nothing to do: edition {done.edition} is in force and Kafka is as it says.")
    elif not done.new_edition:
        typer.echo(
            f"Kafka differed from edition {done.edition} and was put right: {len(done.changes)} changes."
        )
    else:
        typer.echo(f"Applied: edition {done.edition} is in force.")


def read_files(settings: Settings, folder: Path | None, reader: RegistryReader) -> Registry:
    """Return the registry that the files describe: the folder's, else the setting's, else the example's.

    `reader` knows what was applied before, from which migrations of journeys begin.
    """
    from hub import resources  # noqa: PLC0415 - keeps --help quick
    from hub.contracts.schemas import Contracts  # noqa: PLC0415
    from hub.registry.files import load  # noqa: PLC0415
    from hub.registry.records import JOURNEY  # noqa: PLC0415

    files = folder or settings.registry_dir or resources.folder("registry")
    return load(files, Contracts.load(), reader.versions(JOURNEY))


def _moving(settings: Settings, applied: Registry | None, desired: Registry) -> Iterator[str]:
    """Yield how many open cases the journeys that change would take along; nothing without a database."""
    from hub.errors import HubError  # noqa: PLC0415 - keeps --help quick
    from hub.registry.journey_migrations import news  # noqa: PLC0415
    from hub.store import cases  # noqa: PLC0415
    from hub.store.engine import engine, transaction  # noqa: PLC0415

    wanted = news(applied, desired)
    if not wanted:
        return
    database = engine(settings)
    try:
        with transaction(database) as connection:
            for journey, versions in wanted.items():
                count = cases.count_open(connection, journey, versions)
                named = ", ".join(map(str, sorted(versions)))
                yield f"Open cases of {journey} that would come along (versions {named}): {count:,}."
    except HubError as error:
        yield f"How many open cases would come along cannot be told: {error}"
    finally:
        database.dispose()


def _ask() -> None:
    from hub.errors import ConfigError  # noqa: PLC0415 - keeps --help quick

    if not sys.stdin.isatty():
        raise ConfigError("nobody is here to ask.", do="Say --yes to apply this plan.")
    if not typer.confirm("Apply this plan?"):
        typer.echo("Nothing was applied.")
        raise typer.Exit(1)
