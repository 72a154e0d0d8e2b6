"""`hub ledger explain` and `repair`: which events the ledger's faults are, and how they are mended."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings
from hub.errors import ConfigError, ContractError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from hub.contracts.origin import Origin
    from hub.mending.repair import Outcome
    from hub.settings import Settings

INTAKE = "intake"
_MOST_REASON = 500

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", show_default=False, help="The operator who acts; needs its credentials."
    ),
]


def explain(
    route: Annotated[
        str,
        typer.Argument(metavar="ROUTE", help="A route as `hub ledger` names it, or `intake`."),
    ],
    *,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="PLACE", help="Only the event of this place.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    contents: Annotated[
        bool,
        typer.Option("--contents", help="Show both versions whole; this is recorded, and wants a reason."),
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why you look.")] = None,
    as_: As = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show the faults of a route: which events, of which kind, found by which cut, repaired or open.

    Names of headers and fields that differ are shown, values never, unless --contents is given with a reason;
    then it is recorded first who looks (`hub.contents.viewed.v1`). Ends with 1 while a fault is open.

    Example: `hub ledger explain city-to-register/service.request.decided.v1`
    """
    from hub.broker.desk.people import person  # noqa: PLC0415 - keeps `hub --help` quick
    from hub.contracts.codec import Codec  # noqa: PLC0415
    from hub.contracts.schemas import Contracts  # noqa: PLC0415
    from hub.mending.order import named  # noqa: PLC0415
    from hub.mending.told import tell, viewed  # noqa: PLC0415

    if contents and not (reason or "").strip():
        raise ConfigError("--contents wants --reason: who looks at contents says why.")
    settings = load_settings(data_dir)
    with _books(settings) as books:
        told, count = tell(settings, books, named(route), _origin(origin), limit)
    rows = [each.to_json() for each in told]
    if contents:
        who = person(settings, as_, operator=False)
        viewed(settings, who, (reason or "").strip(), told)
        codec = Codec(Contracts.load())
        for row, one in zip(rows, told, strict=True):
            row["contents"] = one.contents(codec)
    if as_json:
        typer.echo(json.dumps({"route": route, "count": count, "faults": rows}, ensure_ascii=False))
    else:
        _print_told(route, rows, count)
    raise typer.Exit(1 if any(each.repair is None for each in told) else 0)


