"""`hub parked list|show|requests`: what was refused, whose it is and why; contents for a reason only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings
from hub.cli.parked.options import (
    AgencyOf,
    As,
    AsJson,
    ReasonOf,
    Since,
    TextOf,
    Until,
    chosen_of,
    database_of,
    note_of,
    question_of,
)
from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from hub.parked.events import ParkedEvent
    from hub.settings import Settings


def list_(  # noqa: PLR0917 - options, all named by the caller
    agency: AgencyOf = None,
    reason: ReasonOf = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="CODE", help="Only what this agency has to mend; or hub.")
    ] = None,
    since: Since = None,
    until: Until = None,
    text: TextOf = None,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="open, replayed, discarded, or all.")
    ] = "open",
    limit: Annotated[int, typer.Option("--limit", min=1, max=5000, help="The most rows.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List parked events: counts by reason class and agency with the age of the oldest, then rows.

    Contents are never listed. Oldest first.

    Example: `hub parked list --agency municipality-1 --reason not-allowed --since 7d`
    """
    from hub.cli.parked import pages  # noqa: PLC0415 - keeps --help quick
    from hub.store import parked as tables  # noqa: PLC0415

    question = question_of(agency, reason, since, until, text, state=state, owner=owner)
    database = database_of(load_settings(data_dir))
    groups = tables.groups(database, question)
    found = tables.page(database, question, limit + 1)
    if as_json:
        body = {
            "groups": [each.to_json() for each in groups],
            "events": [each.to_json() for each in found[:limit]],
            "more": len(found) > limit,
        }
        typer.echo(json.dumps(body, ensure_ascii=False))
    else:
        pages.listing(groups, found[:limit], more=len(found) > limit)


def show(  # noqa: PLR0917 - options, all named by the caller
    origin: Annotated[str, typer.Argument(metavar="ORIGIN", help="A place as `hub parked list` shows it.")],
    contents: Annotated[
        bool, typer.Option("--contents", help="Show key, headers and value too; this is put on record.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="What you need the contents for.")
    ] = None,
    as_name: As = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show one parked event: whose it is, why, since when, and what became of it.

    Contents may be personal. With --contents and a --reason they are shown once the event
    `hub.contents.viewed.v1` that says who looked is on the broker.

    Example: `hub parked show agency.municipality-1.outbox/2/17 --contents --reason "ticket 4711"`
    """
    from hub.cli.parked import pages  # noqa: PLC0415 - keeps --help quick

    if contents and not (reason or "").strip():
        raise ConfigError(
            "contents are shown for a reason only.", do="Say --reason TEXT; it is put on record."
        )
    settings = load_settings(data_dir)
    (found,) = chosen_of(database_of(settings), [origin])
    body = found.to_json()
    if contents:
        body["contents"] = _contents(settings, found.event, as_name, note_of(reason or ""))
    if as_json or contents:
        typer.echo(json.dumps(body, ensure_ascii=False, indent=None if as_json else 2))
    else:
        pages.one(found)


def requests(
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="open, confirmed, declined, or all.")
    ] = "all",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List requests to settle many events at once: who asked, who decided, how many events are still open.

    Example: `hub parked requests --state open`
    """
    from hub.cli.parked import pages  # noqa: PLC0415 - keeps --help quick
    from hub.store import parked as tables  # noqa: PLC0415

    if state not in ("open", "confirmed", "declined", "all"):
        raise ConfigError(f"--state {state!r} is none.", do="Say open, confirmed, declined or all.")
    found = tables.requests(database_of(load_settings(data_dir)), None if state == "all" else state)
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found], ensure_ascii=False))
    else:
        pages.requests(found)


def _contents(settings: Settings, event: ParkedEvent, as_name: str | None, purpose: str) -> dict[str, Any]:
    from hub.broker.desk import originals  # noqa: PLC0415 - keeps --help quick
    from hub.broker.desk.desk import Pen, hub_event  # noqa: PLC0415
    from hub.broker.desk.people import person  # noqa: PLC0415
    from hub.cli.parked import pages  # noqa: PLC0415
    from hub.contracts.codec import Codec  # noqa: PLC0415
    from hub.contracts.schemas import Contracts  # noqa: PLC0415
    from hub.parked import acts  # noqa: PLC0415

    who = person(settings, as_name, operator=False)
    records = [record for _, record in originals.records(settings, [event])]
    if not records:
        raise HubError(f"hub.parked does not hold {event.origin} any more.")
    viewed = acts.viewed(event, who.name, datetime.now(UTC), purpose)
    Pen(settings, who.principal).write(hub_event(Codec(Contracts.load()), viewed))
    return pages.contents(records[0])
