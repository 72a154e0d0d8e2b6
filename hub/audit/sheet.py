"""The audit's books as a sheet: what `hub ledger --json` and `/v1/ledger` say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.audit.books import Intake, Lane, Repair


@dataclass(frozen=True, slots=True)
class Sheet:
    """Both sums as of one moment; `to_json` is the contract."""

    as_of: datetime
    completed_at: datetime
    lag_seconds: float

    @property
    def balanced(self) -> bool:
        """Whether every sum holds and every fault is repaired."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the sheet as a JSON-able dict."""
        raise NotImplementedError


def from_rows(
    as_of: datetime,
    completed_at: datetime,
    lag_seconds: float,
    intakes: Iterable[Intake],
    lanes: Iterable[Lane],
    repairs: Iterable[Repair],
    source_of: Callable[[str], str | None],
) -> Sheet:
    """Return the sheet of stored rows; `source_of` gives a route's source agency, None if not known.

    A Repair names exactly the kinds that it closed, one fault each, so open = faults - sum of len(kinds).
    """
    raise NotImplementedError