def repair(
    origin: Annotated[
        str, typer.Argument(metavar="ORIGIN", help="The event's place: outbox/partition/offset.")
    ],
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept, so no personal data.")
    ],
    route: Annotated[
        str | None, typer.Option("--route", metavar="ROUTE", help="Only on this route; or `intake`.")
    ] = None,
    explain_: Annotated[
        bool, typer.Option("--explain", help="Close the faults as explained; nothing is sent again.")
    ] = False,
    as_: As = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Mend an event's faults: send it through the gate again, to who missed it alone; or close them.

    What is missing or altered is sent again, byte for byte, under a new `hub-seq` and with `hub-replay-of`.
    What is doubled or out of order cannot be undone: --explain closes it with your reason. Who did it and why
    is an event (`hub.ledger.repaired.v1`). Waits until the audit has seen it, up to a minute. May be run
    again: nothing is sent twice. Ends with 1 when the fault is still open.

    Example: `hub ledger repair agency.city.outbox/1/4711 --reason "gate's offset was moved, ticket 88"`
    """
    from hub.broker.desk.people import person  # noqa: PLC0415 - keeps `hub --help` quick
    from hub.mending import repair as mending  # noqa: PLC0415
    from hub.mending.order import Order, named  # noqa: PLC0415

    reason = reason.strip()
    if not reason or len(reason) > _MOST_REASON:
        raise ConfigError(f"--reason must have 1 to {_MOST_REASON} characters.")
    settings, place = load_settings(data_dir), _origin(origin)
    assert place is not None  # noqa: S101 - the argument is required
    order = Order(
        origin=place,
        reason=reason,
        person=person(settings, as_, operator=False),
        route=None if route is None else named(route),
        explain=explain_,
    )
    with _books(settings) as books:
        outcome = mending.repair(settings, books, order)
    if as_json:
        typer.echo(json.dumps(_outcome(outcome), ensure_ascii=False))
    else:
        _print_outcome(outcome, explained=explain_)
    raise typer.Exit(0 if outcome.repaired else 1)


@contextmanager
def _books(settings: Settings) -> Iterator[Engine]:
    from hub.store.engine import engine  # noqa: PLC0415 - keeps `hub --help` quick

    books = engine(settings, pool_size=1)
    try:
        yield books
    finally:
        books.dispose()


def _origin(text: str | None) -> Origin | None:
    from hub.contracts.origin import Origin  # noqa: PLC0415 - keeps `hub --help` quick

    if text is None:
        return None
    try:
        return Origin.parse_fault(text)
    except ContractError as error:
        raise ConfigError(f"{text!r}: {error}", do="`hub ledger explain ROUTE` shows origins.") from None


def _print_told(route: str, rows: list[dict[str, Any]], count: int) -> None:
    if not rows:
        typer.echo(f"{route}: the audit has found no fault. `hub ledger` names the routes with faults.")
        return
    for each in rows:
        state = "open" if each["open"] else f"repaired ({each['repaired']['action']})"
        typer.echo(f"{each['origin']}  {each['kind']}  {state}")
        typer.echo(f"  event {each['event_id'] or '?'} of {each['event_type'] or '?'}: {each['detail']}")
        if each["differs"]:
            typer.echo(f"  differs: {', '.join(each['differs'])}")
        typer.echo(
            f"  judged as of {each['at']} by edition {each['edition']}; cut of its partition: {each['cut']}"
        )
        typer.echo(f"  {_whereabouts(each)}")
        if each["open"]:
            typer.echo(f"  mend: {_command(each)}")
        else:
            done = each["repaired"]
            typer.echo(f"  {done['action']} by {done['by']} at {done['at']}: {done['reason']}")
        for name, version in each.get("contents", {}).items():
            typer.echo(f"  {name}: {json.dumps(version, ensure_ascii=False)}")
    if count > len(rows):
        typer.echo(f"{count - len(rows)} more; --limit {min(count, 1000)} shows them.")


def _whereabouts(row: dict[str, Any]) -> str:
    original = "kept in its outbox" if row["original_kept"] else "gone: retention removed it from its outbox"
    if row["found"] is None:
        return f"original {original}; nothing was found"
    kept = "" if row["found_kept"] else ", gone by now"
    return f"original {original}; found at {row['found']}{kept}"


def _command(row: dict[str, Any]) -> str:
    again = row["kind"] == "missing" or (row["kind"] == "altered" and row["route"] != INTAKE)
    closing = "" if again and row["original_kept"] else " --explain"
    return f"hub ledger repair {row['origin']} --route {shlex.quote(row['route'])}{closing} --reason TEXT"


def _outcome(outcome: Outcome) -> dict[str, Any]:
    from hub.mending.order import shown  # noqa: PLC0415 - keeps `hub --help` quick

    def named(faults: Any) -> list[dict[str, str]]:
        return [{"route": shown(each.route), "kind": each.kind} for each in faults]

    return {
        "repaired": outcome.repaired,
        "replay": str(outcome.replay) if outcome.replay else None,
        "sent_now": outcome.resent,
        "verdict": outcome.verdict,
        "faults": named(outcome.faults),
        "still_open": named(outcome.left),
        "balanced": outcome.balanced,
    }


def _print_outcome(outcome: Outcome, *, explained: bool) -> None:
    told = _outcome(outcome)
    what = ", ".join(f"{each['kind']} on {each['route']}" for each in told["faults"])
    if explained:
        typer.echo(f"closed as explained: {what}")
    else:
        when = "sent again" if outcome.resent else "was sent again by an earlier run"
        typer.echo(f"{when}, at {outcome.replay}: {what}")
    if not outcome.repaired:
        typer.echo(
            f"the audit has not seen it repaired within a minute; the gate's verdict on it: "
            f"{outcome.verdict or 'not known'}. Run the same command again; docs/operate/ledger.md says more."
        )
    for route, balanced in outcome.balanced.items():
        typer.echo(f"{route} is {'balanced' if balanced else 'NOT balanced: other faults are open'}")
    for each in told["still_open"]:
        typer.echo(
            f"still open: {each['kind']} on {each['route']}; close it with --explain once you know why"
        )
