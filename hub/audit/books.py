"""The audit's books as values: what it keeps of every source partition and lane, and each fault by origin.

A *lane* is one route from one source partition; all its deliveries lie in one partition of one inbox. Every
term is counted by itself. Terms are as of the *cut*: source positions below which every log has been read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hub.contracts.origin import Origin

FaultKind = Literal["missing", "doubled", "altered", "out_of_order"]
KINDS: tuple[FaultKind, ...] = ("missing", "doubled", "altered", "out_of_order")

INTAKE = ""
"""The route of a fault that is the intake's: a parked event or a receipt, not a delivery."""

Action = Literal["redelivered", "explained", "arrived"]
"""How a fault was mended; `arrived`: what was missing came later by itself."""


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class LaneKey(NamedTuple):
    """One route from one source partition."""

    route: str
    topic: str
    partition: int


@dataclass(slots=True)
class Intake:
    """One source partition: read = routed + unclaimed + duplicate + sum(parked).

    `began`: the first offset that was audited; `cut`: the next offset to judge. `expired_unread`: places that
    retention removed before the gate read them; `unaudited`: that it removed before the audit read them.
    Neither is in `read`. `missing`, `doubled`, `altered` count faults of parked records and receipts.
    """

    topic: str
    partition: int
    began: int = 0
    cut: int = 0
    read: int = 0
    routed: int = 0
    unclaimed: int = 0
    duplicate: int = 0
    parked: dict[str, int] = field(default_factory=dict)
    expired_unread: int = 0
    unaudited: int = 0
    missing: int = 0
    doubled: int = 0
    altered: int = 0


@dataclass(slots=True)
class Lane:
    """One lane: accepted = delivered + pending + rejected + expired + missing.

    `accepted`: due by the audit's own judgement. A delivery found is in exactly one of delivered, pending,
    rejected, expired; copies and what was never due are in `doubled` only; `altered` and `out_of_order` ones
    were found and are in a state too. `before`: found, but from before the audit began. `last_seq`,
    `last_origin`: hub-seq and origin offset of the newest delivery found (0, -1: none). `oldest_pending_ms`:
    the broker's time of the oldest pending delivery. `months`: accepted, by month (`2026-11`) of the gate's
    clock.
    """

    route: str
    topic: str
    partition: int
    recipient: str
    inbox_partition: int
    accepted: int = 0
    delivered: int = 0
    pending: int = 0
    rejected: int = 0
    expired: int = 0
    missing: int = 0
    doubled: int = 0
    altered: int = 0
    out_of_order: int = 0
    before: int = 0
    last_seq: int = 0
    last_origin: int = -1
    oldest_pending_ms: int | None = None
    months: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> LaneKey:
        """The lane's key."""
        return LaneKey(self.route, self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, by route (INTAKE for the intake's) and origin.

    `edition` and `at_ms` are what the event was judged by; `found` is the place of what was found, as
    (topic, partition, offset), None where nothing was; `detail` names what differs, never a value.
    """

    route: str
    kind: FaultKind
    origin: Origin
    edition: int
    at_ms: int
    found: tuple[str, int, int] | None
    detail: str


@dataclass(frozen=True, slots=True)
class Repair:
    """A fault mended: by whom, why, and how. `kinds` empty: every kind. Faults stay counted."""

    route: str
    origin: Origin
    kinds: frozenset[str]
    action: Action
    by: str
    reason: str
    at_ms: int
