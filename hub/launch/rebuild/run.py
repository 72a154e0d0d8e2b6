"""The work of a rebuild: fill a shadow, compare it with the live tables, let it take their place."""

from __future__ import annotations

from hub.launch.rebuild.audit import rebuild_audit
from hub.launch.rebuild.fill import Filler
from hub.launch.rebuild.outcome import Outcome, Say, refuse_less
from hub.launch.rebuild.targets import CASES, PROJECTOR, Target
from hub.settings import Settings
from hub.store.shadow import Positions, Shadow

NAMES = ("projector", "cases", "audit")
"""What can be rebuilt, in the order of `all`."""

# So few records are read while the live consumers are held still.
_NEAR = 2000
# Held still, consumers do not wait long for a Kafka that does not answer.
_STALLED_SECONDS = 5.0


def rebuild(settings: Settings, name: str, *, check: bool, say: Say) -> Outcome:
    """Build tables again, compare them with the live ones; unless `check`, let them take over.

    The live processes go on meanwhile. Raises StoreError where the tables cannot be built from the logs any
    more, where another rebuild is at work, or where the live tables cannot be replaced; they stay as they are
    then.
    """
    if name == "audit":
        return rebuild_audit(settings, check=check, say=say)
    return _rebuild(settings, CASES if name == CASES.name else PROJECTOR, check=check, say=say)


def _rebuild(settings: Settings, target: Target, *, check: bool, say: Say) -> Outcome:
    with (
        Shadow(settings, target.consumers, target.tables, target.own) as shadow,
        Filler(settings, target, shadow.engine, say) as filler,
    ):
        if shadow.cleared:
            say("the tables of an interrupted rebuild were removed")
        records = _near(filler, shadow)
        with shadow.snapshot() as live:
            records += filler.to(live.positions)
            compared = [live.compare(table) for table in target.tables]
        if not check:
            refuse_less(compared, filler.cut_off)
            shadow.replace(lambda positions: _last(filler, positions), target.within)
            if target.after is not None:
                shadow.run(target.after)
        return Outcome(target.name, records, compared, replaced=not check)


def _near(filler: Filler, shadow: Shadow) -> int:
    """Read on until the live consumers are near, and return how many records that took."""
    records = filler.to(shadow.positions())
    while (news := filler.to(shadow.positions())) > _NEAR:
        records += news
    return records + news


def _last(filler: Filler, positions: Positions) -> None:
    filler.to(positions, _STALLED_SECONDS)
