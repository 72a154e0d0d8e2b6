"""Where an event is: its places in outboxes, the gate's verdict, its deliveries and whether they were taken.

Metadata only: contents are never returned (they may be personal).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from confluent_kafka import Message

from hub.broker.records import record_of
from hub.broker.tail import Place, Tail
from hub.contracts import envelope, ledger, topics
from hub.contracts.codec import Codec
from hub.contracts.moments import rfc3339
from hub.contracts.names import AgencyCode
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contracts
from hub.errors import BrokerUnavailableError, ContractError
from hub.settings import Settings

Verdict = Literal["routed", "unclaimed", "duplicate", "parked", "waiting"]
_NAME = "events"
_POLL_SECONDS = 0.2
# The gate's and the brokers' clocks may differ this much from ours.
_CLOCK_SLACK_MS = 60_000


@dataclass(frozen=True, slots=True)
class DeliveryPlace:
    """One delivery of an event, and what became of it; `rejected_for` is the recipient's reason code."""

    recipient: AgencyCode
    topic: str
    partition: int
    offset: int
    route: str
    seq: int
    agreement: str
    masked: tuple[str, ...]
    accepted_at: str
    state: Literal["pending", "delivered", "rejected"] = "pending"
    rejected_for: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place where an event with the id looked for stands, with the gate's verdict on it."""

    origin: Origin
    appended_at: datetime
    source: str | None
    type: str | None
    verdict: Verdict = "waiting"
    reason: str | None = None
    detail: str | None = None
    deliveries: tuple[DeliveryPlace, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-able dict."""
        return {
            "topic": self.origin.topic,
            "partition": self.origin.partition,
            "offset": self.origin.offset,
            "appended_at": rfc3339(self.appended_at),
            "source": self.source,
            "type": self.type,
            "verdict": self.verdict,
            "reason": self.reason,
            "detail": self.detail,
            "deliveries": [
                {name: getattr(each, name) for name in DeliveryPlace.__slots__}
                | {"masked": list(each.masked)}
                for each in self.deliveries
            ],
        }


def find(settings: Settings, event_id: str, agency: AgencyCode | None, since: timedelta) -> list[Sighting]:
    """Return every place of an event id on one agency's outbox, or on all, in the order of the broker's time.

    `since` says how far back to look, by the broker's clock. Raises BrokerUnavailableError or BrokerError.
    """
    start_ms = int((datetime.now(UTC) - since).timestamp() * 1000)
    with closing(Tail(settings, topics.READER_PRINCIPAL, _NAME)) as tail:
        partitions = tail.partitions()
        wanted = [name for name in partitions if _is(name, "outbox") and agency in (None, _agency(name))]
        seen = [
            sighting
            for message in _scan(tail, wanted, partitions, start_ms)
            if (sighting := _sighting(message, event_id)) is not None
        ]
    if not seen:
        return []
    seen.sort(key=lambda each: (each.appended_at, each.origin))
    return _judged(seen, _Facts(settings, seen))


def wait_decided(settings: Settings, origin: Origin, seconds: float) -> None:
    """Wait until the gate has decided an event; raise BrokerUnavailableError when it has not in time."""
    deadline = time.monotonic() + seconds
    with closing(Tail(settings, topics.READER_PRINCIPAL, _NAME)) as tail:
        count = tail.partitions().get(topics.LEDGER, 1)
        tail.follow_all([(topics.LEDGER, ledger.ledger_partition(origin.topic, origin.partition, count))])
        while True:
            for position in _positions(tail.to_end()):
                place = (position.topic, position.partition)
                if place == (origin.topic, origin.partition) and position.next > origin.offset:
                    return
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"{origin} is not decided after {seconds:.0f} s.",
                    do="Is the gate running? `hub event show` tells later.",
                )
            time.sleep(_POLL_SECONDS)


class _Facts:
    """What the hub's topics and the inboxes say about some origins."""

    def __init__(self, settings: Settings, seen: Iterable[Sighting]) -> None:
        self.nexts: dict[Place, int] = {}
        self.parked: dict[str, tuple[str, str]] = {}
        self.deliveries: dict[str, list[DeliveryPlace]] = {}
        self._rejected: dict[tuple[str, str], str] = {}
        self._origins = {str(each.origin) for each in seen}
        self._codec = Codec(Contracts.load())
        start = min(int(each.appended_at.timestamp() * 1000) for each in seen) - _CLOCK_SLACK_MS
        # The ledger first: what it calls decided then lies in the other topics already.
        with closing(Tail(settings, topics.READER_PRINCIPAL, _NAME)) as tail:
            partitions = tail.partitions()
            for position in _positions(_scan(tail, [topics.LEDGER], partitions, None)):
                self.nexts[position.topic, position.partition] = position.next
        with closing(Tail(settings, topics.READER_PRINCIPAL, _NAME)) as tail:
            inboxes = [name for name in partitions if _is(name, "inbox")]
            for message in _scan(tail, [topics.PARKED, *inboxes], partitions, start):
                self._take(message)
            self._acknowledge(tail)

    def _take(self, message: Message) -> None:
        headers = _headers(message)
        origin = _text(headers.get(envelope.ORIGIN))
        if message.topic() == topics.PARKED:
            if origin in self._origins:
                self.parked[origin] = (
                    _text(headers.get(envelope.REASON)),
                    _text(headers.get(envelope.DETAIL)),
                )
            return
        if (
            headers.get("ce_type") == b"hub.delivery.rejected.v1"
            and _agency(str(message.topic())) == topics.HUB
        ):
            self._reject(message)
        if origin in self._origins:
            self.deliveries.setdefault(origin, []).append(_delivery(message, headers))

    def _reject(self, message: Message) -> None:
        try:
            _, data = self._codec.decode(message.value())
        except ContractError:
            return
        self._rejected[data["origin"], data["route"]] = data["reason_code"]

    def _acknowledge(self, tail: Tail) -> None:
        """Mark what the recipients' groups have committed past, and what was rejected."""
        for origin, deliveries in self.deliveries.items():
            self.deliveries[origin] = [self._with_state(each, origin, tail) for each in deliveries]

    def _with_state(self, delivery: DeliveryPlace, origin: str, tail: Tail) -> DeliveryPlace:
        code = self._rejected.get((origin, delivery.route))
        if code is not None:
            return replace(delivery, state="rejected", rejected_for=code)
        place = (delivery.topic, delivery.partition)
        committed = tail.committed(topics.group(delivery.recipient), [place])
        return replace(
            delivery, state="delivered" if committed.get(place, 0) > delivery.offset else "pending"
        )


def _judged(seen: Iterable[Sighting], facts: _Facts) -> list[Sighting]:
    """Return the sightings with verdicts; a duplicate is one that an accepted one of its source precedes."""
    accepted: set[str | None] = set()
    judged = []
    for each in seen:
        origin = str(each.origin)
        verdict: Verdict = "waiting"
        if origin in facts.parked:
            verdict = "parked"
        elif origin in facts.deliveries:
            verdict = "routed"
        elif facts.nexts.get((each.origin.topic, each.origin.partition), 0) > each.origin.offset:
            verdict = "duplicate" if each.source in accepted else "unclaimed"
        if verdict in ("routed", "unclaimed"):
            accepted.add(each.source)
        reason, detail = facts.parked.get(origin, (None, None))
        judged.append(
            replace(
                each,
                verdict=verdict,
                reason=reason,
                detail=detail,
                deliveries=tuple(sorted(facts.deliveries.get(origin, ()), key=lambda one: one.route)),
            )
        )
    return judged


def _scan(
    tail: Tail, names: Iterable[str], partitions: Mapping[str, int], start_ms: int | None
) -> Iterator[Message]:
    places = [(name, each) for name in names for each in range(partitions.get(name, 0))]
    if start_ms is None:
        tail.follow_all(places)
    else:
        tail.follow(tail.at_time(places, start_ms))
    return tail.to_end()


def _sighting(message: Message, event_id: str) -> Sighting | None:
    headers = _headers(message)
    found: Mapping[str, Any] = {name: _text(value) for name, value in headers.items()}
    if envelope.is_structured(list(headers.items())):
        found = _structured(message.value())
    if found.get("ce_id") != event_id:
        return None
    return Sighting(
        origin=Origin(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)),
        appended_at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        source=found.get("ce_source"),
        type=found.get("ce_type"),
    )


