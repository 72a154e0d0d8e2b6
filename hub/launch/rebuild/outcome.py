"""What a rebuild found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.errors import StoreError
from hub.store.shadow import Comparison

Say = Callable[[str], None]
"""Tells a person how far it is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rebuild found, by how many records, and whether the new tables are the live ones now."""

    target: str
    records: int
    tables: Sequence[Comparison]
    replaced: bool

    @property
    def same(self) -> bool:
        """Whether the live tables held what the logs say."""
        return all(each.same for each in self.tables)


def refuse_less(compared: Sequence[Comparison], cut_off: Sequence[str]) -> None:
    """Refuse to replace rows that the logs cannot give again; `cut_off` says whose log lost its beginning."""
    lost = [f"{each.only_live:,} of {each.table}" for each in compared if each.only_live]
    if lost and cut_off:
        raise StoreError(
            f"{', '.join(cut_off)}: what stood before cannot be built again ({', '.join(lost)} would go).",
            do="The live tables were left as they are.",
        )
