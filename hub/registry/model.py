"""The agency registry as values: agencies, grants, agreements, journeys; what the hub's processes look up.

Lookups are dictionaries, so their cost does not grow with the number of agencies or agreements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from hub.contracts.names import AgencyCode, AgreementId, CalendarId, EventType, JourneyId, RouteId
from hub.contracts.topics import DEFAULT_PARTITIONS, HUB, SUPERVISION, WINDOW
from hub.registry.calendars import Calendar
from hub.registry.journeys import Journey

Treatment = Literal["pass", "drop", "pseudonym"]
"""What happens to an event's subject or case id on its way to one recipient."""

REJECTED = EventType("hub.delivery.rejected.v1")
"""Every agency may publish this; it reaches the hub under an agreement that the registry itself derives."""

REJECTIONS_SUFFIX = "-rejections"
"""Ending of the derived agreements' ids; no file may declare an id that ends so."""

HUB_RECORDS = AgreementId("hub-records")
"""The derived agreement by which the hub's own records of what people did reach its own inbox."""

REPAIRED = EventType("hub.ledger.repaired.v1")
"""A person mended a fault of the ledger; the audit takes repairs from these."""

RECORDED = (
    EventType("hub.contents.viewed.v1"),
    REPAIRED,
    EventType("hub.parked.confirmed.v1"),
    EventType("hub.parked.discarded.v1"),
    EventType("hub.parked.replayed.v1"),
    EventType("hub.parked.requested.v1"),
)
"""What `hub-records` covers."""

HUB_DOMAIN = "hub."
"""Event types of this domain belong to the hub; no other agency is granted one."""

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Subsystem:
    """One of an agency's systems, with its titles in Persian and English."""

    code: str
    title_fa: str
    title_en: str


@dataclass(frozen=True, slots=True)
class Quota:
    """What one principal may use of a broker: bytes a second in and out, percent of one thread's time."""

    produce_bytes_per_second: int | None = None
    consume_bytes_per_second: int | None = None
    request_percentage: int | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation with a code, credentials and topics; `grants` are the event types it may publish."""

    code: AgencyCode
    version: int
    title_fa: str
    title_en: str
    subsystems: tuple[Subsystem, ...] = ()
    grants: frozenset[EventType] = frozenset()
    partitions: int = DEFAULT_PARTITIONS
    quota: Quota = Quota()


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who receives which event types from whom: purpose, legal basis, masks, treatment of ids, period.

    `types` gives the mask (withheld field names) of each event type, over all versions of its contract known
    at load. `only` keeps the allow-list where the agreement was written as one: there, a field that a later
    version of the contract adds is withheld too. So take a contract's mask from `mask`, not from `types`.
    """

    id: AgreementId
    version: int
    source: AgencyCode
    recipient: AgencyCode
    purpose: str
    purpose_fa: str
    purpose_en: str
    legal_basis: str
    types: Mapping[EventType, frozenset[str]]
    subject: Treatment
    caseid: Treatment
    valid_from: datetime
    valid_until: datetime | None = None
    only: Mapping[EventType, frozenset[str]] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """`<id>@<version>`, as deliveries and the ledger name it."""
        return f"{self.id}@{self.version}"

    def in_force(self, at: datetime) -> bool:
        """Say whether the agreement holds at a moment: from `valid_from` on, and before `valid_until`."""
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)

    def mask(self, type_: EventType, fields: Iterable[str]) -> frozenset[str]:
        """Return which of a contract's fields are withheld; KeyError if the type is not covered."""
        withheld, allowed = self.types[type_], self.only.get(type_)
        if allowed is None:
            return withheld & frozenset(fields)
        return frozenset(fields) - allowed


