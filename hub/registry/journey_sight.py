"""What supervision sees of a journey: events that never reach its inbox would leave cases standing still."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from hub.contracts.names import AgencyCode, EventType
from hub.contracts.topics import HUB, SUPERVISION
from hub.registry.model import Agreement, Registry

SUB_CASE_ENDED = EventType("hub.sub-case.ended.v1")
ESCALATED = EventType("hub.step.escalated.v1")


@dataclass(frozen=True)
class Sight:
    """Who may publish what, and what of it comes to supervision.

    `doubtful` are agencies with faults of their own, and sources of faulty agreements with supervision:
    nothing is said of these, as mending their faults may mend what would be said.
    """

    registry: Registry
    doubtful: frozenset[str] = frozenset()

    def known(self, code: str) -> bool:
        """Say whether something can be said of an agency."""
        return AgencyCode(code) in self.registry.agencies and code not in self.doubtful

    def granted(self, code: str, type_: EventType) -> bool:
        """Say whether an agency may publish a type."""
        return self.registry.may_publish(AgencyCode(code), type_)

    def hidden(self, code: str, type_: EventType, fields: Collection[str]) -> str | None:
        """Return why supervision cannot judge an agency's events by these fields; None if it can."""
        found = self._agreements(AgencyCode(code), type_, SUPERVISION)
        if not found:
            return (
                f"no agreement brings {type_} from {code} to {SUPERVISION}, so nothing of it would be seen."
            )
        reasons = [_reason(agreement, type_, fields) for agreement in found]
        return None if None in reasons else reasons[0]

    def told(self, code: str) -> bool:
        """Say whether an agreement brings escalations from the hub to an agency."""
        return bool(self._agreements(HUB, ESCALATED, AgencyCode(code)))

    def able(self, type_: EventType, fields: Collection[str]) -> set[str]:
        """Return the agencies whose events of a type can be judged by these fields."""
        return {
            code
            for code in self.registry.agencies
            if self.granted(code, type_) and (not self.known(code) or not self.hidden(code, type_, fields))
        }

    def wrong(
        self, codes: Iterable[str], type_: EventType, fields: Collection[str], *, every: bool
    ) -> Iterator[str]:
        """Tell why agencies cannot be seen to publish a type; `every`: each of them must be granted it."""
        sayable = [code for code in codes if self.known(code)]
        granted = [code for code in sayable if self.granted(code, type_)]
        if every:
            for code in sayable:
                if code not in granted:
                    yield f"{code} is not granted {type_}; add it to `publishes` of that agency."
        for code in granted:
            if reason := self.hidden(code, type_, fields):
                yield reason

    def narrow(self, code: str) -> str | None:
        """Return why an agency's events would miss the partition of their case; None if they do not."""
        own = self.registry.agencies[AgencyCode(code)].partitions
        wanted = self.registry.agencies[SUPERVISION].partitions
        if own >= wanted:
            return None
        return (
            f"{code} has {own} partitions and {SUPERVISION} {wanted}: its events would miss the partition of "
            f"their case. Give it at least {wanted}."
        )

    def _agreements(
        self, source: AgencyCode, type_: EventType, recipient: AgencyCode
    ) -> tuple[Agreement, ...]:
        return tuple(
            each for each in self.registry.agreements_for(source, type_) if each.recipient == recipient
        )


def _reason(agreement: Agreement, type_: EventType, fields: Collection[str]) -> str | None:
    if agreement.caseid == "drop":
        return f"agreement {agreement.id} drops the case id of {type_}, so no case could be followed."
    if withheld := sorted(agreement.mask(type_, fields)):
        return f"agreement {agreement.id} withholds {', '.join(withheld)} of {type_} from {SUPERVISION}."
    return None
