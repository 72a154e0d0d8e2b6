"""`hub case show`: the timeline of one case."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import DataDir, load_settings
from hub.errors import HubError

if TYPE_CHECKING:
    from hub.journeys.timeline import Timeline
    from hub.settings import Settings


class Lang(StrEnum):
    """The languages of the page."""

    FA = "fa"
    EN = "en"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="One case: who had it, how long, what is next, by when.")
    group.callback()(lambda: None)
    group.command("show")(show)
    app.add_typer(group, name="case")


def show(
    case_id: Annotated[str, typer.Argument(metavar="ID", help="The case's id: <agency>/<local id>.")],
    lang: Annotated[Lang, typer.Option("--lang", help="Language of the page.")] = Lang.EN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what happened in a case: what each event meant, who had it how long, what is next and by when.

    Deadlines are judged by the programme's clock. Who in an office did something is left out. Ends with 1
    when there is no such case.

    Example: `hub case show permit-office/case-10011 --lang fa`
    """
    settings = load_settings(data_dir)
    told = _timeline(settings, case_id)
    if as_json:
        from hub.api.timelines import document  # noqa: PLC0415

        typer.echo(json.dumps(document(told), ensure_ascii=False))
        return
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from hub.cli.case_page import lines  # noqa: PLC0415

    for line in lines(told, lang.value, ZoneInfo(settings.indicators.zone)):
        typer.echo(line)


def _timeline(settings: Settings, case_id: str) -> Timeline:
    from hub.broker.registry_topic import read_registry  # noqa: PLC0415 - keeps --help quick
    from hub.contracts import topics  # noqa: PLC0415
    from hub.journeys.book import Book  # noqa: PLC0415
    from hub.journeys.timeline import timeline  # noqa: PLC0415
    from hub.store import case_pages  # noqa: PLC0415
    from hub.store.engine import engine  # noqa: PLC0415

    database = engine(settings)
    try:
        found = case_pages.found(database, case_id)
    finally:
        database.dispose()
    if not found.events:
        raise HubError(
            f"there is no case {case_id!r}.", do="Write <agency>/<local id>; `/v1/cases` lists what there is."
        )
    editions = read_registry(settings, topics.READER_PRINCIPAL).editions()
    return timeline(case_id, found.events, Book(editions), found.clock, found.reached)
