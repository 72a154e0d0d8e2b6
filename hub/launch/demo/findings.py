"""What the demo's own check found; parts of it are counted by partition and added up. Pure."""

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

    def add(self, other: Findings) -> None:
        """Add what was found in other partitions."""
        self.strangers += other.strangers
        self.ticks += other.ticks
        self.notices += other.notices
        self.cases += other.cases
        self.cases_out_of_order += other.cases_out_of_order
        self.staff_ids_seen += other.staff_ids_seen
        for name, choose in (("first_append_ms", min), ("last_visible_ms", max)):
            times = [each for each in (getattr(self, name), getattr(other, name)) if each is not None]
            setattr(self, name, choose(times, default=None))
