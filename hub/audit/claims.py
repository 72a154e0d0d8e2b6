"""Receipts as claims of the gate: how far, when and by which edition it decided, and what it refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub.audit.books import Place
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import RECEIPT
from hub.contracts.record import Record
from hub.errors import ContractError

CLOCK_MS = 120_000
"""How far the gate's clock may be from the broker's; how long an edition may be used after the next."""
AHEAD_MS = 5_000
"""How much later than the receipt its edition may stand on hub.registry: brokers' clocks differ a little."""


class Claim(NamedTuple):
    """A progress receipt: every record of its source partition below `next` is decided.

    `counts` are routed, unclaimed, duplicate, parked; `at_ms` the gate's clock, `edition` its edition (None:
    not said), `appended_ms` the broker's time of the receipt.
    """

    next: int
    counts: tuple[int, int, int, int]
    at_ms: int
    edition: int | None
    appended_ms: int


class Refused(NamedTuple):
    """A refusal receipt: the place of the event and the class."""

    offset: int
    reason: str


class Told(NamedTuple):
    """Whom a receipt speaks of, and what it says."""

    place: Place
    word: Claim | Refused


def told(record: Record, codec: Codec) -> Told | None:
    """Return what a record of a receipts topic says; None if it is no receipt of that agency's."""
    try:
        contract, data = codec.decode(record.value)
        if contract.event_type != RECEIPT:
            return None
        place = Place(data["topic"], data["partition"])
        agency, kind = topics.agency_of(place.topic)
    except ContractError:
        return None
    if kind != "outbox" or record.topic != topics.receipts(agency) or place.partition < 0:
        return None
    word = _word(data, record.timestamp)
    return None if word is None else Told(place, word)


def _word(data: dict[str, Any], appended_ms: int) -> Claim | Refused | None:
    if data["kind"] == "refused" and data["offset"] is not None:
        return Refused(data["offset"], data["reason"] or "")
    if data["kind"] == "progress" and data["next"] is not None:
        counts = (data["routed"], data["unclaimed"], data["duplicate"], data["parked"])
        return Claim(data["next"], counts, data["decided_at"], data["registry"], appended_ms)
    return None


class Basis(NamedTuple):
    """What a record is judged by: edition and moment; `fault` says why it is not what the receipt claims."""

    edition: int
    at_ms: int
    fault: str


def basis(
    claim: Claim,
    in_force: Callable[[int], int | None],
    appended: Callable[[int], int | None],
    superseded: Callable[[int], int | None],
) -> Basis:
    """Return what to judge by: the claim, where it can be true; else the receipt's append time."""
    off = claim.at_ms - claim.appended_ms
    if abs(off) > CLOCK_MS:
        return Basis(
            in_force(claim.appended_ms) or 0, claim.appended_ms, f"the gate's clock is {off // 1000} s off"
        )
    if claim.edition is None:
        return Basis(in_force(claim.at_ms) or 0, claim.at_ms, "")
    since, until = appended(claim.edition), superseded(claim.edition)
    known = since is not None and since <= claim.appended_ms + AHEAD_MS
    if not known or (until is not None and until < claim.appended_ms - CLOCK_MS):
        fault = f"edition {claim.edition} of the agency registry was not in force"
        return Basis(in_force(claim.appended_ms) or 0, claim.appended_ms, fault)
    return Basis(claim.edition, claim.at_ms, "")


@dataclass(slots=True)
class Claims:
    """What the gate has claimed of one source partition and was not checked yet.

    `told` is the `next` of the last receipt taken, `checked` that of the last one checked; `tally` counts the
    audit's own verdicts since `checked`; `whole` is false where some records since then were not judged.
    """

    queue: deque[Claim] = field(default_factory=deque)
    refused: dict[int, str] = field(default_factory=dict)
    told: int = 0
    checked: int = 0
    tally: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    whole: bool = True

    def take(self, word: Claim | Refused) -> bool:
        """Take a receipt; return whether it moves the partition on. What was told before is ignored."""
        if isinstance(word, Refused):
            if word.offset >= self.told:
                self.refused[word.offset] = word.reason
            return False
        if word.next <= self.told:
            return False
        self.told = word.next
        self.queue.append(word)
        return True

    def settle(self, claim: Claim) -> bool:
        """Close the oldest claim; return whether its counts are the audit's own (or cannot be compared)."""
        self.queue.popleft()
        agrees = not self.whole or tuple(self.tally) == claim.counts
        self.checked = claim.next
        self.tally = [0, 0, 0, 0]
        self.whole = True
        return agrees

    def forget_below(self, offset: int) -> None:
        """Forget refusals of what is judged: they were compared, or speak of nothing that was there."""
        if self.refused:
            self.refused = {at: reason for at, reason in self.refused.items() if at >= offset}
