"""One source partition: its row, the records not judged yet, its memory, claims, and its parked records."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

from hub.audit.books import INTAKE, Fault, FaultKind, Intake, Place
from hub.audit.claims import Claim, Claims
from hub.audit.faults import PATIENCE, Faults
from hub.audit.seen import Bounds, Seen
from hub.contracts.origin import Origin
from hub.contracts.record import Record


class DueParked(NamedTuple):
    """What must stand in hub.parked: class, digest, `hub-parked-at` where a receipt says it, the basis."""

    reason: str
    digest: bytes
    moment: bytes | None
    edition: int
    at_ms: int


@dataclass(slots=True)
class FoundParked:
    """A record of hub.parked, by its last hub headers and the digest of the rest."""

    place: Place
    offset: int
    time_ms: int
    reason: str
    digest: bytes
    parked_at: bytes | None
    waited: int = 0


class IntakeBook:
    """A source partition as the audit knows it. `fed`: the offset after the last record fed."""

    def __init__(self, row: Intake, faults: Faults, bounds: Bounds) -> None:
        self.row = row
        self.place = Place(row.topic, row.partition)
        self.begun = False
        self.dirty = False
        self.fed = row.cut
        self.closed = 0
        self.kept: deque[Record] = deque()
        self.seen = Seen(bounds)
        self.claims = Claims()
        self.refused: set[int] = set()
        self._holes: list[tuple[int, int]] = []
        self._faults = faults
        self._due: dict[int, DueParked] = {}
        self._lost: dict[int, DueParked] = {}
        self._found: dict[int, list[FoundParked]] = {}
        self._not_refused: set[int] = set()
        self._places = bounds.places

    @property
    def blind(self) -> bool:
        """Whether some of its records were never audited."""
        return self.row.began > 0 or bool(self._holes)

    def before(self, offset: int) -> bool:
        """Say whether an origin is from before the audit began, or was removed before it was read."""
        if not self.begun:
            return False
        return offset < self.row.began or any(since <= offset < until for since, until in self._holes)

    def begin(self, low: int, *, first: bool) -> None:
        """Begin where the partition begins; what lies below `low` is gone."""
        if self.begun:
            return
        self.begun = self.dirty = True
        self.row.cut = self.fed = max(self.fed, low)
        if first:
            self.row.began = low
        elif low:
            self.row.unaudited += low
            self._holes.append((0, low))
        self.claims.whole = not low

    def remove(self, low: int, gate_next: int) -> None:
        """Retention removed what lies between the last record fed and `low`."""
        if low <= self.fed:
            return
        read = min(max(gate_next, self.fed), low)
        self.row.unaudited += read - self.fed
        self.row.expired_unread += low - read
        self._holes.append((self.fed, low))
        self.fed = low
        self.claims.whole = False
        if not self.kept:
            self.row.cut = max(self.row.cut, low)
        self.dirty = True

    def word_of_parked(self, offset: int) -> str | None:
        """Return the class that hub.parked gives to an origin, None if it was not found there."""
        found = self._found.get(offset)
        return found[0].reason if found else None

    def due_parked(self, offset: int, due: DueParked) -> None:
        """Expect an event in hub.parked."""
        self.row.parked[due.reason] = self.row.parked.get(due.reason, 0) + 1
        found = self._found.pop(offset, None)
        if found is None:
            self._due[offset] = due
            return
        self._compare(offset, due, found[0])
        for copy in found[1:]:
            self._double(offset, copy, "parked again")

    def not_parked(self, offset: int) -> None:
        """Expect nothing there of an event; to be called only where something may have been found."""
        for found in self._found.pop(offset, ()):
            self._not_refused.add(offset)
            self._double(offset, found, "parked though it was not to be refused")

    @property
    def finds(self) -> bool:
        """Whether records of hub.parked wait for their origin's judgement."""
        return bool(self._found)

    def take_parked(self, offset: int, found: FoundParked) -> None:
        """Take a record of hub.parked that names an origin of this partition."""
        due = self._due.pop(offset, None)
        if due is not None:
            self._compare(offset, due, found)
        elif offset in self._lost:
            due = self._lost.pop(offset)
            self._compare(offset, due, found)
            self._faults.arrive(INTAKE, self.origin(offset), found.time_ms)
        elif self.before(offset):
            pass
        elif offset < self.row.cut:
            if not self._was_parked(offset):
                self._not_refused.add(offset)
            self._double(offset, found, "parked again, or though it was not to be refused")
        else:
            self._found.setdefault(offset, []).append(found)

    def close(self, cut: int, removed: bool) -> None:
        """Everything below the cut was judged and hub.parked was read; `removed`: it may lack old records."""
        for offset in [each for each in self._due if each < cut]:
            due = self._due.pop(offset)
            if removed:
                continue
            self._lost[offset] = due
            detail = f"not in hub.parked as {due.reason}"
            if self.note("missing", offset, due.edition, due.at_ms, detail=detail):
                self.row.missing += 1
        if len(self.refused) > 2 * self._places:
            self.refused = {each for each in self.refused if each >= cut - self._places}
        for offset, found in list(self._found.items()):
            if self.before(offset):
                del self._found[offset]
            elif offset < cut:
                self.not_parked(offset)
            else:
                self._wait(offset, found)

    def refuses(self, offset: int) -> bool:
        """Say by hub.parked and by what is known of it whether a record below the cut was refused."""
        if offset in self._due or offset in self._lost:
            return True
        return offset in self.refused and offset not in self._not_refused

    def note(
        self,
        kind: FaultKind,
        offset: int,
        edition: int,
        at_ms: int,
        *,
        detail: str,
        found: tuple[str, int, int] | None = None,
    ) -> bool:
        """Note a fault of the intake."""
        self.dirty = True
        return self._faults.note(Fault(INTAKE, kind, self.origin(offset), edition, at_ms, found, detail))

    def alter(self, offset: int, edition: int, at_ms: int, detail: str) -> None:
        """Note that a receipt differs."""
        if self.note("altered", offset, edition, at_ms, detail=detail):
            self.row.altered += 1

    def origin(self, offset: int) -> Origin:
        """Return the origin of an offset of this partition."""
        return Origin(self.row.topic, self.row.partition, offset)

    def _was_parked(self, offset: int) -> bool:
        # Whoever asks has a second record of this origin; the first one was counted or was never due.
        return offset in self.refused

    def _compare(self, offset: int, due: DueParked, found: FoundParked) -> None:
        self.refused.add(offset)
        wrong = []
        if found.reason != due.reason:
            wrong.append("hub-reason")
        if found.digest != due.digest:
            wrong.append("key, value or headers")
        if due.moment is not None and found.parked_at != due.moment:
            wrong.append("hub-parked-at")
        place = (*found.place, found.offset)
        detail = f"{', '.join(wrong)} not as due"
        if wrong and self.note("altered", offset, due.edition, due.at_ms, detail=detail, found=place):
            self.row.altered += 1

    def _double(self, offset: int, found: FoundParked, detail: str) -> None:
        place = (*found.place, found.offset)
        if self.note("doubled", offset, 0, found.time_ms, detail=detail, found=place):
            self.row.doubled += 1

    def _wait(self, offset: int, found: list[FoundParked]) -> None:
        found[0].waited += 1
        if found[0].waited > PATIENCE:
            del self._found[offset]
            self._double(offset, found[0], "parked for an origin that the gate has not decided")

    def dump(self) -> dict[str, Any]:
        """Return what a restart needs beside the row, JSON-able."""
        claims = self.claims
        return {
            "begun": self.begun,
            "closed": self.closed,
            "holes": self._holes,
            "claims": [list(each) for each in claims.queue],
            "refused": list(claims.refused.items()),
            "told": [claims.told, claims.checked, claims.tally, claims.whole],
            "due": _dump_side(self._due),
            "lost": _dump_side(self._lost),
            "found": [[at, [_dump_found(each) for each in found]] for at, found in self._found.items()],
            "not_refused": sorted(self._not_refused),
        }

    def load(self, kept: dict[str, Any]) -> None:
        """Take what `dump` gave."""
        self.begun, self.closed = kept["begun"], kept["closed"]
        self._holes = [(since, until) for since, until in kept["holes"]]
        self.claims.queue = deque(Claim(*_claim(each)) for each in kept["claims"])
        self.claims.refused = dict(kept["refused"])
        self.claims.told, self.claims.checked, tally, self.claims.whole = kept["told"]
        self.claims.tally = list(tally)
        self._due = _load_side(kept["due"])
        self._lost = _load_side(kept["lost"])
        self._found = {at: [_load_found(each) for each in found] for at, found in kept["found"]}
        self._not_refused = set(kept["not_refused"])


