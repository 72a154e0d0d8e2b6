"""Options that the commands of `hub parked` share, and what they mean."""

from __future__ import annotations

import atexit
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hub.errors import ConfigError, ContractError, HubError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from hub.parked.question import Question
    from hub.settings import Settings
    from hub.store.parked import Found

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Origins = Annotated[
    list[str] | None,
    typer.Argument(metavar="ORIGIN…", show_default=False, help="Places as `hub parked list` shows them."),
]
AgencyOf = Annotated[str | None, typer.Option("--agency", metavar="CODE", help="Only of this source agency.")]
ReasonOf = Annotated[str | None, typer.Option("--reason", metavar="CLASS", help="Only of this reason class.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Parked since: 90s, 30m, 24h, 14d ago, or an RFC 3339 time."
    ),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Parked before; as --since.")]
TextOf = Annotated[
    str | None,
    typer.Option("--text", metavar="TEXT", help="Only where detail, id, type or origin holds this."),
]
Everything = Annotated[bool, typer.Option("--all", help="Every open one (with filters: every one of these).")]
Note = Annotated[
    str, typer.Option("--note", metavar="TEXT", help="Why; kept with the event, so no personal data.")
]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", show_default=False, help="The operator who acts; default: the login."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="Id as `hub parked requests` shows it.")]


def question_of(
    agency: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    text: str | None,
    *,
    state: str = "open",
    owner: str | None = None,
) -> Question:
    """Return the filters of a command line; ConfigError for what is none."""
    from hub.contracts.names import agency_code  # noqa: PLC0415 - keeps --help quick
    from hub.parked.question import STATES, Question, State  # noqa: PLC0415
    from hub.parked.reasons import CLASSES  # noqa: PLC0415
    from hub.registry.yamldocs import did_you_mean  # noqa: PLC0415

    if reason is not None and reason not in CLASSES:
        raise ConfigError(f"there is no reason class {reason!r}.{did_you_mean(reason, CLASSES)}")
    known: dict[str, State] = {each: each for each in STATES}
    if state not in (*known, "all"):
        raise ConfigError(f"--state {state!r} is none.", do=f"Say {', '.join(STATES)} or all.")
    if text is not None and "\x00" in text:
        raise ConfigError("--text holds a character that no event shows.")
    try:
        codes = [agency_code(each) if each is not None else None for each in (agency, owner)]
    except ContractError as error:
        raise ConfigError(str(error)) from None
    return Question(
        agency=codes[0],
        owner=codes[1],
        reason=reason,
        since=_moment(since, "--since"),
        until=_moment(until, "--until"),
        text=text or None,
        state=known.get(state),
    )


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is not None:
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(
            f"{option} {text!r} is no time.", do="Write 90s, 30m, 24h, 14d, or an RFC 3339 time."
        )
    return moment.astimezone(UTC)


def note_of(text: str) -> str:
    """Return a note fit to be kept; raise ConfigError."""
    from hub.parked.acts import MOST_NOTE  # noqa: PLC0415 - keeps --help quick

    told = text.strip()
    if not told or len(told) > MOST_NOTE or not told.isprintable():
        raise ConfigError(f"a note or reason has 1 to {MOST_NOTE} characters on one line.")
    return told


def database_of(settings: Settings) -> Engine:
    """Return an engine whose connection is closed at the end of the process."""
    from hub.store.engine import engine  # noqa: PLC0415 - keeps --help quick

    database = engine(settings, pool_size=1)
    atexit.register(database.dispose)
    return database


def chosen_of(database: Engine, origins: Sequence[str]) -> list[Found]:
    """Return the parked events of origins in their order; HubError where one is not parked."""
    from hub.parked.place import Place  # noqa: PLC0415 - keeps --help quick
    from hub.store import parked as tables  # noqa: PLC0415

    try:
        places = [Place.parse(each) for each in origins]
    except ContractError as error:
        raise ConfigError(str(error)) from None
    found = tables.by_origin(database, places)
    missing = [str(each) for each in places if each not in found]
    if missing:
        raise HubError(
            f"nothing is parked from {', '.join(missing[:10])}.",
            do="Is the origin right (`hub parked list --state all`)? The projector may be a moment behind.",
        )
    return [found[each] for each in places]
