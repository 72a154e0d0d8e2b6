"""The agencies and agreements that the fuzzer's events live among."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.contracts.schemas import Contracts
from hub.registry.model import ALWAYS, REJECTED, Agency, Agreement, Registry, system_agencies

STEP = EventType("service.step.completed.v1")
PARTITIONS = 4
CODEC = Codec(Contracts.load())
TYPES = tuple(type_ for type_ in CODEC.contracts.event_types() if not type_.startswith("hub."))
UNGRANTED = tuple(type_ for type_ in TYPES if type_.startswith("participation."))
UNCLAIMED = tuple(type_ for type_ in TYPES if type_.startswith("programme."))
MASKED = tuple(type_ for type_ in TYPES if type_.startswith("service."))
WHOLE = tuple(type_ for type_ in TYPES if type_ not in (*UNGRANTED, *UNCLAIMED))


@dataclass(frozen=True)
class World:
    """Two sources, a recipient that sees all and one that sees little; codes carry the prefix."""

    prefix: str = "fuzz"

    @property
    def source(self):
        """The agency that sends nearly everything."""
        return AgencyCode(f"{self.prefix}-source")

    @property
    def other(self):
        """Another source; it may publish steps only."""
        return AgencyCode(f"{self.prefix}-other")

    @property
    def whole(self):
        """The recipient that sees events whole, and sends rejections."""
        return AgencyCode(f"{self.prefix}-whole")

    @property
    def masked(self):
        """The recipient that sees no personal field, no case, and pseudonyms."""
        return AgencyCode(f"{self.prefix}-masked")

    @property
    def outboxes(self):
        return [topics.outbox(code) for code in (self.source, self.other, self.whole, topics.HUB)]

    @property
    def inboxes(self):
        return [topics.inbox(code) for code in (self.whole, self.masked, topics.HUB)]

    def routes(self, agency, type_):
        """Return the routes that an event of this agency and type takes."""
        if type_ == REJECTED:
            return (f"{agency}-rejections/{REJECTED}",)
        agreements = []
        if agency == self.source and type_ in WHOLE:
            agreements.append(self.whole_agreement)
        if agency == self.source and type_ in MASKED:
            agreements.append(self.masked_agreement)
        if agency == self.other and type_ == STEP:
            agreements.append(self.other_agreement)
        return tuple(f"{id_}/{type_}" for id_ in agreements)

    @property
    def whole_agreement(self):
        return f"{self.prefix}-all-to-whole"

    @property
    def masked_agreement(self):
        return f"{self.prefix}-little-to-masked"

    @property
    def other_agreement(self):
        return f"{self.prefix}-steps-to-whole"

    def registry(self):
        """Return the agency registry that says so."""
        grants = {self.source: frozenset(TYPES) - frozenset(UNGRANTED), self.other: frozenset({STEP})}
        agencies = {
            code: Agency(code, 0, code, code, grants=grants.get(code, frozenset()), partitions=PARTITIONS)
            for code in (self.source, self.other, self.whole, self.masked)
        }
        agreements = (
            _agreement(self.whole_agreement, self.source, self.whole, dict.fromkeys(WHOLE, frozenset())),
            replace(
                _agreement(
                    self.masked_agreement,
                    self.source,
                    self.masked,
                    {type_: personal(type_) for type_ in MASKED},
                ),
                subject="pseudonym",
                caseid="drop",
            ),
            _agreement(self.other_agreement, self.other, self.whole, {STEP: frozenset()}),
        )
        return Registry(0, {**system_agencies(), **agencies}, {each.id: each for each in agreements})


def personal(type_):
    """Return the personal fields of an event type: those that one recipient must not see."""
    return frozenset(note.name for note in CODEC.contracts.newest(type_).fields if note.personal)


def _agreement(id_, source, recipient, types):
    return Agreement(
        id=AgreementId(id_),
        version=0,
        source=source,
        recipient=recipient,
        purpose="test",
        purpose_fa="آزمون",
        purpose_en="test",
        legal_basis="example",
        types=types,
        subject="pass",
        caseid="pass",
        valid_from=ALWAYS,
    )
