"""Agencies at work beside what is measured, each in a process of its own: they publish, watch, drain.

`python -m hub.launch.bench.load` with its task, a JSON object, in BENCH_TASK. Clients on librdkafka under the
agency's own login; times are this machine's, in milliseconds since 1970.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.sdk.events import Record
from hub.broker import clients
from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode
from hub.contracts.schemas import Contracts
from hub.host import process
from hub.host.process import Stop
from hub.launch.bench import world
from hub.launch.bench.delays import Seen, Sent
from hub.settings import Settings

TASK = "BENCH_TASK"
_AT_ONCE = 10_000
_NAP_SECONDS = 0.001
_CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Task:
    """What somebody with a `login` does on a topic.

    `publish` puts `count` events from number `first` on it, `per_second` of them or, with 0, as fast as it
    can. `watch` reads it from the end on until it has seen `count` records. `drain` reads so many from the
    beginning, as fast as it can and again from the beginning, for `seconds` from the time on that it is told.
    `file` is where it writes its lines: of Sent, of Seen, or of a drain one with its begin, its end, its
    records and their bytes.
    """

    kind: Literal["publish", "watch", "drain"]
    login: str
    topic: str
    count: int
    file: str
    first: int = 0
    per_second: float = 0
    seconds: float = 0

    def text(self) -> str:
        """Return it as the value of BENCH_TASK."""
        return json.dumps(asdict(self))


def main(settings: Settings, stop: Stop) -> None:
    """Do the task of this process; end when it is done or when asked to stop."""
    task = Task(**json.loads(os.environ[TASK]))
    rows = {"publish": _publish, "watch": _watch, "drain": _drain}[task.kind](settings, task, stop)
    lines = (" ".join(map(str, row)) for row in rows)
    Path(task.file).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def _publish(settings: Settings, task: Task, stop: Stop) -> list[Any]:
    """Publish at the times that are due, however long the broker takes for the events before."""
    sent: list[Sent] = []
    codec = Codec(Contracts.load())
    # At a steady rate as the SDK's default: nothing waits for company.
    config = clients.writer(settings, task.login) | {"linger.ms": 0 if task.per_second else 5}
    producer = Producer(config, logger=None)
    producer.list_topics(task.topic, _CALL_SECONDS)
    process.ready()
    begin = time.time() + 0.1
    for number, record in enumerate(world.records(codec, task.first, task.count, AgencyCode(task.login))):
        due = begin + number / task.per_second if task.per_second else time.time()
        while (wait := due - time.time()) > 0:
            time.sleep(min(wait, _NAP_SECONDS))
            producer.poll(0)
        _produce(producer, task.topic, record, _Note(sent, number + task.first, due))
        if stop:
            break
    producer.flush(_CALL_SECONDS)
    return cast("list[Any]", sent)


class _Note:
    """Notes when an event was confirmed, and the time that the broker gave it."""

    __slots__ = ("_due", "_number", "_sent")

    def __init__(self, sent: list[Sent], number: int, due: float) -> None:
        self._sent = sent
        self._number = number
        self._due = due

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise KafkaException(error)
        appended = message.timestamp()[1]
        self._sent.append(Sent(world.event_id(self._number), self._due * 1000, appended, time.time() * 1000))


def _produce(producer: Producer, topic: str, record: Record, note: _Note) -> None:
    while True:
        try:
            producer.produce(
                topic, record.value, record.key, headers=cast("Any", record.headers), on_delivery=note
            )
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def _watch(settings: Settings, task: Task, stop: Stop) -> list[Any]:
    consumer = Consumer(clients.reader(settings, task.login, _group(task)), logger=None)
    consumer.assign(_places(settings, task, 1))
    seen: list[Seen] = []
    process.ready()
    while not stop and len(seen) < task.count:
        message = consumer.poll(0.1)
        if message is None:
            continue
        now = time.time() * 1000
        _insist(message)
        record = record_of(message)
        headers = dict(record.headers)
        accepted = (headers.get("hub-accepted-at") or b"-").decode()
        seen.append(Seen((headers["ce_id"] or b"").decode(), accepted, record.timestamp, now))
    consumer.close()
    return cast("list[Any]", seen)


def _drain(settings: Settings, task: Task, stop: Stop) -> list[Any]:
    places = _places(settings, task, 0)
    consumer = Consumer(clients.reader(settings, task.login, _group(task)), logger=None)
    process.ready()
    _told_to_begin(task, stop)
    begin = end = time.time()
    events = size = 0
    while not stop and end - begin < task.seconds:
        if events % task.count == 0:
            consumer.assign(places)
        for message in consumer.consume(min(_AT_ONCE, task.count - events % task.count), 0.1):
            _insist(message)
            events += 1
            size += len(message)
        end = time.time()
    consumer.close()
    return [(begin * 1000, end * 1000, events, size)]


def begin_file(task: Task) -> Path:
    """Return the file that tells a drain when it begins, in seconds since 1970."""
    return Path(f"{task.file}.begin")


def _told_to_begin(task: Task, stop: Stop) -> None:
    file = begin_file(task)
    while not file.exists() and not stop.wait(0.02):
        pass
    if not stop:
        stop.wait(max(0.0, float(file.read_text(encoding="ascii")) - time.time()))


def _group(task: Task) -> str:
    return topics.group(AgencyCode(task.login))


def _places(settings: Settings, task: Task, place: Literal[0, 1]) -> list[TopicPartition]:
    """Return the beginnings (0) or the ends (1) of the topic's partitions."""
    consumer = Consumer(clients.reader(settings, task.login, _group(task)), logger=None)
    known = consumer.list_topics(task.topic, _CALL_SECONDS).topics[task.topic].partitions
    places = [TopicPartition(task.topic, number) for number in known]
    for each in places:
        each.offset = consumer.get_watermark_offsets(each, _CALL_SECONDS)[place]
    consumer.close()
    return places


def _insist(message: Message) -> None:
    error = message.error()
    if error is not None:
        raise KafkaException(error)


if __name__ == "__main__":
    process.run("load", main)
