"""What the demo's own check found. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Findings:
    """What was found. Times are the broker's, milliseconds since 1970, of the municipalities at full speed.

    `strangers` counts records on outboxes that nobody here has sent, `ticks` and `notices` the hub's own;
    `cases` are those in the permit register.
    """

    strangers: int = 0
    cases: Counter[str] = field(default_factory=Counter)
    cases_out_of_order: list[str] = field(default_factory=list)
    staff_ids_seen: list[str] = field(default_factory=list)
    first_append_ms: int | None = None
    last_visible_ms: int | None = None
    ticks: int = 0
    notices: int = 0
