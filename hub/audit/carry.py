"""What the account carries over a restart beside its rows: packed as JSON, compressed."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from hub.audit.books import LaneKey, Place
from hub.audit.faults import Explanation
from hub.contracts.origin import Origin

_FORMAT = 1


@dataclass(slots=True)
class Carried:
    """The parts, with the types that the account uses; of intakes and lanes what their books dump."""

    intakes: dict[Place, dict[str, Any]] = field(default_factory=dict)
    lanes: dict[LaneKey, dict[str, Any]] = field(default_factory=dict)
    faults: list[list[Any]] = field(default_factory=list)
    next: dict[Place, int] = field(default_factory=dict)
    removed: dict[Place, tuple[int, int | None]] = field(default_factory=dict)
    committed: dict[Place, int] = field(default_factory=dict)
    copies: list[tuple[str, int, int]] = field(default_factory=list)
    rejections: dict[tuple[LaneKey, int], int] = field(default_factory=dict)
    explanations: list[Explanation] = field(default_factory=list)
    replays: dict[tuple[str, Origin], tuple[Origin, int]] = field(default_factory=dict)


def pack(carried: Carried) -> bytes:
    """Return the carry as bytes."""
    document = {
        "format": _FORMAT,
        "intakes": [[*place, kept] for place, kept in carried.intakes.items()],
        "lanes": [[*key, kept] for key, kept in carried.lanes.items()],
        "faults": carried.faults,
        "next": [[*place, offset] for place, offset in carried.next.items()],
        "removed": [[*place, *edge] for place, edge in carried.removed.items()],
        "committed": [[*place, offset] for place, offset in carried.committed.items()],
        "copies": carried.copies,
        "rejections": [[*key, offset, waited] for (key, offset), waited in carried.rejections.items()],
        "explanations": [[str(each.origin), *each[1:]] for each in carried.explanations],
        "replays": [
            [route, str(of), str(origin), at_ms] for (route, of), (origin, at_ms) in carried.replays.items()
        ],
    }
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes) -> Carried:
    """Return what `pack` was given."""
    document = json.loads(zlib.decompress(packed))
    return Carried(
        intakes={Place(topic, number): kept for topic, number, kept in document["intakes"]},
        lanes={LaneKey(route, topic, number): kept for route, topic, number, kept in document["lanes"]},
        faults=document["faults"],
        next={Place(topic, number): offset for topic, number, offset in document["next"]},
        removed={Place(topic, number): (low, oldest) for topic, number, low, oldest in document["removed"]},
        committed={Place(topic, number): offset for topic, number, offset in document["committed"]},
        copies=[(topic, number, offset) for topic, number, offset in document["copies"]],
        rejections={
            (LaneKey(route, topic, number), offset): waited
            for route, topic, number, offset, waited in document["rejections"]
        },
        explanations=[
            Explanation(Origin.parse(origin), tuple(routes), tuple(kinds), by, reason, at_ms)
            for origin, routes, kinds, by, reason, at_ms in document["explanations"]
        ],
        replays={
            (route, Origin.parse(of)): (Origin.parse(origin), at_ms)
            for route, of, origin, at_ms in document["replays"]
        },
    )
