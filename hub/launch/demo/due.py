"""What is due for one record of an outbox, by the plan, the agency registry and the contracts. Pure.

Shares nothing with the gate but contracts and registry: it is the demo's own opinion, to be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.contracts import envelope, structured
from hub.contracts.codec import Codec
from hub.contracts.envelope import Headers
from hub.contracts.names import AgencyCode, EventType
from hub.contracts.schemas import Contract
from hub.launch.demo import plan
from hub.launch.demo.plan import Raw
from hub.registry.model import REJECTED, Agreement, Registry

STRUCTURED, REPEATED = "structured", "duplicate"


@dataclass(frozen=True, slots=True)
class Due:
    """A record that has to reach somebody: its own headers as they must arrive, value, and agreements."""

    id: str
    headers: dict[str, bytes]
    value: bytes
    contract: Contract
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record must become: `routed` (with `due`), `unclaimed`, `duplicate`, or a reason class."""

    name: str
    due: Due | None = None


@dataclass
class Expectation:
    """Judges the records of the plan's outboxes, in the order in which they lie there."""

    registry: Registry
    codec: Codec
    at: datetime
    _fates: dict[AgencyCode, dict[str, list[str]]] = field(default_factory=dict)
    _seen: Counter[tuple[AgencyCode, str]] = field(default_factory=Counter)

    def judge(self, agency: AgencyCode, name: str, headers: Headers, value: bytes | None) -> Verdict | None:
        """Return what a record must become; None for one that is neither of the plan nor a rejection."""
        fates = self._planned(agency).get(name)
        if fates is None:
            is_rejection = dict(headers).get("ce_type") == REJECTED.encode()
            return self._valid(agency, name, headers, value) if is_rejection else None
        place = min(self._seen[agency, name], len(fates) - 1)
        self._seen[agency, name] += 1
        fate = fates[place]
        if fate not in ("event", STRUCTURED):
            return Verdict(fate)
        return self._valid(agency, name, headers, value)

    def _planned(self, agency: AgencyCode) -> Mapping[str, list[str]]:
        if agency not in self._fates:
            fates: dict[str, list[str]] = {}
            items = plan.whole(agency, self.codec) if agency in plan.SOURCES else []
            for item in items:
                fates.setdefault(item.id, []).append(item.fate if isinstance(item, Raw) else "event")
            self._fates[agency] = fates
        return self._fates[agency]

    def _valid(self, agency: AgencyCode, name: str, headers: Headers, value: bytes | None) -> Verdict:
        if envelope.is_structured(headers):
            event, framed = structured.read_structured(headers, value, self.codec)
            own = dict(event.to_headers())
        else:
            own, framed = {name: text or b"" for name, text in headers}, value or b""
        contract, _ = self.codec.decode(framed)
        type_ = EventType(contract.event_type)
        agreements = tuple(
            each for each in self.registry.agreements_for(agency, type_) if each.in_force(self.at)
        )
        if not agreements:
            return Verdict("unclaimed")
        return Verdict("routed", Due(name, own, framed, contract, agreements))
