"""Cursors of pages in a plain order: opaque to readers; inside, the last entry's place and what was asked."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from hub.api.problems import ProblemError

_MOST_CHARS = 8192


def encode(question: object, place: Sequence[Any]) -> str:
    """Return the cursor behind a place, to be used with the same question only."""
    body = json.dumps([_digest(question), list(place)], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode(text: str | None, question: object, kinds: Sequence[type]) -> tuple[Any, ...]:
    """Return the place of a cursor, of these types; empty without one; a problem where it is none."""
    if text is None:
        return ()
    try:
        padded = text[:_MOST_CHARS] + "=" * (-len(text) % 4)
        asked, place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise ProblemError("bad-cursor") from None
    fits = isinstance(place, list) and [type(each) for each in place] == list(kinds)
    if (
        asked != _digest(question)
        or not fits
        or any("\x00" in each for each in place if isinstance(each, str))
    ):
        raise ProblemError("bad-cursor")
    return tuple(place)


def _digest(question: object) -> str:
    return hashlib.sha256(repr(question).encode()).hexdigest()[:8]
