"""Faults noted and repairs: one fault of a kind for each delivery or intake record, and which are open."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from hub.audit.books import INTAKE, KINDS, Fault, LaneKey, Repair
from hub.contracts import topics
from hub.contracts.origin import Origin

PATIENCE = 3
"""Closings after which a record that names an origin beyond the cut is nothing that is yet to be decided."""

_BIT = {kind: 1 << place for place, kind in enumerate(KINDS)}
_ARRIVED = 1 << len(KINDS)
_RESENT = _ARRIVED << 1


class Explanation(NamedTuple):
    """A person's word on a fault: routes (none: the intake's), kinds (none: every), who, why, when."""

    origin: Origin
    routes: tuple[str, ...]
    kinds: tuple[str, ...]
    by: str
    reason: str
    at_ms: int

    def repairs(self) -> list[Repair]:
        """Return the repair of each route that is meant."""
        kinds = frozenset(self.kinds)
        return [
            Repair(route, self.origin, kinds, "explained", self.by, self.reason, self.at_ms)
            for route in self.routes or (INTAKE,)
        ]


class Faults:
    """Every fault noted, by lane (an intake is the lane without a route) and origin; and what is new."""

    def __init__(self) -> None:
        self._noted: dict[LaneKey, dict[int, list[int]]] = {}
        self._new_faults: list[Fault] = []
        self._new_repairs: list[Repair] = []

    def note(self, fault: Fault) -> bool:
        """Note a fault; return whether it is new, False if this delivery has one of the kind already."""
        lane = LaneKey(fault.route, fault.origin.topic, fault.origin.partition)
        bits = self._noted.setdefault(lane, {}).setdefault(fault.origin.offset, [0, 0])
        bit = _BIT[fault.kind]
        if bits[0] & bit:
            return False
        bits[0] |= bit
        bits[1] |= bit
        self._new_faults.append(fault)
        return True

    def arrive(self, route: str, origin: Origin, at_ms: int) -> None:
        """Note that what was missing was found: the fault stays, a repair closes it if it was open."""
        bits = self._bits(route, origin)
        if bits is not None:
            # Sent again and come later: the replay is one more delivery, not the missing one.
            bits[0] = (bits[0] | _ARRIVED) & ~_RESENT
            kinds = frozenset({"missing"})
            self.repair(Repair(route, origin, kinds, "arrived", topics.AUDIT_PRINCIPAL, "found later", at_ms))

    def repair(self, wanted: Repair) -> None:
        """Close the open faults of an origin; without `kinds`, of every kind. Nothing open: nothing happens.

        The repair that is kept names exactly the kinds that it closed.
        """
        bits = self._bits(wanted.route, wanted.origin)
        if bits is None:
            return
        kinds = wanted.kinds or frozenset(KINDS)
        closed = frozenset(kind for kind in KINDS if kind in kinds and bits[1] & _BIT[kind])
        if closed:
            bits[1] &= ~sum(_BIT[kind] for kind in closed)
            if wanted.action == "redelivered" and "missing" in closed:
                bits[0] |= _RESENT
            self._new_repairs.append(replace(wanted, kinds=closed))

    def drain(self) -> tuple[list[Fault], list[Repair]]:
        """Return what is new since the last call."""
        new = self._new_faults, self._new_repairs
        self._new_faults, self._new_repairs = [], []
        return new

    def repaired(self) -> Counter[LaneKey]:
        """Return how many faults of each lane have a repair."""
        counts: Counter[LaneKey] = Counter()
        for lane, origins in self._noted.items():
            counts[lane] = sum((bits[0] & (_ARRIVED - 1) & ~bits[1]).bit_count() for bits in origins.values())
        return counts

    def arrived(self) -> Counter[LaneKey]:
        """Return how many of each lane's missing deliveries were found later."""
        return self._having(_ARRIVED)

    def resent(self) -> Counter[LaneKey]:
        """Return how many of each lane's missing deliveries a repair sent again."""
        return self._having(_RESENT)

    def dump(self) -> list[list[object]]:
        """Return everything noted as JSON-able lists."""
        return [
            [*lane, [[at, *bits] for at, bits in origins.items()]] for lane, origins in self._noted.items()
        ]

    def load(self, dumped: list[list[object]]) -> None:
        """Take what `dump` gave."""
        for route, topic, partition, origins in dumped:
            lane = LaneKey(str(route), str(topic), int(str(partition)))
            assert isinstance(origins, list)  # noqa: S101 - what dump writes
            self._noted[lane] = {at: [noted, open_] for at, noted, open_ in origins}

    def _having(self, bit: int) -> Counter[LaneKey]:
        return Counter(
            {
                lane: sum(bool(bits[0] & bit) for bits in origins.values())
                for lane, origins in self._noted.items()
            }
        )

    def _bits(self, route: str, origin: Origin) -> list[int] | None:
        return self._noted.get(LaneKey(route, origin.topic, origin.partition), {}).get(origin.offset)
