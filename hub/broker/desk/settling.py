"""Settling parked events, few or many, as one person; and saying beforehand what the gate would decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.broker.desk import originals
from hub.broker.desk.desk import AbortedError, Desk, Work, hub_event
from hub.broker.desk.history import History, history
from hub.broker.desk.people import Person
from hub.broker.desk.places import reads_as
from hub.broker.registry_topic import NoRegistryError, read_registry
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError, ContractError
from hub.gate.decide import Decider
from hub.gate.memory import Bounds, Memory
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.rules import Rules
from hub.gate.verdict import Verdict
from hub.parked import acts
from hub.parked.acts import Action, Decision
from hub.parked.events import ParkedEvent
from hub.parked.outgoing import Outgoing
from hub.parked.place import Place
from hub.settings import Settings

SETTLING = Work(
    topics.DESK_SETTLING,
    "somebody else began to settle parked events:",
    "run the same command again; it goes on where it stopped.",
)

_CHUNK_EVENTS = 100
_CHUNK_BYTES = 4_000_000
_TRIES = 2
# Verdicts do not depend on it, and a dry run delivers nothing.
_NO_SECRET = bytes(32)


@dataclass(slots=True)
class Outcome:
    """What became of a list: settled now, settled before, and not settled with the reason why."""

    done: list[Place] = field(default_factory=list)
    before: list[Place] = field(default_factory=list)
    failed: dict[Place, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with parked events, by whom, and why; where it is a request's, its decision comes first."""

    action: Action
    person: Person
    note: str
    decision: Decision | None = None


def settle(
    settings: Settings,
    order: Order,
    events: Sequence[ParkedEvent],
    tell: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Replay or discard parked events; those that are settled already are left alone. Can be run again.

    `tell` hears how many more are done. Raises FencedError when another desk took over, BrokerError or
    BrokerUnavailableError: what is done then is done, and the next run goes on with the rest. ConfigError
    where the decision of a request is not to be had (see `decide`).
    """
    outcome, codec = Outcome(), Codec(Contracts.load())
    with Desk(settings, order.person.principal, SETTLING) as desk:
        past = history(settings)
        if order.decision is not None:
            decide(desk, past, order.decision)
        outcome.before = [each.origin for each in events if each.origin in past.settled]
        wanted = [each for each in events if each.origin not in past.settled]
        for chunk in _chunks(settings, order.action, wanted, outcome):
            for done in _written(desk, order, codec, chunk, outcome):
                outcome.done.append(done.origin)
            tell(len(chunk))
    return outcome


def decide(desk: Desk, past: History, decision: Decision) -> None:
    """Write a decision on a request, unless the same one stands; `past` is of after the desk was opened.

    Raises ConfigError where the other was decided, or by who asked.
    """
    asked = past.requests.get(decision.request_id)
    if asked is not None and not acts.may_decide(asked.by, decision.by):
        raise ConfigError(f"{decision.by} asked for this; somebody else has to decide.")
    standing = past.decisions.get(decision.request_id)
    if standing is None:
        codec = Codec(Contracts.load())
        desk.write([hub_event(codec, acts.decided(decision), decision.request_id)])
    elif standing.decision != decision.decision:
        raise ConfigError(f"the request was {standing.decision} by {standing.by} already.")


def verdicts(
    settings: Settings, events: Iterable[ParkedEvent]
) -> Iterator[tuple[ParkedEvent, Verdict | str]]:
    """Yield for each parked event what the gate would decide on its replay now, or why it cannot be replayed.

    Raises BrokerError or BrokerUnavailableError.
    """
    registry = read_registry(settings, reads_as(settings)).current
    if registry is None:
        raise NoRegistryError("no agency registry was applied yet.", do="Run `hub apply`.")
    rules, at = Rules(registry), datetime.now(UTC)
    decider = Decider(Codec(Contracts.load()), Pseudonyms(_NO_SECRET), settings.gate.event_bytes)
    wanted = list(events)
    missing = {each.origin: each for each in wanted}
    for event, record in originals.records(settings, wanted):
        missing.pop(event.origin, None)
        try:
            again = _on_outbox(originals.replay_of(settings, record), at)
        except ContractError as error:
            yield event, str(error)
        else:
            yield event, decider.decide(again, rules, Memory(Bounds(0, 0)), at)
    for event in missing.values():
        yield event, _GONE


_GONE = f"{topics.PARKED} does not hold it any more."


def _on_outbox(replay: Outgoing, at: datetime) -> Record:
    outbox = topics.outbox(topics.HUB)
    milliseconds = int(at.timestamp() * 1000)
    return Record(outbox, 0, 0, milliseconds, replay.key, replay.value, replay.headers)


@dataclass(frozen=True, slots=True)
class _Ready:
    event: ParkedEvent
    replay: Outgoing | None

    @property
    def size(self) -> int:
        return len(self.replay.value or b"") if self.replay is not None else 0


def _ready(
    settings: Settings, action: Action, events: Sequence[ParkedEvent], outcome: Outcome
) -> Iterator[_Ready]:
    if action == "discard":
        yield from (_Ready(each, None) for each in events)
        return
    missing = {each.origin for each in events}
    for event, record in originals.records(settings, events):
        missing.discard(event.origin)
        try:
            ready = _Ready(event, originals.replay_of(settings, record))
        except ContractError as error:
            outcome.failed[event.origin] = str(error)
        else:
            yield ready
    outcome.failed |= dict.fromkeys(missing, _GONE)


def _chunks(
    settings: Settings, action: Action, events: Sequence[ParkedEvent], outcome: Outcome
) -> Iterator[list[_Ready]]:
    chunk: list[_Ready] = []
    size = 0
    for each in _ready(settings, action, events, outcome):
        chunk.append(each)
        size += each.size
        if len(chunk) >= _CHUNK_EVENTS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _written(
    desk: Desk, order: Order, codec: Codec, chunk: Sequence[_Ready], outcome: Outcome
) -> list[ParkedEvent]:
    """Write a chunk; where Kafka refuses it, halve until the one stands alone that it will not take."""
    trouble: AbortedError | None = None
    for _ in range(_TRIES):
        try:
            desk.write(_outgoing(order, codec, chunk))
        except AbortedError as error:
            # After a refused record the next transaction may fail once for no reason of its own.
            trouble = error
        else:
            return [each.event for each in chunk]
    if len(chunk) > 1:
        half = len(chunk) // 2
        first = _written(desk, order, codec, chunk[:half], outcome)
        return first + _written(desk, order, codec, chunk[half:], outcome)
    outcome.failed[chunk[0].event.origin] = str(trouble)
    return []


def _outgoing(order: Order, codec: Codec, chunk: Sequence[_Ready]) -> list[Outgoing]:
    by, at, note = order.person.name, datetime.now(UTC), order.note
    said = [acts.settled(each.event, order.action, by, at, note) for each in chunk]
    replays = [each.replay for each in chunk if each.replay is not None]
    return replays + [hub_event(codec, each) for each in said]
