"""One agency's publishing process: the plan's items in order, through the SDK over the agency's own login."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from connectors.sdk import Config, Event, Publisher
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, HubError
from hub.launch.demo import plan
from hub.launch.demo.plan import Item, Raw

_TOLD_EVERY = 500
Section = Literal["bulk", "paced"]


@dataclass(frozen=True)
class Progress:
    """So many more records of an agency were sent (publishing) or acknowledged (receiving)."""

    who: str
    count: int


@dataclass(frozen=True)
class Sent:
    """An agency has sent its section; `appended_ms` gives the broker's time of each paced event by id."""

    who: str
    count: int
    appended_ms: dict[str, int]


@dataclass(frozen=True)
class Failed:
    """A process ended with an error."""

    who: str
    text: str


class Tell(Protocol):
    """Where a process reports to: a queue."""

    def put(self, message: object) -> None:
        """Send a message to the launcher."""


def run(
    config: Config, section: Section, already: Counter[str], per_second: float | None, tell: Tell
) -> None:
    """Publish what is not on the outbox yet, and report; the entry point of a process."""
    try:
        sent, times = _publish(config, section, already, per_second, tell)
        tell.put(Sent(config.agency, sent, times))
    except (HubError, KafkaError) as error:
        tell.put(Failed(config.agency, str(error)))


def missing(items: list[Item], already: Counter[str]) -> list[Item]:
    """Return the items that are not on the outbox yet; an id that the plan has n times is due n times."""
    left = already.copy()
    due = []
    for item in items:
        if left[item.id] > 0:
            left[item.id] -= 1
        else:
            due.append(item)
    return due


def _publish(
    config: Config, section: Section, already: Counter[str], per_second: float | None, tell: Tell
) -> tuple[int, dict[str, int]]:
    contracts = Contracts.load()
    codec = Codec(contracts)
    # What was sent is taken off the whole plan, from its beginning; the section is what is left of its part.
    bulk = plan.bulk(config.agency, codec)
    due = missing([*bulk, *plan.paced(config.agency)], already)
    later = {item.id for item in plan.paced(config.agency)}
    items = [item for item in due if (item.id in later) == (section == "paced")]
    with Publisher(config, contracts=contracts, linger_ms=5 if per_second is None else 0) as publisher:
        if per_second is not None:
            return len(items), _at_pace(publisher, items, per_second)
        raws = _Raws(config)
        for number, item in enumerate(items, 1):
            if isinstance(item, Raw):
                publisher.flush()
                raws.send(item)
            else:
                publisher.publish_nowait(item)
            if number % _TOLD_EVERY == 0:
                tell.put(Progress(config.agency, _TOLD_EVERY))
        publisher.flush()
        raws.close()
    tell.put(Progress(config.agency, len(items) % _TOLD_EVERY))
    return len(items), {}


def _at_pace(publisher: Publisher, items: list[Item], per_second: float) -> dict[str, int]:
    begin = time.monotonic()
    pending = []
    for number, item in enumerate(items):
        time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        if isinstance(item, Event):
            pending.append(publisher.publish_nowait(item))
    publisher.flush()
    return {one.event_id: one.result().appended_ms for one in pending}


class _Raws:
    """Sends records as they are, good or bad, with a plain client over the same login."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._producer: KafkaProducer | None = None

    def send(self, raw: Raw) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(
                **self._config.client(), acks="all", compression_type="gzip", max_request_size=8_000_000
            )
        record = raw.record
        topic = topics.outbox(self._config.agency)
        future = self._producer.send(topic, key=record.key, value=record.value, headers=record.headers)
        try:
            future.get(timeout=30)
        except KafkaError as error:
            raise BrokerError(f"a prepared record ({raw.fate}) was refused: {error}.", where=topic) from None

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close()
