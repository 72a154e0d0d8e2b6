"""What the demo's check counts; parts of it are counted by partition and added up. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_KEPT = 20


@dataclass
class RouteCount:
    """One route as counted: what was due, what came, and the four ways to go wrong."""

    due: int = 0
    came: int = 0
    missing: int = 0
    doubled: int = 0
    altered: int = 0
    out_of_order: int = 0

    @property
    def unaccounted(self) -> int:
        """The four added up; they never cancel."""
        return self.missing + self.doubled + self.altered + self.out_of_order

    def add(self, other: RouteCount) -> None:
        """Add another part's count."""
        for name in ("due", "came", "missing", "doubled", "altered", "out_of_order"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Findings:
    """What was found. Times are the broker's, milliseconds since 1970, over the municipalities' events."""

    routes: dict[str, RouteCount] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    cases: Counter[str] = field(default_factory=Counter)
    cases_out_of_order: list[str] = field(default_factory=list)
    staff_ids_seen: list[str] = field(default_factory=list)
    pseudonyms: Counter[str] = field(default_factory=Counter)
    first_append_ms: int | None = None
    last_visible_ms: int | None = None
    problems: list[str] = field(default_factory=list)

    def route(self, name: str) -> RouteCount:
        """Return the count of a route."""
        return self.routes.setdefault(name, RouteCount())

    def problem(self, text: str) -> None:
        """Note what is wrong; the first few are kept, all are counted elsewhere."""
        if len(self.problems) < _KEPT:
            self.problems.append(text)

    @property
    def unaccounted(self) -> int:
        """Over all routes, with cases out of order and staff ids that were seen."""
        routes = sum(count.unaccounted for count in self.routes.values())
        return routes + len(self.cases_out_of_order) + len(self.staff_ids_seen)

    def add(self, other: Findings) -> None:
        """Add what was found in other partitions."""
        for name, count in other.routes.items():
            self.route(name).add(count)
        self.verdicts += other.verdicts
        self.cases += other.cases
        self.pseudonyms += other.pseudonyms
        self.strangers += other.strangers
        self.cases_out_of_order += other.cases_out_of_order
        self.staff_ids_seen += other.staff_ids_seen
        for text in other.problems:
            self.problem(text)
        for name, choose in (("first_append_ms", min), ("last_visible_ms", max)):
            times = [time for time in (getattr(self, name), getattr(other, name)) if time is not None]
            setattr(self, name, choose(times) if times else None)
