"""The work of one rebuild: fill a shadow, compare it with the live tables, let it take their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.errors import StoreError
from hub.launch.rebuild.fill import Filler, Say
from hub.launch.rebuild.targets import Target
from hub.settings import Settings
from hub.store.shadow import Comparison, Positions, Shadow

# So few records are read while the live consumers are held still.
_NEAR = 2000
# Held still, consumers do not wait long for a Kafka that does not answer.
_STALLED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rebuild found, and whether the new tables are the live ones now."""

    target: str
    records: int
    tables: Sequence[Comparison]
    replaced: bool

    @property
    def same(self) -> bool:
        """Whether the live tables held what the logs say."""
        return all(each.same for each in self.tables)


def rebuild(settings: Settings, target: Target, *, check: bool, say: Say) -> Outcome:
    """Build a target's tables again, compare them with the live ones; unless `check`, let them take over.

    The live consumers go on meanwhile. Raises StoreError where the tables cannot be built from the logs any
    more, where another rebuild is at work, or where the live tables cannot be replaced; they stay as they are
    then.
    """
    with (
        Shadow(settings, target.consumers, target.tables) as shadow,
        Filler(settings, target, shadow.engine, say) as filler,
    ):
        if shadow.cleared:
            say("the tables of an interrupted rebuild were removed")
        records = _near(filler, shadow)
        with shadow.snapshot() as live:
            records += filler.to(live.positions)
            compared = [live.compare(table) for table in target.tables]
        if check:
            return Outcome(target.name, records, compared, replaced=False)
        _refuse_less(compared, filler.cut_off)
        shadow.replace(lambda positions: _last(filler, positions))
        return Outcome(target.name, records, compared, replaced=True)


def _near(filler: Filler, shadow: Shadow) -> int:
    """Read on until the live consumers are near, and return how many records that took."""
    records = filler.to(shadow.positions())
    while (news := filler.to(shadow.positions())) > _NEAR:
        records += news
    return records + news


def _last(filler: Filler, positions: Positions) -> None:
    filler.to(positions, _STALLED_SECONDS)


def _refuse_less(compared: Sequence[Comparison], cut_off: Sequence[str]) -> None:
    """Refuse to replace rows that the logs cannot give again."""
    lost = [f"{each.only_live:,} of {each.table}" for each in compared if each.only_live]
    if lost and cut_off:
        raise StoreError(
            f"{', '.join(cut_off)}: what stood before cannot be built again ({', '.join(lost)} would go).",
            do="The live tables were left as they are.",
        )
