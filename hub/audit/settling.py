"""What events say of others: rejections, repairs, explanations; heeded once what they speak of is judged."""

from __future__ import annotations

import re

from hub.audit.books import INTAKE, LaneKey, Repair
from hub.audit.carry import Carried
from hub.audit.due import Reading
from hub.audit.faults import PATIENCE, Explanation, Faults
from hub.audit.shelf import Shelf
from hub.contracts import topics
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.registry.model import REJECTED, REPAIRED

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class Settling:
    """Keeps what was said until the cut has passed what it speaks of."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._rejections: dict[tuple[LaneKey, int], int] = {}
        self._explanations: list[Explanation] = []
        self._replays: dict[tuple[str, Origin], tuple[Origin, int]] = {}

    def heed(self, record: Record, reading: Reading, at_ms: int) -> None:
        """Take what a routed event means for the books themselves."""
        if reading.envelope.type == REJECTED:
            self._take_rejection(reading)
        elif reading.envelope.type == REPAIRED:
            self._take_explanation(reading, at_ms)
        if reading.replay_of is not None:
            origin = Origin(record.topic, record.partition, record.offset)
            self.replayed(INTAKE, reading.replay_of, origin, at_ms)

    def replayed(self, route: str, of: Origin, origin: Origin, at_ms: int) -> None:
        """Take a replay: on the hub's outbox (route INTAKE), or found on a route."""
        self._replays.setdefault((route, of), (origin, at_ms))

    def settle(self, shelf: Shelf) -> None:
        """Act on what is closed by now; the rest waits."""
        self._reject(shelf)
        self._repair(shelf)

    def _take_rejection(self, reading: Reading) -> None:
        origin = Origin.parse(reading.data["origin"])
        key = LaneKey(reading.data["route"], origin.topic, origin.partition)
        self._rejections.setdefault((key, origin.offset), 0)

    def _take_explanation(self, reading: Reading, at_ms: int) -> None:
        data = reading.data
        try:
            origin = Origin.parse_fault(data["origin"])
        except ContractError:
            return
        if data["action"] != "explained":
            return
        explanation = Explanation(
            origin,
            tuple(data["routes"]),
            tuple(data["kinds"]),
            _CONTROLS.sub(" ", data["repaired_by"] or ""),
            _CONTROLS.sub(" ", data["reason"]),
            at_ms if data["repaired_at"] is None else data["repaired_at"],
        )
        self._explanations.append(explanation)

    def _repair(self, shelf: Shelf) -> None:
        for (route, of), (origin, at_ms) in list(self._replays.items()):
            kinds = frozenset({"missing"} if route == INTAKE else {"missing", "altered"})
            reason = f"replayed as {origin}"
            self._faults.repair(Repair(route, of, kinds, "redelivered", topics.HUB, reason, at_ms))
            if shelf.is_closed(of):
                del self._replays[route, of]
        waiting = []
        for each in self._explanations:
            for repair in each.repairs():
                self._faults.repair(repair)
            # A stray record's fault was noted before anybody could explain it.
            if topics.agency_of(each.origin.topic)[1] == "outbox" and not shelf.is_closed(each.origin):
                waiting.append(each)
        self._explanations = waiting

    def _reject(self, shelf: Shelf) -> None:
        for (key, offset), waited in list(self._rejections.items()):
            lane = shelf.lanes.get(key)
            if lane is not None and shelf.is_closed(Origin(key.topic, key.partition, offset)):
                lane.reject(offset)
            elif waited < PATIENCE:
                self._rejections[key, offset] = waited + 1
                continue
            del self._rejections[key, offset]

    def dump(self, into: Carried) -> None:
        """Write what a restart needs."""
        into.rejections = self._rejections
        into.explanations = self._explanations
        into.replays = self._replays

    def load(self, kept: Carried) -> None:
        """Take what `dump` wrote."""
        self._rejections = kept.rejections
        self._explanations = kept.explanations
        self._replays = kept.replays
