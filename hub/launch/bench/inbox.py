"""Supervision's inbox, filled for the benchmarks of cases: records as the gate delivers them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from kafka.partitioner.default import murmur2

from connectors.sdk import Event
from connectors.sdk import events as sdk
from hub.broker.ticks import TICKED, tick
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.moments import rfc3339
from hub.contracts.names import AgencyCode
from hub.contracts.record import Record
from hub.launch.bench.ground import PARTITIONS, Ground
from hub.launch.demo import plan
from hub.parked.outgoing import Outgoing

INBOX = topics.inbox(topics.SUPERVISION)
_DAYS = ((4, "service.request.submitted.v1"), (5, "service.step.completed.v1"))
_SERVICE = {"service_id": "environmental-permit-receipt"}


class Deliveries:
    """Makes deliveries, with sequences and origins as if one gate had made all of them."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._origins: Counter[tuple[str, int]] = Counter()
        self._seqs: Counter[tuple[str, int, str]] = Counter()
        self._accepted = rfc3339(datetime.now(UTC)).encode()

    def of(self, event: Event, agency: AgencyCode) -> Record:
        """Return the delivery of an agency's event."""
        sent = sdk.to_record(event, agency, self._codec)
        return self._delivery(event.type, agency, _partition(sent.key), sent)

    def ticks(self, moment: datetime) -> list[Record]:
        """Return the deliveries of a moment that the programme's clock is told, one for each partition."""
        made = [(number, tick(self._codec, moment, number, len(PARTITIONS))) for number in PARTITIONS]
        return [self._delivery(TICKED, topics.HUB, number, each) for number, each in made]

    def _delivery(
        self, type_: str, agency: AgencyCode, partition: int, sent: sdk.Record | Outgoing
    ) -> Record:
        outbox = topics.outbox(agency)
        offset, lane = self._origins[outbox, partition], (outbox, partition, type_)
        self._origins[outbox, partition] += 1
        self._seqs[lane] += 1
        own = [
            (envelope.ROUTE, f"{topics.SUPERVISION}/{type_}".encode()),
            (envelope.AGREEMENT, f"{topics.SUPERVISION}@1".encode()),
            (envelope.SEQ, str(self._seqs[lane]).encode()),
            (envelope.ORIGIN, f"{outbox}/{partition}/{offset}".encode()),
            (envelope.ACCEPTED_AT, self._accepted),
        ]
        return Record(INBOX, partition, 0, 0, sent.key, sent.value, [*sent.headers, *own])


def put(ground: Ground, records: Iterable[Record]) -> list[int]:
    """Put deliveries on the inbox; return the append time of each, ms since 1970, in order of confirmation.

    Raises KafkaException.
    """
    appended: list[int] = []
    errors: list[KafkaError] = []

    def told(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            errors.append(error)
        appended.append(message.timestamp()[1])

    producer = Producer(ground.writer(AgencyCode(topics.ADMIN_PRINCIPAL)), logger=None)
    for each in records:
        while True:
            try:
                producer.produce(
                    each.topic,
                    each.value,
                    each.key,
                    each.partition,
                    headers=cast("Any", list(each.headers)),
                    on_delivery=told,
                )
            except BufferError:
                producer.poll(0.1)
            else:
                producer.poll(0)
                break
    producer.flush(120)
    if errors:
        raise KafkaException(errors[0])
    return appended


def logs(most: int) -> list[tuple[Event, AgencyCode]]:
    """Return the first events of the demo's four real logs with their agencies, by time."""
    told = [(event, agency) for agency in plan.ISLANDS for event in plan.log_events(agency)]
    told.sort(key=lambda each: plan.moment(each[0]))
    return told[:most]


def opened(cases: int) -> Iterator[Event]:
    """Yield the event that opens each of so many cases, and then another of each, both in an order by chance.

    That is the worst for a batch: no two of its events are of one case.
    """
    chance, numbers = random.Random(1), list(range(cases))  # noqa: S311 - the same every time
    for day, type_ in _DAYS:
        chance.shuffle(numbers)
        for local in numbers:
            yield Event(
                type=type_,
                data=_SERVICE,
                caseid=f"{plan.OFFICE}/{local}",
                id=f"{day}-{local}",
                time=f"2026-05-0{day}T09:00:00+03:30",
            )


def _partition(key: bytes) -> int:
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % len(PARTITIONS)