def _structured(value: bytes | None) -> dict[str, Any]:
    try:
        body = json.loads(value or b"")
    except (ValueError, RecursionError):
        return {}
    return (
        {f"ce_{name}": body.get(name) for name in ("id", "source", "type")} if isinstance(body, dict) else {}
    )


def _delivery(message: Message, headers: Mapping[str, bytes]) -> DeliveryPlace:
    masked = _text(headers.get(envelope.MASKED))
    return DeliveryPlace(
        recipient=_agency(str(message.topic())),
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        route=_text(headers.get(envelope.ROUTE)),
        seq=int(_text(headers.get(envelope.SEQ)) or 0),
        agreement=_text(headers.get(envelope.AGREEMENT)),
        masked=tuple(masked.split(",")) if masked else (),
        accepted_at=_text(headers.get(envelope.ACCEPTED_AT)),
    )


def _positions(messages: Iterable[Message]) -> Iterator[ledger.Position]:
    for message in messages:
        key, value = message.key(), message.value()
        if key is not None and value is not None:
            record = ledger.parse(key, value)
            if isinstance(record, ledger.Position):
                yield record


def _headers(message: Message) -> dict[str, bytes]:
    """Return the headers; of a name that stands twice the last (the hub appends its own)."""
    return {name: value for name, value in record_of(message).headers if value is not None}


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _is(topic: str, kind: str) -> bool:
    try:
        return topics.agency_of(topic)[1] == kind
    except ContractError:
        return False


def _agency(topic: str) -> AgencyCode:
    return topics.agency_of(topic)[0]