def _claim(kept: list[Any]) -> tuple[int, tuple[int, int, int, int], int, int | None, int]:
    next_, counts, at_ms, edition, appended_ms = kept
    return next_, (counts[0], counts[1], counts[2], counts[3]), at_ms, edition, appended_ms


def _dump_side(side: dict[int, DueParked]) -> list[list[Any]]:
    return [
        [at, due.reason, due.digest.hex(), due.moment and due.moment.decode(), due.edition, due.at_ms]
        for at, due in side.items()
    ]


def _load_side(side: list[list[Any]]) -> dict[int, DueParked]:
    return {
        at: DueParked(reason, bytes.fromhex(digest), moment and moment.encode(), edition, at_ms)
        for at, reason, digest, moment, edition, at_ms in side
    }


def _dump_found(found: FoundParked) -> list[Any]:
    parked_at = None if found.parked_at is None else found.parked_at.hex()
    place, offset, time_ms = [*found.place], found.offset, found.time_ms
    return [place, offset, time_ms, found.reason, found.digest.hex(), parked_at, found.waited]


def _load_found(kept: list[Any]) -> FoundParked:
    place, offset, time_ms, reason, digest, parked_at, waited = kept
    parked = None if parked_at is None else bytes.fromhex(parked_at)
    return FoundParked(Place(*place), offset, time_ms, reason, bytes.fromhex(digest), parked, waited)
