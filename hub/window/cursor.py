"""The feed's cursor: opaque to readers; inside, the next offset of every inbox partition.

Rows are read up to what is committed, per partition in offset order, and merged by the broker's time.
A cursor is a vector, so a lagging partition is never skipped; offsets are Kafka's: a rebuild changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from hub.errors import ContractError

_MOST_PARTITIONS = 1024
_MOST_CHARS = 32_768


class Placed(Protocol):
    """A row of the feed, as far as paging needs it."""

    @property
    def partition(self) -> int:
        """The inbox partition."""

    @property
    def offset(self) -> int:
        """The offset in it."""

    @property
    def appended_at(self) -> datetime:
        """The broker's time."""


Row = TypeVar("Row", bound=Placed)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader of the feed stands: next offsets by partition; a partition not named begins at 0."""

    places: Mapping[int, int] = field(default_factory=dict)

    def after(self, rows: Iterable[Placed]) -> Cursor:
        """Return the cursor behind these rows."""
        places = dict(self.places)
        for row in rows:
            places[row.partition] = max(row.offset + 1, places.get(row.partition, 0))
        return Cursor(places)

    def encode(self, question: str = "") -> str:
        """Return the cursor as text, to serve only what was asked with it: the filters, as `question`."""
        body = [_digest(question), sorted(self.places.items())]
        return base64.urlsafe_b64encode(json.dumps(body, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(text: str, question: str = "") -> Cursor:
    """Return the cursor of an encoded text; raise ContractError if it is none, or of another question."""
    asked, places = _parse(text)
    if asked != _digest(question):
        raise ContractError(
            "the cursor belongs to another query:", do="keep the filters, or begin again without a cursor."
        )
    return Cursor(places)


def page(heads: Iterable[Sequence[Row]], limit: int) -> list[Row]:
    """Return the next `limit` rows of partitions, each given in offset order from the cursor on.

    In a partition nothing is overtaken, even where the broker's clock stepped back; across partitions the
    earlier head comes first. Each partition must be given at least `limit` rows, or all that it has.
    """
    queue = [(rows[0].appended_at, rows[0].partition, 0, rows) for rows in heads if rows]
    heapq.heapify(queue)
    taken: list[Row] = []
    while queue and len(taken) < limit:
        _, partition, index, rows = heapq.heappop(queue)
        taken.append(rows[index])
        if index + 1 < len(rows):
            heapq.heappush(queue, (rows[index + 1].appended_at, partition, index + 1, rows))
    return taken


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:8] if question else ""


def _parse(text: str) -> tuple[str, dict[int, int]]:
    try:
        padded = text[:_MOST_CHARS] + "=" * (-len(text) % 4)
        body = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        asked, pairs = body
        places = {partition: next_ for partition, next_ in pairs}  # noqa: C416 - checks the pairs' shape
    except (ValueError, TypeError, binascii.Error, RecursionError):
        asked, places = None, {}
    numbers = [*places.keys(), *places.values()]
    if (
        not isinstance(asked, str)
        or len(places) > _MOST_PARTITIONS
        or not all(type(number) is int and 0 <= number < 2**63 for number in numbers)
        or any(partition >= 2**31 for partition in places)
    ):
        raise ContractError(
            "the cursor cannot be read:", do="use the text of `next` from the page before as it is."
        )
    return asked, places
