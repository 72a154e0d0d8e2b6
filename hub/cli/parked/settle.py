"""`hub parked replay|discard|confirm|decline`: settling parked events, one at once, many with four eyes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from hub.cli.options import DataDir, load_settings
from hub.cli.parked.options import (
    AgencyOf,
    As,
    AsJson,
    DryRun,
    Everything,
    Note,
    Origins,
    ReasonOf,
    RequestId,
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
    from sqlalchemy import Engine

    from hub.broker.desk.people import Person
    from hub.broker.desk.settling import Outcome
    from hub.parked.acts import Action, Decided, Decision
    from hub.parked.events import ParkedEvent
    from hub.parked.question import Question
    from hub.settings import Settings
    from hub.store.parked import Found, FoundRequest

    _Chosen = tuple[list[str], Question, bool]


def replay(  # noqa: PLR0917 - options, all named by the caller
    note: Note,
    origins: Origins = None,
    agency: AgencyOf = None,
    reason: ReasonOf = None,
    since: Since = None,
    until: Until = None,
    text: TextOf = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_name: As = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Send parked events through the gate again. One is sent at once; more are a request for a second person.

    The original goes to the hub's outbox byte for byte, together with the event that says who replayed it.
    --dry-run says of each what the gate would decide now. Ends with 1 where something was not done.

    Example: `hub parked replay agency.municipality-1.outbox/2/17 --note "grant added" --dry-run`
    """
    question = question_of(agency, reason, since, until, text)
    chosen = (origins or [], question, everything)
    _act("replay", note, chosen, as_name, load_settings(data_dir), dry_run=dry_run, as_json=as_json)


