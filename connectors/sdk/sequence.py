"""The recipient's own proof of completeness: `hub-seq` per route and source partition has no gap. Pure."""

from __future__ import annotations

from connectors.sdk.deliveries import Delivery
from hub.contracts.names import RouteId
from hub.errors import HubError

Line = tuple[RouteId, str, int]
"""One numbered line of deliveries: the route, and the source's topic and partition."""


class SequenceError(HubError):
    """A delivery is missing or came again; `missing` counts the numbers skipped (0: this one came before)."""

    def __init__(self, delivery: Delivery, expected: int) -> None:
        self.delivery = delivery
        self.expected = expected
        self.missing = max(0, delivery.seq - expected)
        line = f"{delivery.route} from {delivery.origin.topic}/{delivery.origin.partition}"
        super().__init__(
            f"number {delivery.seq} of {line} came where {expected} was due.",
            where=delivery.place,
            do="Tell the operator: `hub ledger` shows what the hub accepted on this route.",
        )


class Sequence:
    """The last number seen on each line.

    What it promises: from the first delivery that it sees of a line on, every gap and every repeat is found.
    Where an inbox partition is read from its very beginning, the first number of a line must be 1; a reader
    that resumes has no earlier number to compare with and takes the first as it comes.
    """

    def __init__(self) -> None:
        self._last: dict[int, dict[Line, int]] = {}
        self._from_start: set[int] = set()

    def start(self, partition: int, *, from_start: bool) -> None:
        """Begin with an inbox partition, read from its very beginning or from a later place."""
        self._last[partition] = {}
        self._from_start.discard(partition)
        if from_start:
            self._from_start.add(partition)

    def stop(self, partition: int) -> None:
        """Forget an inbox partition that another reader has taken over."""
        self._last.pop(partition, None)
        self._from_start.discard(partition)

    def check(self, delivery: Delivery) -> SequenceError | None:
        """Return what is wrong with this delivery's number, or None; a gap is told once."""
        lines = self._last.setdefault(delivery.partition, {})
        line: Line = (delivery.route, delivery.origin.topic, delivery.origin.partition)
        last = lines.get(line)
        if last is None:
            expected = 1 if delivery.partition in self._from_start else delivery.seq
        else:
            expected = last + 1
        lines[line] = max(delivery.seq, last or 0)
        return None if delivery.seq == expected else SequenceError(delivery, expected)
