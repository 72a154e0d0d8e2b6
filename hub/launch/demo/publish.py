"""One agency's publishing process: its windows in order, through the SDK over the agency's own login.

After each window it waits for the launcher's word, which comes once the gate has decided what all agencies
have sent and the clock was told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from connectors.sdk import Config, Event, Publisher
from connectors.sdk.publisher import Pending
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, HubError
from hub.launch.demo import plan
from hub.launch.demo.anylog import Spool
from hub.launch.demo.items import Item, Raw
from hub.launch.demo.windows import Batch, Course

_TOLD_EVERY = 500
_MOST_WAITING = 5000
# At full speed few large requests cost client and broker much less than many small ones; a window's end, and
# so many waiting events, are sent at once.
_LINGER_MS = 50

Places = dict[int, int]
"""The next offset of each partition of an outbox behind what was sent."""


@dataclass(frozen=True)
class Progress:
    """So many more records of an agency were sent (publishing) or acknowledged (receiving)."""

    who: str
    count: int


@dataclass(frozen=True)
class Reached:
    """An agency has sent all of a window and waits; `places` are behind what it has sent until now."""

    who: AgencyCode
    number: int
    places: Places


@dataclass(frozen=True)
class Sent:
    """An agency has sent all; `appended_ms` gives the broker's time of each event sent at a pace, by id."""

    who: str
    count: int
    appended_ms: dict[str, int] = field(repr=False)


@dataclass(frozen=True)
class Failed:
    """A process ended with an error."""

    who: str
    text: str


class Tell(Protocol):
    """Where a process reports to: a queue."""

    def put(self, message: object) -> None:
        """Send a message to the launcher."""


class Word(Protocol):
    """What a process waits for: a semaphore, released once for each window."""

    def acquire(self) -> bool:
        """Return when it was released."""


class Job(Protocol):
    """What a publishing process has to send."""

    def batches(self, codec: Codec) -> Iterator[Batch]:
        """Yield the windows in their order, without what lies on the outbox already."""


@dataclass(frozen=True)
class PlanJob:
    """An agency's part of the plan; `already` counts the ids that lie on its outbox."""

    agency: AgencyCode
    course: Course
    already: Counter[str] = field(repr=False)

    def batches(self, codec: Codec) -> Iterator[Batch]:
        """Yield the windows; what has no window at all, as one."""
        left = self.already.copy()
        if self.agency not in plan.TIMED:
            items = plan.untimed(self.agency, codec, self.course.turn)
            yield Batch(self.course.turn, missing(items, left))
            return
        for batch in plan.batches(self.agency, codec, self.course):
            yield Batch(batch.moment, missing(batch.items, left), batch.per_second)


@dataclass(frozen=True)
class LogJob:
    """A log's events; bit n % 8 of byte n // 8 of `sent` says whether the n-th lies on the outbox already."""

    spool: Spool
    ends: tuple[datetime, ...]
    sent: bytes = field(repr=False)

    def batches(self, codec: Codec) -> Iterator[Batch]:
        """Yield the windows."""
        del codec
        for batch in self.spool.batches(self.ends):
            yield Batch(batch.moment, (item for item in batch.items if self._is_due(item)))

    def _is_due(self, item: Item) -> bool:
        serial = self.spool.serial(item.id) or 0
        return not self.sent[serial // 8] >> serial % 8 & 1


def missing(items: Iterable[Item], left: Counter[str]) -> Iterator[Item]:
    """Yield the items that are not on the outbox yet; an id that the plan has n times is due n times.

    `left` counts the ids that are there, and loses those that were met.
    """
    for item in items:
        if left[item.id] > 0:
            left[item.id] -= 1
        else:
            yield item


def run(config: Config, job: Job, word: Word | None, tell: Tell) -> None:
    """Publish what is not on the outbox yet, and report; the entry point of a process.

    Without a `word` it does not wait between windows.
    """
    try:
        contracts = Contracts.load()
        with ExitStack() as stack:

            def publisher(linger_ms: int) -> Publisher:
                made = Publisher(config, contracts=contracts, linger_ms=linger_ms)
                return stack.enter_context(made)

            sender = _Sender(config, publisher, tell)
            for number, batch in enumerate(job.batches(Codec(contracts))):
                sender.send(batch)
                if word is not None:
                    tell.put(Reached(AgencyCode(config.agency), number, sender.places))
                    word.acquire()
            sender.close()
            tell.put(Sent(config.agency, sender.count, sender.appended_ms))
    except (HubError, KafkaError) as error:
        tell.put(Failed(config.agency, str(error)))


class _Sender:
    def __init__(self, config: Config, publisher: Callable[[int], Publisher], tell: Tell) -> None:
        self._agency = config.agency
        self._make = publisher
        self._bulk = publisher(_LINGER_MS)
        self._single: Publisher | None = None
        self._publisher = self._bulk
        self._tell = tell
        self._raws = _Raws(config)
        self._waiting: list[Pending] = []
        self._paced: set[str] = set()
        self._told = 0
        self.count = 0
        self.places: Places = {}
        self.appended_ms: dict[str, int] = {}

    def send(self, batch: Batch) -> None:
        """Send a window; everything is confirmed when this returns."""
        begin, first = time.monotonic(), self.count
        self._choose(batch.per_second)
        for item in batch.items:
            if batch.per_second is not None:
                due = begin + (self.count - first) / batch.per_second
                time.sleep(max(0.0, due - time.monotonic()))
                self._paced.add(item.id)
            self._one(item)
            self.count += 1
            if self.count - self._told >= _TOLD_EVERY:
                self._say()
        self._settle()
        self._say()

    def _choose(self, per_second: float | None) -> None:
        """Take the publisher: at a pace each event is sent by itself, a linger would hold it back."""
        if per_second is None:
            self._publisher = self._bulk
            return
        if self._single is None:
            self._single = self._make(0)
        self._publisher = self._single

    def close(self) -> None:
        """Close the plain client, if one was needed."""
        self._raws.close()

    def _one(self, item: Item) -> None:
        if isinstance(item, Event):
            self._waiting.append(self._publisher.publish_nowait(item))
            if len(self._waiting) >= _MOST_WAITING:
                self._settle()
        else:
            self._settle()
            partition, offset = self._raws.send(item)
            self.places[partition] = offset + 1

    def _settle(self) -> None:
        if not self._waiting:
            return
        self._publisher.flush()
        for pending in self._waiting:
            place = pending.result()
            self.places[place.partition] = max(self.places.get(place.partition, 0), place.offset + 1)
            if pending.event_id in self._paced:
                self.appended_ms[pending.event_id] = place.appended_ms
        self._waiting.clear()

    def _say(self) -> None:
        self._tell.put(Progress(self._agency, self.count - self._told))
        self._told = self.count


class _Raws:
    """Sends records as they are, good or bad, with a plain client over the same login."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._producer: KafkaProducer | None = None

    def send(self, raw: Raw) -> tuple[int, int]:
        """Send one and return its partition and offset."""
        if self._producer is None:
            self._producer = KafkaProducer(
                **self._config.client(), acks="all", compression_type="gzip", max_request_size=8_000_000
            )
        record = raw.record
        topic = topics.outbox(self._config.agency)
        future = self._producer.send(topic, key=record.key, value=record.value, headers=record.headers)
        try:
            told = future.get(timeout=30)
        except KafkaError as error:
            raise BrokerError(f"a prepared record ({raw.fate}) was refused: {error}.", where=topic) from None
        return told.partition, told.offset

    def close(self) -> None:
        """Close the client."""
        if self._producer is not None:
            self._producer.close()
