"""`hub indicator`: figures and their definitions; publish them, and work a published one out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings

if TYPE_CHECKING:
    from hub.launch.verify import Verified
    from hub.settings import Settings

Id = Annotated[str, typer.Argument(metavar="ID", help="The indicator, for example completion.in-time.")]
Period = Annotated[
    str, typer.Option("--period", metavar="PERIOD", help="A month `2026-11`, a year `2026`, or all.")
]
Breakdown = Annotated[
    str, typer.Option("--breakdown", metavar="BREAKDOWN", help="`all`, or dimension=value;dimension=value.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Figures: what they mean, their editions, their proof.")
    group.command("list")(list_)
    group.command("show")(show)
    group.command("publish")(publish)
    group.command("verify")(verify)
    app.add_typer(group, name="indicator")


def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the indicators by family, with how many figures and editions of each are published.

    Example: `hub indicator list`
    """
    from hub.indicators.definitions import ALL_DEFINITIONS, FAMILIES  # noqa: PLC0415 - keeps --help quick
    from hub.store import indicators  # noqa: PLC0415

    published = _with_engine(load_settings(data_dir), indicators.published)
    rows = [(each, *published.get(each.id, (0, 0, None))) for each in ALL_DEFINITIONS]
    if as_json:
        typer.echo(json.dumps([_listed(*row) for row in rows], ensure_ascii=False))
        return
    family = None
    for definition, figures, editions, _ in rows:
        if definition.family != family:
            family = definition.family
            typer.echo(f"{FAMILIES[family][1]} ({FAMILIES[family][0]})")
        typer.echo(
            f"  {definition.id:<32} {figures:>8,} figures {editions:>8,} editions   {definition.title_en}"
        )


def show(
    id: Id,  # noqa: A002 - the argument's public name
    period: Period = "all",
    breakdown: Breakdown = "all",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what an indicator means and every edition of one figure of it, the oldest first.

    Example: `hub indicator show completion.in-time --period 2026-11`
    """
    from hub.indicators.definitions import definition  # noqa: PLC0415 - keeps --help quick
    from hub.store import indicators  # noqa: PLC0415

    found, key = definition(id), _key(id, period, breakdown)
    question = indicators.Question(id, None, key[1], key[2])
    editions = _with_engine(
        load_settings(data_dir), lambda engine: indicators.history(engine, question, (), 1000)
    )
    if as_json:
        typer.echo(json.dumps({"definition": found.reference, "editions": editions}, ensure_ascii=False))
        return
    typer.echo(f"{found.title_en} · {found.title_fa}  ({found.reference}, {found.unit}, {found.basis})")
    typer.echo(f"  {found.meaning_en}\n  {found.meaning_fa}\n  {found.formula}")
    for each in editions:
        typer.echo(f"  {_told(each)}")
    if not editions:
        typer.echo(f"  nothing is published of {key[1]}, {key[2]}")


def publish(data_dir: DataDir = None) -> None:
    """Publish now: every figure that differs from its last edition becomes an edition.

    The process `indicators` does it by itself from time to time (HUB_INDICATORS__PUBLISH_SECONDS).

    Example: `hub indicator publish`
    """
    from hub.host.process import configure_logging  # noqa: PLC0415 - keeps --help quick
    from hub.launch.publish import publish as publish_now  # noqa: PLC0415

    settings = load_settings(data_dir)
    configure_logging("critical")
    done = publish_now(settings)
    typer.echo(f"{done.figures:,} figures worked out; {done.editions:,} differ and are published now")


def verify(  # noqa: PLR0917 - all but two are options
    id: Id,  # noqa: A002 - the argument's public name
    edition: Annotated[int, typer.Argument(metavar="EDITION", min=1, help="Its number, from `show`.")],
    period: Period = "all",
    breakdown: Breakdown = "all",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Work a published figure out again from the logs, up to where it was read then, and compare both.

    Cases are folded anew from their first event, beside the live ones; what flowed is counted from the
    deliveries themselves. Ends with 1 if anything differs. What retention has removed is named.

    Example: `hub indicator verify completion.in-time 1 --breakdown agency=permit-office`
    """
    from hub.host.process import configure_logging  # noqa: PLC0415 - keeps --help quick
    from hub.launch import verify as work  # noqa: PLC0415

    settings = load_settings(data_dir)
    configure_logging("critical")
    found = work.verify(
        settings, _key(id, period, breakdown), edition, lambda line: typer.echo(line, err=True)
    )
    if as_json:
        typer.echo(json.dumps(_verified(found), ensure_ascii=False))
    else:
        _print(found)
    raise typer.Exit(1 if found.differing else 0)


def _key(id_: str, period: str, breakdown: str) -> tuple[str, str, str]:
    """Return the figure that is meant; raise ContractError where there is no such indicator or breakdown."""
    from hub.indicators.breakdown import read  # noqa: PLC0415
    from hub.indicators.definitions import definition  # noqa: PLC0415

    return definition(id_).id, period, str(read(breakdown))


def _with_engine(settings: Settings, ask: Any) -> Any:
    from hub.store.engine import engine  # noqa: PLC0415

    made = engine(settings, pool_size=1)
    try:
        return ask(made)
    finally:
        made.dispose()


def _listed(definition: Any, figures: int, editions: int, at: Any) -> dict[str, Any]:
    return {
        "id": definition.id,
        "version": definition.version,
        "family": definition.family,
        "title": {"fa": definition.title_fa, "en": definition.title_en},
        "unit": definition.unit,
        "figures": figures,
        "editions": editions,
        "published_at": None if at is None else at.isoformat(),
    }


def _told(edition: dict[str, Any]) -> str:
    value = "suppressed" if edition["suppressed"] else "nothing to count"
    if edition["value"] is not None:
        value = f"{edition['value']:,.4g} {edition['unit']}"
        if edition["denominator"] is not None:
            value += f" ({edition['numerator']:,.10g} of {edition['denominator']:,.10g})"
    restated = f", restates {edition['restates']}" if edition["restates"] else ""
    return f"edition {edition['edition']} of {edition['published_at']}: {value}{restated}"


def _verified(found: Verified) -> dict[str, Any]:
    return {
        "published": found.edition.document(),
        "worked_out_again": found.again.document(),
        "same": not found.differing,
        "differing": sorted(found.differing),
        "records": found.records,
        "missing": list(found.missing),
        "objections": list(found.objections),
    }


def _print(found: Verified) -> None:
    edition = found.edition
    typer.echo(f"{edition.key}: published {edition.document()['published_at']}")
    typer.echo(f"  as of {json.dumps(edition.as_of.document()['positions'])}, clock {edition.as_of.clock}")
    typer.echo(f"  {found.records:,} records read again")
    for name in ("value", "numerator", "denominator", "cases", "events"):
        before, after = edition.value.document()[name], found.again.document()[name]
        typer.echo(f"  {name:<12} published {before!s:>20}   from the logs {after!s:>20}")
    for name, (before, after) in found.differing.items():
        typer.echo(f"  DIFFERENT: {name}: published {before!r}, from the logs {after!r}")
    for gap in found.missing:
        typer.echo(f"  removed by retention: {gap}; what stood before cannot be counted again")
    for said in found.objections:
        grounds = said["grounds_en"] or said["grounds_fa"] or "no grounds given"
        typer.echo(f"  objection of {said['agency']} at {said['at']}: {grounds}")
    typer.echo("  the same" if not found.differing else "  not the same")
