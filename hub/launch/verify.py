"""`hub indicator verify`: a published figure worked out again from the logs, and both compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from hub.broker.flows import recount
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.errors import ContractError, HubError, StoreError
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.figures import gone
from hub.indicators.inputs import Frame, Inputs
from hub.indicators.model import Edition, Value
from hub.indicators.obligations import fold
from hub.launch.rebuild.fill import Filler
from hub.launch.rebuild.targets import CASES
from hub.registry.model import Registry
from hub.settings import Settings
from hub.store import figure_events, figure_values, figures, indicators, tables
from hub.store.engine import engine as make_engine
from hub.store.engine import reworded
from hub.store.figure_values import Flowed, Rules
from hub.store.indicators import Key, key_of
from hub.store.shadow import Shadow
from streams.folding import CONSUMER

Say = Callable[[str], None]


@dataclass(frozen=True)
class Verified:
    """A figure as it was published, and as the logs say it; `missing`: what retention has removed of them.

    `objections` are those that name this figure, as agencies told them.
    """

    edition: Edition
    again: Value
    records: int
    missing: tuple[str, ...]
    objections: tuple[dict[str, Any], ...]

    @property
    def differing(self) -> dict[str, tuple[Any, Any]]:
        """What differs, by the name it has in the document: published, and worked out again."""
        before, after = self.edition.value.document(), self.again.document()
        return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def verify(settings: Settings, key: Key, number: int, say: Say) -> Verified:
    """Work an edition out again from the first record of its logs up to where it was read then.

    Raises StoreError where there is no such edition or another rebuild is at work, BrokerError, StoreError
    where logs and edition do not belong together.
    """
    live = make_engine(settings, pool_size=2)
    try:
        edition = indicators.edition(live, key, number)
        if edition is None:
            raise HubError(
                f"{'/'.join(key)} has no edition {number}.",
                do=f"`hub indicator show {key[0]} --period {key[1]} --breakdown '{key[2]}'` lists them.",
            )
        _known(edition)
        registry = _registry(settings, edition)
        rules = Rules(
            registry, edition.published_at, settings.indicators.zone, settings.indicators.smallest_group
        )
        again = _flows if DEFINITIONS[key[0]].evidence == "flows" else _folded
        values, records, missing = again(settings, edition, rules, say)
        found = next((each for each in values if key_of(each) == key), None)
        value = gone(edition.value) if found is None else found
        return Verified(edition, value, records, missing, _objections(live, edition))
    finally:
        live.dispose()


def _known(edition: Edition) -> None:
    """Refuse an edition whose meaning this version does not have."""
    definition = DEFINITIONS.get(edition.value.place.indicator)
    if definition is None or definition.reference != edition.versions.definition:
        raise HubError(
            f"this version of the hub does not know the definition {edition.versions.definition}.",
            do="Verify it with the version that published it.",
        )


def _registry(settings: Settings, edition: Edition) -> Registry:
    reader = read_registry(settings, topics.READER_PRINCIPAL)
    try:
        return reader.edition(edition.versions.registry or 0)
    except ContractError as error:
        raise StoreError(f"the edition cannot be worked out again: {error}") from None


def _flows(
    settings: Settings, edition: Edition, rules: Rules, say: Say
) -> tuple[tuple[Value, ...], int, tuple[str, ...]]:
    """Count what flowed from the headers of every delivery that is still there."""
    say("counting the deliveries of every inbox")
    found = recount(settings, rules.registry, edition.as_of.cut, rules.zone)
    frame = Frame(edition.as_of.clock, figure_values.agencies(rules.registry), rules.zone)
    allowed = tuple(figure_values.allowed(rules.registry, rules.at))
    inputs = Inputs(frame, flows=found.flows, allowed=allowed)
    values = figure_values.published(inputs, rules.smallest)
    return values, sum(each.accepted for each in found.flows), found.cut_off


def _folded(
    settings: Settings, edition: Edition, rules: Rules, say: Say
) -> tuple[tuple[Value, ...], int, tuple[str, ...]]:
    """Fold every case anew in a shadow, up to where the edition had read, and work all figures out of it."""
    topic = topics.inbox(topics.SUPERVISION)
    positions = {(CONSUMER, topic, part): next_ for part, next_ in edition.as_of.positions.items()}
    own = (*CASES.own, *tables.FIGURE_CELLS)
    with (
        Shadow(settings, CASES.consumers, CASES.tables, own) as shadow,
        Filler(settings, CASES, shadow.engine, say) as filler,
    ):
        records = filler.to(positions)
        values = _worked_out(shadow.engine, edition, rules)
        return values, records, tuple(filler.cut_off)


def _worked_out(shadow: Engine, edition: Edition, rules: Rules) -> tuple[Value, ...]:
    try:
        with shadow.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                figures.count_all(connection, rules.zone)
                flowed = Flowed((), {})
                clock = edition.as_of.clock
                return figure_values.work_out(connection, rules, clock=clock, flowed=flowed).values
    except DBAPIError as error:
        raise reworded(error) from None


def _objections(live: Engine, edition: Edition) -> tuple[dict[str, Any], ...]:
    """Return what agencies object to in this figure, whichever edition of it they name."""
    place = edition.value.place
    whose = place.breakdown.get("agency") or place.breakdown.get("holder")
    with live.connect() as connection:
        events = list(figure_events.of(connection, *figure_events.PROGRAMME))
    return tuple(
        each.document()
        for obligation in fold(events)
        for each in obligation.objections
        if each.indicator == place.indicator
        and each.period in (None, place.period)
        and whose in (None, obligation.owner)
    )
