"""The audit's judgement on what a benchmark has sent: the audit's own process, started at the end."""

from __future__ import annotations

import time
from typing import Any

from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import world
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Finding
from hub.store import audit
from hub.store.engine import engine

_SECONDS = 900.0
_LOOK_SECONDS = 0.2


def sheet(ground: Ground) -> dict[str, Any]:
    """Return the audit's sheet of a cut behind everything on the source's outbox.

    Raises StartError when it does not come so far.
    """
    part = ground.start("audit")
    try:
        return reached(ground)
    finally:
        ground.stop(part)


def reached(ground: Ground) -> dict[str, Any]:
    """Return the sheet of the running audit as soon as its cut is behind the source's outbox."""
    outbox = topics.outbox(world.SOURCE)
    ends, books = ground.ends(outbox), engine(ground.settings)
    end = time.monotonic() + _SECONDS
    try:
        while True:
            found = audit.sheet(books) or {}
            cut = {
                line["partition"]: line["next"] for line in found.get("intake", ()) if line["topic"] == outbox
            }
            if all(cut.get(number, 0) >= place for number, place in ends.items()):
                return found
            if time.monotonic() > end:
                raise StartError("the audit has not judged everything.", do="See logs/audit.log.")
            time.sleep(_LOOK_SECONDS)
    finally:
        books.dispose()


def balanced(sheet: dict[str, Any]) -> tuple[Finding, ...]:
    """Return the finding that a sheet has nothing unaccounted."""
    unaccounted = sum(sheet["totals"]["unaccounted"].values())
    return (
        Finding("unaccounted events that the audit finds afterwards", unaccounted, "events", 0, "at most"),
    )
