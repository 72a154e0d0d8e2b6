"""Settling parked events, few or many, as one person; and saying beforehand what the gate would decide."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.broker import credentials
from hub.broker.parked_desk import AbortedError, Desk, Said
from hub.broker.parked_log import History, ParkedLog, reads_as
from hub.broker.registry_topic import NoRegistryError, read_registry
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import agency_code
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
from hub.parked.place import Place
from hub.parked.replay import Replay
from hub.settings import Settings

_CHUNK_EVENTS = 100
_CHUNK_BYTES = 4_000_000
_TRIES = 2
# Verdicts do not depend on it, and a dry run delivers nothing.
_NO_SECRET = bytes(32)


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the name that is written down, and the Kafka principal to log in as."""

    name: str
    principal: str


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


def person(settings: Settings, name: str | None, *, operator: bool) -> Person:
    """Return who acts: the operator of a name, by default the login's.

    Where the login is no operator's name, and `operator` is false, the hub's own agency acts for it. Raises
    ConfigError when the credentials of the operator are not there.
    """
    login = settings.kafka.username
    if login is not None:
        told = (
            login.removeprefix(topics.OPERATOR_PREFIX) if login.startswith(topics.OPERATOR_PREFIX) else None
        )
        if told is None or name not in (None, told):
            raise ConfigError(
                f"HUB_KAFKA__USERNAME is {login}, which is not the operator who is to act.",
                do="Set it to operator.<name> and its password, or unset both.",
            )
        return Person(told, login)
    wanted = name or getpass.getuser()
    try:
        principal = topics.operator(agency_code(wanted))
    except ContractError as error:
        principal = None
        if name is not None:
            raise ConfigError(str(error)) from None
    if principal is not None and credentials.file_of(settings, principal).is_file():
        return Person(wanted, principal)
    if operator or name is not None:
        raise ConfigError(
            f"there are no credentials of an operator {wanted!r} here.",
            do="Run `hub operator add NAME`; then say --as NAME, or set HUB_KAFKA__USERNAME and _PASSWORD.",
        )
    return Person(wanted, topics.HUB)


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
    log = ParkedLog(settings)
    outcome = Outcome()
    with Desk(settings, order.person.principal) as desk:
        history = log.history()
        if order.decision is not None:
            decide(desk, history, order.decision)
        outcome.before = [each.origin for each in events if each.origin in history.settled]
        wanted = [each for each in events if each.origin not in history.settled]
        for chunk in _chunks(log, order.action, wanted, outcome):
            for done in _written(desk, order, chunk, outcome):
                outcome.done.append(done.origin)
            tell(len(chunk))
    return outcome


def decide(desk: Desk, history: History, decision: Decision) -> None:
    """Write a decision on a request, unless the same one stands; the desk must have begun before `history`.

    Raises ConfigError where the other was decided, or by who asked.
    """
    asked = history.requests.get(decision.request_id)
    if asked is not None and not acts.may_decide(asked.by, decision.by):
        raise ConfigError(f"{decision.by} asked for this; somebody else has to decide.")
    standing = history.decisions.get(decision.request_id)
    if standing is None:
        desk.write([], [], (acts.decided(decision), decision.request_id))
    elif standing.decision != decision.decision:
        raise ConfigError(f"the request was {standing.decision} by {standing.by} already.")


def verdicts(
    settings: Settings, events: Iterable[ParkedEvent]
) -> Iterator[tuple[ParkedEvent, Verdict | str]]:
    """Yield for each parked event what the gate would decide on its replay now, or why it cannot be replayed.

    Raises BrokerError or BrokerUnavailableError.
    """
    log = ParkedLog(settings)
    registry = read_registry(settings, reads_as(settings)).current
    if registry is None:
        raise NoRegistryError("no agency registry was applied yet.", do="Run `hub apply`.")
    rules, at = Rules(registry), datetime.now(UTC)
    decider = Decider(Codec(Contracts.load()), Pseudonyms(_NO_SECRET), settings.gate.event_bytes)
    wanted = list(events)
    missing = {each.origin: each for each in wanted}
    for event, record in log.records(wanted):
        missing.pop(event.origin, None)
        try:
            again = _on_outbox(log.replay_of(record), at)
        except ContractError as error:
            yield event, str(error)
        else:
            yield event, decider.decide(again, rules, Memory(Bounds(0, 0)), at)
    for event in missing.values():
        yield event, _GONE


_GONE = f"{topics.PARKED} does not hold it any more."


def _on_outbox(replay: Replay, at: datetime) -> Record:
    outbox = topics.outbox(topics.HUB)
    milliseconds = int(at.timestamp() * 1000)
    return Record(outbox, 0, 0, milliseconds, replay.key, replay.value, replay.headers)


@dataclass(frozen=True, slots=True)
class _Ready:
    event: ParkedEvent
    replay: Replay | None

    @property
    def size(self) -> int:
        return len(self.replay.value or b"") if self.replay is not None else 0


def _ready(
    log: ParkedLog, action: Action, events: Sequence[ParkedEvent], outcome: Outcome
) -> Iterator[_Ready]:
    if action == "discard":
        yield from (_Ready(each, None) for each in events)
        return
    missing = {each.origin for each in events}
    for event, record in log.records(events):
        missing.discard(event.origin)
        try:
            ready = _Ready(event, log.replay_of(record))
        except ContractError as error:
            outcome.failed[event.origin] = str(error)
        else:
            yield ready
    outcome.failed |= dict.fromkeys(missing, _GONE)


def _chunks(
    log: ParkedLog, action: Action, events: Sequence[ParkedEvent], outcome: Outcome
) -> Iterator[list[_Ready]]:
    chunk: list[_Ready] = []
    size = 0
    for each in _ready(log, action, events, outcome):
        chunk.append(each)
        size += each.size
        if len(chunk) >= _CHUNK_EVENTS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _written(desk: Desk, order: Order, chunk: Sequence[_Ready], outcome: Outcome) -> list[ParkedEvent]:
    """Write a chunk; where Kafka refuses it, halve until the one stands alone that it will not take."""
    trouble: AbortedError | None = None
    for _ in range(_TRIES):
        try:
            desk.write([each.replay for each in chunk if each.replay is not None], _said(order, chunk))
        except AbortedError as error:
            # After a refused record the next transaction may fail once for no reason of its own.
            trouble = error
        else:
            return [each.event for each in chunk]
    if len(chunk) > 1:
        half = len(chunk) // 2
        return _written(desk, order, chunk[:half], outcome) + _written(desk, order, chunk[half:], outcome)
    outcome.failed[chunk[0].event.origin] = str(trouble)
    return []


def _said(order: Order, chunk: Sequence[_Ready]) -> list[Said]:
    at = datetime.now(UTC)
    return [acts.settled(each.event, order.action, order.person.name, at, order.note) for each in chunk]