def discard(  # noqa: PLR0917 - options, all named by the caller
    note: Note,
    origins: Origins = None,
    agency: AgencyOf = None,
    reason: ReasonOf = None,
    since: Since = None,
    until: Until = None,
    text: TextOf = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_name: As = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give parked events up. One is given up at once; more are a request for a second person.

    The record stays in hub.parked; the event leaves the list of open ones. Ends with 1 where something was
    not done.

    Example: `hub parked discard --agency municipality-1 --reason decode --note "sent again, mended"`
    """
    question = question_of(agency, reason, since, until, text)
    chosen = (origins or [], question, everything)
    _act("discard", note, chosen, as_name, load_settings(data_dir), dry_run=dry_run, as_json=as_json)


def confirm(
    request_id: RequestId,
    as_name: As = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; no personal data.")] = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Confirm a request of somebody else, and do what it asks.

    If it was interrupted, say it again: it goes on where it stopped. Ends with 1 where something was not
    done.

    Example: `hub parked confirm 3f0c7a12 --as reza`
    """
    from hub.broker.desk import settling  # noqa: PLC0415 - keeps --help quick
    from hub.store import parked as tables  # noqa: PLC0415

    settings = load_settings(data_dir)
    found, person, decision = _decision(settings, request_id, as_name, note, decided="confirmed")
    events = tables.by_origin(database_of(settings), found.request.origins)
    unknown = [each for each in found.request.origins if each not in events]
    order = settling.Order(
        found.request.action, person, f"request {request_id}: {found.request.note or ''}", decision
    )
    still = [each.event for each in events.values() if each.state == "open"]
    outcome = settling.settle(settings, order, still)
    outcome.before += [each.event.origin for each in events.values() if each.state != "open"]
    outcome.failed |= dict.fromkeys(unknown, "it is not in the table of parked events yet.")
    _report(found.request.action, outcome, as_json=as_json, sure=True)


def decline(
    request_id: RequestId,
    as_name: As = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; no personal data.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Decline a request of somebody else; its events stay open.

    Example: `hub parked decline 3f0c7a12 --as reza --note "ask the agency first"`
    """
    from hub.broker.desk.desk import Desk  # noqa: PLC0415 - keeps --help quick
    from hub.broker.desk.history import history  # noqa: PLC0415
    from hub.broker.desk.settling import SETTLING, decide  # noqa: PLC0415

    settings = load_settings(data_dir)
    _, person, decision = _decision(settings, request_id, as_name, note, decided="declined")
    with Desk(settings, person.principal, SETTLING) as desk:
        decide(desk, history(settings), decision)
    typer.echo(f"request {request_id} declined by {person.name}.")


def _act(
    action: Action,
    note: str,
    chosen: _Chosen,
    as_name: str | None,
    settings: Settings,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Settle the one event that was chosen, or make a request where there are more."""
    from hub.broker.desk import people, settling  # noqa: PLC0415 - keeps --help quick

    found = _wanted(database_of(settings), chosen)
    still = [each.event for each in found if each.state == "open"]
    if dry_run:
        _try(action, settings, still, as_json=as_json)
        return
    if len(found) > 1:
        _ask(action, note_of(note), still, settings, as_name, as_json=as_json)
        return
    person = people.person(settings, as_name, operator=False)
    outcome = settling.settle(settings, settling.Order(action, person, note_of(note)), still)
    outcome.before += [each.event.origin for each in found if each.state != "open"]
    _report(action, outcome, as_json=as_json)


def _wanted(database: Engine, chosen: _Chosen) -> list[Found]:
    from hub.parked.acts import MOST_ORIGINS  # noqa: PLC0415 - keeps --help quick
    from hub.store import parked as tables  # noqa: PLC0415

    origins, question, everything = chosen
    if bool(origins) == (question.narrows or everything):
        raise ConfigError(
            "say which: either origins, or filters, or --all.", do="`hub parked list` shows them."
        )
    if origins:
        return chosen_of(database, list(dict.fromkeys(origins)))
    found = tables.page(database, question, MOST_ORIGINS + 1)
    if len(found) > MOST_ORIGINS:
        raise ConfigError(f"more than {MOST_ORIGINS} events at once are too many.", do="Narrow the filters.")
    if not found:
        raise HubError("no open parked event is like that.", do="`hub parked list` shows them.")
    return found


def _ask(
    action: Action,
    note: str,
    events: Sequence[ParkedEvent],
    settings: Settings,
    as_name: str | None,
    *,
    as_json: bool,
) -> None:
    from hub.broker.desk.desk import Pen, hub_event  # noqa: PLC0415 - keeps --help quick
    from hub.broker.desk.people import person  # noqa: PLC0415
    from hub.contracts.codec import Codec  # noqa: PLC0415
    from hub.contracts.schemas import Contracts  # noqa: PLC0415
    from hub.parked import acts  # noqa: PLC0415

    if not events:
        raise HubError("all of these are settled already.", do="`hub parked list` shows what is open.")
    who = person(settings, as_name, operator=True)
    id_ = uuid4().hex[:12]
    origins = tuple(each.origin for each in events)
    request = acts.Request(id_, action, origins, who.name, datetime.now(UTC), note)
    event = hub_event(Codec(Contracts.load()), acts.requested(request), id_)
    Pen(settings, who.principal).write(event)
    if as_json:
        typer.echo(json.dumps({"request_id": id_, "action": action, "events": len(events)}))
        return
    typer.echo(
        f"request {id_}: {action} {len(events)} events. A second person confirms it with\n"
        f"  hub parked confirm {id_} --as NAME"
    )


def _try(action: Action, settings: Settings, events: Sequence[ParkedEvent], *, as_json: bool) -> None:
    from hub.broker.desk.settling import verdicts  # noqa: PLC0415 - keeps --help quick
    from hub.cli.parked import pages  # noqa: PLC0415

    if action == "discard":
        rows = [{"origin": str(each.origin), "verdict": "discarded"} for each in events]
    else:
        rows = [pages.trial(event, verdict) for event, verdict in verdicts(settings, events)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        told = " ".join(str(value) for name, value in row.items() if name != "origin" and value)
        typer.echo(f"{row['origin']}: {told}")
    if len(rows) > 1:
        typer.echo(f"{len(rows)} events: a second person would have to confirm.")


def _decision(
    settings: Settings, request_id: str, as_name: str | None, note: str, *, decided: Decided
) -> tuple[FoundRequest, Person, Decision]:
    """Return the request, who decides, and the decision; ConfigError where it may not be."""
    from hub.broker.desk.people import person  # noqa: PLC0415 - keeps --help quick
    from hub.parked.acts import Decision, may_decide  # noqa: PLC0415
    from hub.store import parked as tables  # noqa: PLC0415

    who = person(settings, as_name, operator=True)
    found = tables.request(database_of(settings), request_id)
    if found is None:
        raise HubError(
            f"there is no request {request_id!r}.",
            do="`hub parked requests` lists them; one made just now shows after a moment.",
        )
    if not may_decide(found.request.by, who.name):
        raise ConfigError(f"{who.name} asked for this; somebody else has to decide.")
    if found.state not in ("open", decided):
        raise ConfigError(f"the request was {found.state} by {found.decided_by} already.")
    return (
        found,
        who,
        Decision(request_id, decided, who.name, datetime.now(UTC), note_of(note) if note else None),
    )


def _report(action: Action, outcome: Outcome, *, as_json: bool, sure: bool = False) -> None:
    """Say what was done; end with 1 where something failed, or (not `sure`) where nothing was done."""
    done = {"replay": "replayed", "discard": "discarded"}[action]
    if as_json:
        body = {
            done: [str(each) for each in outcome.done],
            "settled_before": [str(each) for each in outcome.before],
            "failed": {str(each): why for each, why in outcome.failed.items()},
        }
        typer.echo(json.dumps(body, ensure_ascii=False))
    else:
        before = f", {len(outcome.before)} were settled before" if outcome.before else ""
        typer.echo(f"{len(outcome.done)} {done}{before}.")
        for each, why in outcome.failed.items():
            typer.echo(f"{each}: {why}", err=True)
    raise typer.Exit(1 if outcome.failed or not (outcome.done or sure) else 0)
