"""What the hub's outbox says was done: settlements, requests and decisions; replays of an event."""

from __future__ import annotations

from dataclasses import dataclass

from hub.broker.desk import places
from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.parked import acts
from hub.parked.acts import Decision, Request, Settlement
from hub.parked.place import Place
from hub.settings import Settings


class History:
    """What was done with parked events: the first settlement of each origin, requests, first decisions."""

    def __init__(self) -> None:
        self.settled: dict[Place, Settlement] = {}
        self.requests: dict[str, Request] = {}
        self.decisions: dict[str, Decision] = {}

    def take(self, record: Record, codec: Codec) -> None:
        """Take in one record of the hub's outbox; what is something else, or broken, says nothing."""
        try:
            act = acts.read(record, codec)
        except ContractError:
            return
        if isinstance(act, Settlement):
            self.settled.setdefault(act.origin, act)
        elif isinstance(act, Request):
            self.requests.setdefault(act.request_id, act)
        elif isinstance(act, Decision):
            asked = self.requests.get(act.request_id)
            if asked is None or acts.may_decide(asked.by, act.by):
                self.decisions.setdefault(act.request_id, act)


@dataclass(frozen=True, slots=True)
class Sent:
    """A replay that lies on the hub's outbox: its place, and the routes it keeps to (None: all)."""

    place: Origin
    routes: frozenset[str] | None

    def reaches(self, route: str) -> bool:
        """Say whether it was meant for a route."""
        return self.routes is None or route in self.routes


def history(settings: Settings) -> History:
    """Read the hub's outbox to its end: everything that was settled, asked and decided by now."""
    found, codec = History(), Codec(Contracts.load())
    for record in places.outbox(settings):
        found.take(record, codec)
    return found


def sent(settings: Settings, origin: Origin, since_ms: int) -> list[Sent]:
    """Return the replays of an event that lie on the hub's outbox, since a moment of the broker's clock.

    Raises BrokerUnavailableError or BrokerError.
    """
    wanted = str(origin).encode()
    return [
        Sent(Origin(*places.place_of(record)), _routes(record))
        for record in places.outbox(settings, since_ms)
        if dict(record.headers).get(envelope.REPLAY_OF) == wanted
    ]


def _routes(record: Record) -> frozenset[str] | None:
    for name, value in record.headers:
        if name == envelope.ONLY_ROUTES:
            return frozenset((value or b"").decode("utf-8", "replace").split(","))
    return None
