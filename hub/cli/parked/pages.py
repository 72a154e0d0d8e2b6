"""What `hub parked` prints."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hub.contracts import jsonform
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.gate.verdict import Verdict
from hub.parked.events import ParkedEvent, stamped
from hub.parked.reasons import CLASSES
from hub.store.parked import Found, FoundRequest, Group

_PIPE_WIDTH = 160


def listing(groups: Sequence[Group], found: Sequence[Found], *, more: bool) -> None:
    """Print counts by class, then rows."""
    console = _console()
    if not groups:
        console.print("no parked event is like that.")
        return
    head = ("reason", "agency", "to mend", "count", "oldest")
    rows = [(each.reason, each.agency, each.owner, f"{each.count:,}", age(each.oldest)) for each in groups]
    console.print(_table(head, rows, right=("count", "oldest")))
    for name in dict.fromkeys(each.reason for each in groups):
        if name in CLASSES:
            console.print(f"{name}: {CLASSES[name].en}", markup=False)
    head = ("origin", "reason", "parked", "event", "detail")
    lines = [
        (
            str(each.event.origin),
            each.event.reason,
            age(each.event.parked_at),
            _event(each.event),
            each.event.detail,
        )
        for each in found
    ]
    console.print(_table(head, lines))
    if more:
        console.print("There are more; --limit shows more of them.")


def one(found: Found) -> None:
    """Print one parked event, a line for each thing that is known of it."""
    console = _console()
    known = CLASSES.get(found.event.reason)
    for name, value in found.to_json().items():
        if value is not None:
            console.print(f"{name:>12}  {value}", markup=False, highlight=False, soft_wrap=True)
    if known is not None:
        console.print(f"{'':>12}  {known.en}\n{'':>12}  {known.fa}", markup=False, soft_wrap=True)


def requests(found: Sequence[FoundRequest]) -> None:
    """Print requests."""
    console = _console()
    head = ("request", "action", "state", "events", "still open", "asked by", "asked", "decided by", "note")
    rows = [
        (
            each.request.request_id,
            each.request.action,
            each.state,
            f"{len(each.request.origins):,}",
            f"{each.still_open:,}",
            each.request.by,
            age(each.request.at),
            each.decided_by or "",
            each.request.note or "",
        )
        for each in found
    ]
    console.print(
        _table(head, rows, right=("events", "still open")) if rows else "there are no such requests."
    )


def trial(event: ParkedEvent, verdict: Verdict | str) -> dict[str, Any]:
    """Return what the gate would decide, as a row."""
    row: dict[str, Any] = {"origin": str(event.origin)}
    if isinstance(verdict, str):
        return row | {"verdict": "impossible", "detail": verdict}
    row["verdict"] = str(verdict.kind)
    if verdict.reason is not None:
        return row | {"reason": str(verdict.reason), "detail": verdict.detail}
    return row | {"recipients": [each.route.agreement.recipient for each in verdict.deliveries]}


def contents(record: Record) -> dict[str, Any]:
    """Return key, headers and value of a parked original for a person: text or data, else base64."""
    codec = Codec(Contracts.load())
    try:
        contract, data = codec.decode(record.value)
        value: Any = {"schema_id": contract.id, "data": jsonform.to_json(contract, data)}
    except ContractError:
        value = _shown(record.value)
    headers = [[name, _shown(each)] for name, each in stamped(record).headers]
    return {"key": _shown(record.key), "headers": headers, "value": value}


def age(moment: datetime | None) -> str:
    """Return how long ago something was, in its largest unit."""
    if moment is None:
        return ""
    seconds = max(int((datetime.now(UTC) - moment).total_seconds()), 0)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _event(event: ParkedEvent) -> str:
    return " ".join(each for each in (event.event_type, event.event_id) if each) or "?"


def _shown(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\x00"
    return text if text.isprintable() else {"base64": base64.b64encode(value).decode()}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in head:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(each.replace("[", "\\[") for each in row))
    return table


def _console() -> Console:
    console = Console()
    # A pipe has no width of its own; lines are for programs there, not for a screen.
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)