@dataclass(frozen=True)
class Registry:
    """One edition of the agency registry. `agreements` are the declared ones; lookups know the derived too.

    `version` is the edition's number, 0 for one that was never applied.
    """

    version: int
    agencies: Mapping[AgencyCode, Agency]
    agreements: Mapping[AgreementId, Agreement]
    journeys: Mapping[JourneyId, Journey] = field(default_factory=dict)
    calendars: Mapping[CalendarId, Calendar] = field(default_factory=dict)

    def may_publish(self, agency: AgencyCode, type_: EventType) -> bool:
        """Say whether an agency may publish an event type; false for an agency that is not registered."""
        known = self.agencies.get(agency)
        if known is None:
            return False
        if type_.startswith(HUB_DOMAIN):
            return agency == HUB or type_ == REJECTED
        return type_ in known.grants

    def agreements_for(self, source: AgencyCode, type_: EventType) -> tuple[Agreement, ...]:
        """Return every agreement over this type from this source, sorted by id, whether in force or not."""
        return self._by_source_and_type.get((source, type_), ())

    def agreement(self, id_: AgreementId) -> Agreement | None:
        """Return a declared or derived agreement."""
        return self.agreements.get(id_) or self.derived.get(id_)

    def agreement_of(self, route: RouteId) -> Agreement | None:
        """Return the agreement of a route (`<agreement>/<event type>`), or None if there is no such route."""
        id_, _, type_ = route.partition("/")
        agreement = self.agreement(AgreementId(id_))
        return agreement if agreement is not None and EventType(type_) in agreement.types else None

    @cached_property
    def derived(self) -> Mapping[AgreementId, Agreement]:
        """The agreements that no file declares: every agency's rejections, and the hub's own records."""
        derived = [_rejections_of(code) for code in self.agencies if code != HUB]
        if HUB in self.agencies:
            derived.append(_records())
        return {agreement.id: agreement for agreement in derived}

    @cached_property
    def _by_source_and_type(self) -> dict[tuple[AgencyCode, EventType], tuple[Agreement, ...]]:
        found: dict[tuple[AgencyCode, EventType], list[Agreement]] = {}
        for agreement in sorted(
            [*self.agreements.values(), *self.derived.values()], key=lambda each: each.id
        ):
            for type_ in agreement.types:
                found.setdefault((agreement.source, type_), []).append(agreement)
        return {key: tuple(agreements) for key, agreements in found.items()}


@dataclass(frozen=True)
class Edition:
    """An edition that was applied: its number, and when it came into force (UTC, by the broker's clock)."""

    number: int
    appended_at: datetime
    registry: Registry


def system_agencies() -> dict[AgencyCode, Agency]:
    """Return the agencies that every registry has; a file may give them other titles, grants, partitions."""
    titles = {
        HUB: ("پیوند", "The hub"),
        WINDOW: ("پنجرهٔ واحد خدمات", "The single window"),
        SUPERVISION: ("کارگروه نظارت", "The supervising working group"),
    }
    return {code: Agency(code, 0, fa, en) for code, (fa, en) in titles.items()}


def _rejections_of(code: AgencyCode) -> Agreement:
    return _derived(
        AgreementId(code + REJECTIONS_SUFFIX),
        (code, HUB),
        ("delivery-rejection", "اعلام رد تحویل به پیوند", "Telling the hub that a delivery was rejected"),
        "The wire contract: a recipient may reject a delivery",
        (REJECTED,),
    )


def _records() -> Agreement:
    return _derived(
        HUB_RECORDS,
        (HUB, HUB),
        ("accountability", "ثبت اقدام‌های متصدیان پیوند", "Keeping what people did with the hub's tools"),
        "The wire contract: what an operator does is an event of agency hub",
        RECORDED,
    )


def _derived(
    id_: AgreementId,
    parties: tuple[AgencyCode, AgencyCode],
    purpose: tuple[str, str, str],
    legal_basis: str,
    types: Iterable[EventType],
) -> Agreement:
    return Agreement(
        id=id_,
        version=1,
        source=parties[0],
        recipient=parties[1],
        purpose=purpose[0],
        purpose_fa=purpose[1],
        purpose_en=purpose[2],
        legal_basis=legal_basis,
        types=dict.fromkeys(types, frozenset()),
        subject="pass",
        caseid="pass",
        valid_from=ALWAYS,
    )
