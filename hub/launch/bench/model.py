"""What a benchmark says: runs of contenders round by round, findings with the bound they are held to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Run:
    """What one contender did in one round: `events` in `seconds`, with `cpu_seconds` of its process."""

    contender: str
    round: int
    events: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Events a second of CPU time of the contender's own process; the broker's is not in it."""
        return self.events / self.cpu_seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure that a benchmark comes to, and how it must compare with `bound`; without one it only informs.

    `what` says what was measured, `unit` in what (`ms`, `events/s`, `×` for a ratio).
    """

    what: str
    value: float
    unit: str
    bound: float | None = None
    holds_when: Literal["at least", "at most"] = "at least"

    @property
    def met(self) -> bool:
        """Whether the figure is within its bound."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.holds_when == "at least" else self.value <= self.bound


@dataclass(frozen=True, slots=True)
class Contender:
    """Who took part: its name, the version of its library, what it does and does not do."""

    name: str
    version: str
    does: str


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's outcome; `how` says how it was measured, `notes` what a reader must know besides.

    `picture` is the file of a picture that stands beside the page.
    """

    name: str
    title: str
    how: str
    findings: tuple[Finding, ...]
    contenders: tuple[Contender, ...] = ()
    runs: tuple[Run, ...] = ()
    notes: tuple[str, ...] = ()
    picture: str | None = None

    @property
    def met(self) -> bool:
        """Whether every figure is within its bound."""
        return all(finding.met for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        findings = [asdict(each) | {"met": each.met} for each in self.findings]
        return asdict(self) | {"findings": findings, "met": self.met}


def result_of(document: dict[str, Any]) -> Result:
    """Return the result that `document` was made of."""
    own = {name: value for name, value in document.items() if name != "met"}
    findings = ({name: value for name, value in each.items() if name != "met"} for each in own["findings"])
    own["findings"] = tuple(Finding(**each) for each in findings)
    own["contenders"] = tuple(Contender(**each) for each in own["contenders"])
    own["runs"] = tuple(Run(**each) for each in own["runs"])
    own["notes"] = tuple(own["notes"])
    return Result(**own)


def rates(runs: Iterable[Run], contender: str) -> dict[int, float]:
    """Return a contender's events a second by round."""
    return {run.round: run.per_second for run in runs if run.contender == contender}


def ratio(runs: Iterable[Run], contender: str, peer: str) -> float:
    """Return the median over the rounds of a contender's rate over its peer's in the same round."""
    known = list(runs)
    ours, theirs = rates(known, contender), rates(known, peer)
    return median(ours[number] / theirs[number] for number in ours.keys() & theirs.keys())
