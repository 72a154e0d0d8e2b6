"""A batch of records of the window's inbox as what is to be written in one SQL transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.contracts.codec import Codec
from hub.errors import ContractError
from hub.window import catalogue, feed
from hub.window.catalogue import Entry
from hub.window.feed import FeedRow, Record
from hub.window.sequence import Fault, Lane, check


class Item(NamedTuple):
    """One record, understood (`row`) or not (`refusal` says why, without personal data)."""

    record: Record
    row: FeedRow | None = None
    entry: Entry | None = None
    refusal: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset in the inbox."""
        return self.record.partition, self.record.offset

    def refused(self, why: str) -> Item:
        """Return this item as one that cannot be written; its place and its sequence still count."""
        return Item(self.record, self.row, None, why)


@dataclass(slots=True)
class State:
    """What the projector knows of its partitions: next offsets (None: never read), last sequences."""

    places: dict[int, int | None] = field(default_factory=dict)
    sequences: dict[Lane, int] = field(default_factory=dict)

    def apply(self, batch: Batch) -> None:
        """Take over what was committed."""
        self.places.update({partition: after for partition, (_, after) in batch.places.items()})
        self.sequences.update(batch.sequences)

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget partitions that are no longer this projector's."""
        gone = set(partitions)
        self.places = {each: next_ for each, next_ in self.places.items() if each not in gone}
        self.sequences = {lane: last for lane, last in self.sequences.items() if lane.partition not in gone}


@dataclass(frozen=True, slots=True)
class Batch:
    """What one SQL transaction writes; `places` are (expected, new) next offsets per partition."""

    places: Mapping[int, tuple[int | None, int]]
    rows: Sequence[FeedRow]
    entries: Sequence[Entry]
    sequences: Mapping[Lane, int]
    faults: Sequence[Fault]


def item(record: Record, codec: Codec) -> Item:
    """Return a record as an item; never raises for what a record may contain."""
    try:
        row, data = feed.row(record, codec)
        return Item(record, row, catalogue.entry(row, data))
    except (ContractError, ValueError) as error:
        return Item(record, refusal=str(error))


def batch(items: Sequence[Item], state: State) -> Batch:
    """Return what to write for items in the order of their partitions; changes nothing."""
    places: dict[int, tuple[int | None, int]] = {}
    sequences: dict[Lane, int] = {}
    faults: list[Fault] = []
    for each in items:
        record = each.record
        places[record.partition] = (state.places[record.partition], record.offset + 1)
        if each.row is None:
            continue
        row = each.row
        lane = Lane(record.partition, row.route, row.origin_topic, row.origin_partition)
        last = sequences.get(lane, state.sequences.get(lane, 0))
        fault = check(lane, record.offset, last, row.seq)
        if fault is not None:
            faults.append(fault)
        sequences[lane] = max(last, row.seq)
    written = [each for each in items if each.refusal is None]
    return Batch(
        places=places,
        rows=[each.row for each in written if each.row is not None],
        entries=list(catalogue.fold(each.entry for each in written if each.entry is not None).values()),
        sequences=sequences,
        faults=faults,
    )
