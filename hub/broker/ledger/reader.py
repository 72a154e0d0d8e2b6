"""Reading the ledger: the gate's counts from `hub.ledger`, the deliveries counted in the inboxes themselves.

Every term is counted by itself. Order makes one cut: first `hub.ledger` to its end, then the inboxes until
every delivery up to the ledger's last numbers is found, then what the recipients' groups have committed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, cast

from confluent_kafka import Message

from hub.broker.ledger.lanes import Counts, Deliveries, LaneKey
from hub.broker.ledger.sheet import RouteLine, Sheet
from hub.broker.registry_topic import RegistryFollower
from hub.broker.tail import Place, Tail
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.ledger import Position, RouteCount, parse
from hub.contracts.names import AgencyCode, RouteId
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, ContractError
from hub.registry.model import Registry
from hub.settings import Settings

SETTLE_SECONDS = 5.0
"""How long a delivery that the ledger names may take to become visible before it counts as missing."""

_REJECTED = b"hub.delivery.rejected.v1"
_HUB_INBOX = topics.inbox(topics.HUB)


class LedgerReader:
    """Keeps the counts in memory: the first `refresh` reads every inbox, later ones only what is new.

    Reads as the principal hub.reader. Not for two threads at once. Close it when done (a context manager).
    """

    def __init__(self, settings: Settings, principal: str = topics.READER_PRINCIPAL) -> None:
        self._registry = RegistryFollower(settings, principal)
        self._ledger = Tail(settings, principal, "ledger")
        self._inboxes = Tail(settings, principal, "inboxes")
        self._codec = Codec(Contracts.load())
        self._positions: dict[Place, Position] = {}
        self._accepted: dict[tuple[str, str, int], RouteCount] = {}
        self._deliveries = Deliveries()
        self._partitions: dict[str, int] = {}
        self._recipients: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker."""
        for each in (self._registry, self._ledger, self._inboxes):
            each.close()

    @property
    def registry(self) -> Registry | None:
        """The agency registry as of the last refresh; None before the first `hub apply`."""
        return self._registry.current

    def refresh(self) -> Sheet:
        """Read what is new and return the ledger as of now.

        Raises BrokerUnavailableError (retriable: what was read is kept) or BrokerError.
        """
        self._discover()
        self._read_ledger()
        as_of = datetime.now(UTC)
        cuts = {key: count.seq for key, count in self._accepted.items()}
        self._deliveries.begin(self._inboxes.lows(self._inboxes.followed))
        self._read_inboxes()
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._deliveries.behind(cuts) and time.monotonic() < deadline:
            time.sleep(0.1)
            self._read_inboxes()
        self._deliveries.commit(self._committed())
        return self._sheet(cuts, as_of)

    def _discover(self) -> None:
        self._registry.poll()
        self._partitions = self._inboxes.partitions()
        if topics.LEDGER not in self._partitions:
            raise BrokerError(
                f"the topic {topics.LEDGER} does not exist.", do="Run `hub up` or `hub apply` first."
            )
        self._ledger.follow_all((topics.LEDGER, each) for each in range(self._partitions[topics.LEDGER]))
        self._inboxes.follow_all(
            (name, each)
            for name, count in self._partitions.items()
            if _is_inbox(name)
            for each in range(count)
        )

    def _read_ledger(self) -> None:
        for message in self._ledger.to_end():
            key, value = message.key(), message.value()
            if key is None or value is None:
                continue
            record = parse(key, value)
            if isinstance(record, Position):
                self._positions[record.topic, record.partition] = record
            else:
                self._accepted[record.route, record.topic, record.partition] = record

    def _read_inboxes(self) -> None:
        for message in self._inboxes.to_end():
            self._take(message)

    def _take(self, message: Message) -> None:
        """Count one record of an inbox; one without the gate's headers is no delivery and counts nowhere."""
        headers = _headers(message)
        try:
            origin = Origin.parse(headers[envelope.ORIGIN].decode())
            route, seq = headers[envelope.ROUTE].decode(), int(headers[envelope.SEQ])
        except (KeyError, ValueError, ContractError):
            return
        topic = str(message.topic())
        key = LaneKey(route, origin.topic, origin.partition, topic, int(message.partition() or 0))
        self._deliveries.add(key, int(message.offset() or 0), seq, origin.offset, message.timestamp()[1])
        if topic == _HUB_INBOX and headers.get("ce_type") == _REJECTED:
            self._reject(message.value())

    def _reject(self, value: bytes | None) -> None:
        try:
            _, data = self._codec.decode(value)
            self._deliveries.reject(data["route"], Origin.parse(data["origin"]))
        except ContractError:
            return

    def _committed(self) -> dict[Place, int]:
        committed: dict[Place, int] = {}
        for name in {topic for topic, _ in self._inboxes.followed}:
            agency, _ = topics.agency_of(name)
            places = [place for place in self._inboxes.followed if place[0] == name]
            committed |= self._inboxes.committed(topics.group(agency), places)
        return committed

    def _sheet(self, cuts: dict[tuple[str, str, int], int], as_of: datetime) -> Sheet:
        lanes = self._deliveries.count(cuts)
        seen = {key[:3] for key in lanes}
        for key, cut in cuts.items():
            place = self._inbox_of(key)
            if key not in seen and place is not None:
                lane = LaneKey(*key, *place)
                lanes[lane] = self._deliveries.removed(lane, cut)
        routes = sorted({route for route, _, _ in cuts} | {key.route for key in lanes})
        return Sheet(
            as_of=as_of,
            intake=[self._positions[place] for place in sorted(self._positions)],
            routes=[self._line(route, lanes, cuts) for route in routes],
            oldest_pending=_oldest(lanes, as_of),
        )

    def _line(
        self, route: str, lanes: dict[LaneKey, Counts], cuts: dict[tuple[str, str, int], int]
    ) -> RouteLine:
        own = {key: counts for key, counts in lanes.items() if key.route == route}
        counts = sum(own.values(), Counts())
        source, recipient = self._ends_of(route, own)
        return RouteLine(
            route=route,
            source=source,
            recipient=recipient,
            event_type=route.partition("/")[2],
            accepted=sum(cut for (name, _, _), cut in cuts.items() if name == route),
            delivered=counts.delivered,
            pending=counts.pending,
            rejected=counts.rejected,
            expired=counts.expired,
        )

    def _ends_of(self, route: str, lanes: Iterable[LaneKey]) -> tuple[str | None, str | None]:
        """Return source and recipient of a route: as the registry says, else as its deliveries show."""
        current = self._registry.current
        agreement = current.agreement_of(RouteId(route)) if current else None
        if agreement is not None:
            self._recipients[route] = (agreement.source, agreement.recipient)
        for lane in lanes:
            self._recipients.setdefault(route, (_agency(lane.source), _agency(lane.inbox)))
        return self._recipients.get(route, (None, None))

    def _inbox_of(self, key: tuple[str, str, int]) -> Place | None:
        route, _, partition = key
        _, recipient = self._ends_of(route, ())
        inbox = topics.inbox(AgencyCode(recipient)) if recipient else None
        if inbox is None or inbox not in self._partitions:
            return None
        return inbox, partition % self._partitions[inbox]


def _headers(message: Message) -> dict[str, bytes]:
    try:
        pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        return {name: value for name, value in pairs if value is not None}
    except UnicodeDecodeError:
        return {}


def _is_inbox(topic: str) -> bool:
    try:
        return topics.agency_of(topic)[1] == "inbox"
    except ContractError:
        return False


def _agency(topic: str) -> AgencyCode:
    return topics.agency_of(topic)[0]


def _oldest(lanes: dict[LaneKey, Counts], as_of: datetime) -> dict[str, float]:
    now = as_of.timestamp()
    ages: dict[str, float] = {}
    for key, counts in lanes.items():
        waiting = counts.oldest_pending_ms
        age = max(0.0, now - waiting / 1000) if waiting is not None else 0.0
        recipient = _agency(key.inbox)
        ages[recipient] = max(age, ages.get(recipient, 0.0))
    return ages
