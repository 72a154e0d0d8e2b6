"""What a figure is: its definition, a value of it, a published edition of that value; their documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from hub.contracts.moments import rfc3339
from hub.indicators.breakdown import Breakdown, read

Family = Literal["completion", "process", "coordination", "programme", "participation"]
Basis = Literal["declared", "measured"]
EvidenceKind = Literal["cases", "steps", "hand-offs", "flows", "obligations", "consultations", "ratings"]


@dataclass(frozen=True, slots=True)
class Definition:
    """What an indicator means; `id` never changes, `version` counts its changes of meaning.

    `breakdowns` are the sets of dimensions that it is shown by, `periods` which of `month`, `year`, `all`.
    `counts` says that it counts something, so that parts add up to their whole; `people`: it is about
    people's cases or views, so that small groups are suppressed. `group` names the count by which a group is
    judged small, `part` the count in the numerator of a ratio: two indicators with the same name reveal the
    same number. `tallies` name the details that count people's cases by something.
    """

    id: str
    version: int
    family: Family
    title_fa: str
    title_en: str
    meaning_fa: str
    meaning_en: str
    formula: str
    unit: str
    basis: Basis
    evidence: EvidenceKind
    breakdowns: tuple[tuple[str, ...], ...] = ((),)
    periods: tuple[str, ...] = ("month", "year", "all")
    better: Literal["higher", "lower", "neither"] = "neither"
    counts: bool = False
    people: bool = True
    group: str = ""
    part: str | None = None
    tallies: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """`<id>@<version>`, as editions name it."""
        return f"{self.id}@{self.version}"


class Place(NamedTuple):
    """Which figure a value is of: indicator, period (`2026-11`, `2026`, `all`), breakdown."""

    indicator: str
    period: str
    breakdown: Breakdown

    def __str__(self) -> str:
        return f"{self.indicator}/{self.period}/{self.breakdown}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many agencies the figure comes from (None: suppressed), of how many in the registry."""

    agencies: int | None
    of: int


@dataclass(frozen=True)
class Value:
    """One figure. `value` is None where nothing is to be counted, or where it is suppressed.

    `numerator` and `denominator` are those of a ratio; `low` and `high` an interval of 95 %. `cases` are how
    many cases (or steps, ratings, obligations: what is counted) it is about, `events` how many events lie
    behind it: of a case's figures, the events of all cases of the period and breakdown from which those
    counted are a choice. None: not known, or suppressed.
    """

    place: Place
    value: float | None
    unit: str
    basis: Basis
    coverage: Coverage
    numerator: float | None = None
    denominator: float | None = None
    low: float | None = None
    high: float | None = None
    cases: int | None = None
    events: int | None = None
    suppressed: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    def hidden(self) -> Value:
        """Return it without anything that tells of a small group."""
        return replace(
            self,
            value=None,
            numerator=None,
            denominator=None,
            low=None,
            high=None,
            cases=None,
            events=None,
            coverage=Coverage(None, self.coverage.of),
            suppressed=True,
            details={},
        )

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "indicator": self.place.indicator,
            "period": self.place.period,
            "breakdown": str(self.place.breakdown),
            "value": self.value,
            "unit": self.unit,
            "basis": self.basis,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "low": self.low,
            "high": self.high,
            "cases": self.cases,
            "events": self.events,
            "coverage": asdict(self.coverage),
            "suppressed": self.suppressed,
            "details": dict(self.details),
        }


@dataclass(frozen=True)
class AsOf:
    """Up to where was read: next offset per partition of `cases`, the audit's cut per outbox, the clock."""

    positions: Mapping[int, int]
    clock: datetime | None
    cut: Mapping[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "positions": {str(partition): offset for partition, offset in sorted(self.positions.items())},
            "clock": None if self.clock is None else rfc3339(self.clock),
            "cut": dict(sorted(self.cut.items())),
        }


@dataclass(frozen=True)
class Versions:
    """By which rules: `<indicator>@<version>`, the registry's edition, `<id>@<version>` of the others."""

    definition: str
    registry: int | None
    journeys: tuple[str, ...] = ()
    calendars: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "definition": self.definition,
            "registry": self.registry,
            "journeys": list(self.journeys),
            "calendars": list(self.calendars),
        }


@dataclass(frozen=True)
class Edition:
    """A value as it was published; it stays for ever, `restates` is the edition whose place it takes."""

    number: int
    value: Value
    as_of: AsOf
    versions: Versions
    published_at: datetime
    restates: int | None = None

    @property
    def key(self) -> str:
        """`<id>/<period>/<breakdown>/<edition>`: the key on `hub.indicators`."""
        return f"{self.value.place}/{self.number}"

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON; `edition` reads it back."""
        return {
            **self.value.document(),
            "edition": self.number,
            "restates": self.restates,
            "published_at": rfc3339(self.published_at),
            "as_of": self.as_of.document(),
            "versions": self.versions.document(),
        }


def next_edition(
    before: Edition | None, value: Value, as_of: AsOf, versions: Versions, at: datetime
) -> Edition | None:
    """Return the edition to publish: the first, or a restatement; None where the figure is as before.

    A figure is another one when what it says differs or the definition does; that more events were read
    without changing it makes no edition.
    """
    if before is None:
        return Edition(1, value, as_of, versions, at)
    if before.value.document() == value.document() and before.versions.definition == versions.definition:
        return None
    return Edition(before.number + 1, value, as_of, versions, at, before.number)


def value_of(document: Mapping[str, Any]) -> Value:
    """Return the value that `Value.document` wrote."""
    return Value(
        place=Place(document["indicator"], document["period"], read(document["breakdown"])),
        value=document["value"],
        unit=document["unit"],
        basis=document["basis"],
        coverage=Coverage(**document["coverage"]),
        numerator=document["numerator"],
        denominator=document["denominator"],
        low=document["low"],
        high=document["high"],
        cases=document["cases"],
        events=document["events"],
        suppressed=document["suppressed"],
        details=document["details"],
    )


def edition_of(document: Mapping[str, Any]) -> Edition:
    """Return the edition that `Edition.document` wrote."""
    as_of, versions = document["as_of"], document["versions"]
    clock = as_of["clock"]
    return Edition(
        number=document["edition"],
        value=value_of(document),
        as_of=AsOf(
            {int(partition): offset for partition, offset in as_of["positions"].items()},
            None if clock is None else datetime.fromisoformat(clock),
            as_of["cut"],
        ),
        versions=Versions(
            versions["definition"],
            versions["registry"],
            tuple(versions["journeys"]),
            tuple(versions["calendars"]),
        ),
        published_at=datetime.fromisoformat(document["published_at"]),
        restates=document["restates"],
    )
