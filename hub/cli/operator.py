"""`hub operator`: the people who may settle parked events, each with a Kafka login of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import DataDir, load_settings

if TYPE_CHECKING:
    from hub.contracts.names import AgencyCode

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, hyphens; best the login name.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Operators: who may settle parked events.")
    group.command("add")(add)
    group.command("list")(list_)
    group.command("remove")(remove)
    app.add_typer(group, name="operator")


def add(name: Name, data_dir: DataDir = None) -> None:
    """Give a person a Kafka login of their own, `operator.NAME`; its password is in the data folder.

    It may write to the hub's outbox and read what a decision needs. Said again, it puts permissions right.

    Example: `hub operator add maryam`
    """
    from hub.broker import credentials  # noqa: PLC0415 - keeps --help quick
    from hub.broker.desired import acls, users  # noqa: PLC0415
    from hub.contracts import topics  # noqa: PLC0415

    settings, code = load_settings(data_dir), _name(name)
    principal = topics.operator(code)
    changes = users.ensure_users(settings, [principal])
    changes += acls.ensure_acls(settings, acls.operator_acls(code), [principal])
    for each in changes:
        typer.echo(each)
    typer.echo(f"{principal} may settle parked events; password: {credentials.file_of(settings, principal)}")


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List the operators that Kafka knows.

    Example: `hub operator list --json`
    """
    from hub.broker.desired import users  # noqa: PLC0415 - keeps --help quick
    from hub.contracts.topics import OPERATOR_PREFIX  # noqa: PLC0415

    principals = users.principals(load_settings(data_dir), OPERATOR_PREFIX)
    names = [each.removeprefix(OPERATOR_PREFIX) for each in principals]
    typer.echo(json.dumps(names) if as_json else "\n".join(names) or "There are no operators yet.")


def remove(name: Name, data_dir: DataDir = None) -> None:
    """End an operator's login; what they did stays on record.

    Example: `hub operator remove maryam`
    """
    from hub.broker.desired import acls, users  # noqa: PLC0415 - keeps --help quick
    from hub.contracts import topics  # noqa: PLC0415
    from hub.errors import ConfigError  # noqa: PLC0415

    settings = load_settings(data_dir)
    principal = topics.operator(_name(name))
    changes = users.remove_users(settings, [principal]) + acls.ensure_acls(settings, frozenset(), [principal])
    if not changes:
        raise ConfigError(f"there is no operator {name!r}.", do="`hub operator list` names them.")
    for each in changes:
        typer.echo(each)


def _name(text: str) -> AgencyCode:
    from hub.contracts.names import agency_code  # noqa: PLC0415 - keeps --help quick
    from hub.errors import ConfigError, ContractError  # noqa: PLC0415

    try:
        return agency_code(text)
    except ContractError:
        raise ConfigError(
            f"{text!r} is no operator's name:",
            do="use lower-case letters, digits and hyphens, a letter first.",
        ) from None
