"""`hub agency`: who is registered, and the credentials that connect an agency."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings

if TYPE_CHECKING:
    from hub.contracts.names import AgencyCode
    from hub.registry.model import Agency, Registry
    from hub.settings import Settings

Code = Annotated[str, typer.Argument(metavar="CODE", help="The agency's code, for example municipality-1.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Agencies: who is registered, and their credentials.")
    group.command("list")(list_)
    group.command("credentials")(credentials)
    group.command("rotate")(rotate)
    app.add_typer(group, name="agency")


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON array.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List the agencies of the registry in force: titles, topics, grants, agreements.

    Example: `hub agency list --json`
    """
    registry = _in_force(load_settings(data_dir))
    agencies = [registry.agencies[code] for code in sorted(registry.agencies)]
    if as_json:
        typer.echo(json.dumps([_document(registry, agency) for agency in agencies], ensure_ascii=False))
    else:
        _print_table(registry, agencies)


def credentials(
    code: Code,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write them to a file (0600) instead.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print what an agency's connector needs to connect, as environment variables.

    Give it to the agency by a safe way; it holds the password.

    Example: `hub agency credentials municipality-1 --out municipality-1.env`
    """
    from hub.broker import credentials as kept  # noqa: PLC0415 - keeps --help quick

    settings = load_settings(data_dir)
    variables = _variables(settings, _code(code))
    text = "\n".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    if out is None:
        typer.echo(text)
    else:
        kept.write_secret(out, text)
        typer.echo(f"{out} written; only you may read it.")


def rotate(code: Code, data_dir: DataDir = None) -> None:
    """Give an agency a new password; the old one no longer connects.

    Connections that are open stay until they close.

    Example: `hub agency rotate municipality-1`
    """
    from hub.broker.desired import users  # noqa: PLC0415 - keeps --help quick
    from hub.errors import ConfigError  # noqa: PLC0415
    from hub.registry.yamldocs import did_you_mean  # noqa: PLC0415

    settings = load_settings(data_dir)
    agencies = _in_force(settings).agencies
    agency = _code(code)
    if agency not in agencies:
        raise ConfigError(f"no agency has the code {code!r}.{did_you_mean(code, agencies)}")
    users.rotate(settings, agency)
    typer.echo(f"{agency} has a new password. `hub agency credentials {agency}` prints it.")


def _code(text: str) -> AgencyCode:
    from hub.contracts.names import agency_code  # noqa: PLC0415 - keeps --help quick
    from hub.errors import ConfigError, ContractError  # noqa: PLC0415

    try:
        return agency_code(text)
    except ContractError as error:
        raise ConfigError(str(error)) from None


def _in_force(settings: Settings) -> Registry:
    from hub.broker.registry_topic import read_registry  # noqa: PLC0415 - keeps --help quick
    from hub.contracts.topics import READER_PRINCIPAL  # noqa: PLC0415
    from hub.errors import ConfigError  # noqa: PLC0415

    registry = read_registry(settings, READER_PRINCIPAL).current
    if registry is None:
        raise ConfigError("no agency registry was applied yet.", do="Run `hub apply`.")
    return registry


def _variables(settings: Settings, agency: AgencyCode) -> dict[str, str]:
    from hub.broker import credentials as kept  # noqa: PLC0415 - keeps --help quick
    from hub.errors import ConfigError  # noqa: PLC0415

    kafka = settings.kafka
    if kafka.bootstrap is None:
        raise ConfigError("no Kafka is configured.", do="Start `hub up` on this data folder first.")
    # Never HUB_KAFKA__PASSWORD, which is the hub's own.
    file = kept.file_of(settings, agency)
    if not file.is_file():
        raise ConfigError(
            f"there are no credentials of an agency {agency!r}.",
            where=str(file),
            do="Is it in `hub agency list`? Run `hub apply` on the data folder that made them.",
        )
    found = {
        "PEYVAND_AGENCY": agency,
        "PEYVAND_BOOTSTRAP": kafka.bootstrap,
        "PEYVAND_USERNAME": agency,
        "PEYVAND_PASSWORD": file.read_text(encoding="utf-8").strip(),
        "PEYVAND_SECURITY_PROTOCOL": kafka.security_protocol,
        "PEYVAND_SASL_MECHANISM": kafka.sasl_mechanism,
    }
    return found | ({"PEYVAND_CA_FILE": str(kafka.ca_file.absolute())} if kafka.ca_file else {})


def _document(registry: Registry, agency: Agency) -> dict[str, Any]:
    from hub.contracts import topics  # noqa: PLC0415 - keeps --help quick
    from hub.registry.documents import encode_agency  # noqa: PLC0415

    incoming, outgoing = _agreements(registry, agency)
    return encode_agency(agency) | {
        "version": agency.version,
        "topics": [spec.name for spec in topics.agency_topics(agency.code, agency.partitions)],
        "agreements": {"in": incoming, "out": outgoing},
    }


def _agreements(registry: Registry, agency: Agency) -> tuple[list[str], list[str]]:
    every = sorted(registry.agreements.values(), key=lambda each: each.id)
    incoming = [each.reference for each in every if each.recipient == agency.code]
    return incoming, [each.reference for each in every if each.source == agency.code]


def _print_table(registry: Registry, agencies: list[Agency]) -> None:
    from rich import box  # noqa: PLC0415 - keeps --help quick
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE, title=f"Agency registry, edition {registry.version}", title_justify="left")
    for heading in ("code", "عنوان", "title", "topics"):
        table.add_column(heading, no_wrap=heading == "code")
    for heading in ("partitions", "grants", "in", "out"):
        table.add_column(heading, justify="right")
    for agency in agencies:
        incoming, outgoing = _agreements(registry, agency)
        figures = (agency.partitions, len(agency.grants), len(incoming), len(outgoing))
        topics = f"agency.{agency.code}.*"
        table.add_row(agency.code, agency.title_fa, agency.title_en, topics, *(str(each) for each in figures))
    console = Console()
    # A pipe has no width of its own; lines are for programs there, not for a screen.
    (console if console.is_terminal else Console(width=160)).print(table)
