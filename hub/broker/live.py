"""The live runner: Faust, without what it would do by default (docs/decisions/0011-faust.md).

The only file that knows Faust. Records come as raw bytes, committed ones only; one agent hands them to
batches, and one thread works on them, so that heartbeats go on while a database is slow or away. Reading
begins where the worker's database says; offsets committed to Kafka are a mirror of it, and are never read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import aiokafka
import faust
import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.app.base import BootStrategy
from faust.transport.consumer import ensure_TP
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, ConsumerMessage

from hub.broker import clients, live_client
from hub.broker.batches import Batches, Chore, Pace, Work, starts
from hub.broker.inbox import Role
from hub.contracts.record import Record
from hub.host.process import Stop, ready
from hub.settings import Settings

_COMMIT_SECONDS = 0.5
_POLL_SECONDS = 0.1
_TAKE_OVER_SECONDS = 5
_LEAVE_SECONDS = 15
_QUEUE_FETCHES = 8
_RAW: dict[str, Any] = {"key_serializer": "raw", "value_serializer": "raw"}


class Live:
    """A member of one recipient's group that reads its inbox through Faust.

    `caught_up` has the partitions that were worked on to the end they had when they were taken over.
    """

    def __init__(self, settings: Settings, role: Role, pace: Pace, work: Work) -> None:
        self.settings, self.role, self.work, self.pace = settings, role, work, pace
        self.log = structlog.get_logger()
        self._batches: Batches | None = None
        self._error: BaseException | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="worker")

    @property
    def caught_up(self) -> frozenset[int]:
        """The partitions worked on to the end that they had when they were taken over; for any thread."""
        return self._batches.caught_up if self._batches is not None else frozenset()

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that it works on; for any thread."""
        return frozenset(list(self._batches.places)) if self._batches is not None else frozenset()

    @property
    def epoch(self) -> int:
        """A number that rises with every take-over; for any thread."""
        return self._batches.epoch if self._batches is not None else 0

    @property
    def batches(self) -> Batches:
        """The batches; there while it runs."""
        if self._batches is None:
            raise RuntimeError("the live runner does not run")
        return self._batches

    def run(self, stop: Stop, chores: Sequence[Chore] = ()) -> None:
        """Read and work until asked to stop; then finish what the worker has in hand.

        Raises what the worker or a chore raised, FencedError when Kafka knows another as this member,
        BrokerUnavailableError or BrokerError.
        """
        asyncio.run(self._main(stop, chores))
        if self._error is not None:
            raise live_client.told(self._error, self.role)

    def end(self, error: BaseException) -> None:
        """End with an error; the first one counts. For the event loop's thread."""
        self._error = self._error or error

    async def in_worker(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call a function in the worker's thread, after what it does now."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *values)

    async def _main(self, stop: Stop, chores: Sequence[Chore]) -> None:
        self._batches = Batches(self.pace.batch_events, self.pace.linger_ms / 1000)
        app = _app(self)
        topic = app.topic(self.role.topic, key_type=bytes, value_type=bytes, acks=False, **_RAW)
        app.agent(topic)(self._agent)
        for seconds, chore in chores:
            app.timer(seconds)(self._chore(chore))
        tasks = [asyncio.create_task(self._start(app)), asyncio.create_task(self._work_on())]
        while not (stop or self._error or app.should_stop):  # noqa: ASYNC110 - three places to look
            await asyncio.sleep(_POLL_SECONDS)
        if self._error is None and app.crash_reason is not None:
            self.end(app.crash_reason)
        # What waits for a database or for Kafka waits no longer.
        stop.set()
        await self._leave(app)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start(self, app: faust.App) -> None:
        try:
            await app.start()
        except Exception as error:  # noqa: BLE001 - told by `run`
            self.end(error)

    async def _agent(self, stream: faust.StreamT[Any]) -> None:
        """Hand on every record; whatever goes wrong ends the runner: Faust would pass the record over."""
        try:
            async for event in stream.events():
                message: Any = event.message
                await self.batches.add(message.records, message.epoch)
        except Exception as error:  # noqa: BLE001 - told by `run`
            self.end(error)

    async def _work_on(self) -> None:
        try:
            while True:
                epoch, records = await self.batches.take()
                await self.in_worker(self.work.fold, records)
                self.batches.done(epoch, records)
        except Exception as error:  # noqa: BLE001 - told by `run`
            self.end(error)

    def _chore(self, chore: Callable[[], None]) -> Callable[[], Any]:
        async def do() -> None:
            try:
                await asyncio.to_thread(chore)
            except Exception as error:  # noqa: BLE001 - told by `run`
                self.end(error)

        return do

    async def _leave(self, app: faust.App) -> None:
        """Drain: nothing more is read, the batch in hand is finished and mirrored, the group is left."""
        self.batches.close()
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self.in_worker(lambda: None)
                await asyncio.sleep(0)
                consumer: Any = app.consumer
                await consumer.force_commit()
        except Exception as error:  # noqa: BLE001 - the database has it all
            self.log.warning("the last commit to the group was not made", error=str(error))
        self._worker.shutdown(wait=False)
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await app.stop()
        except Exception as error:  # noqa: BLE001 - it ends anyway
            self.log.warning("Faust did not stop in order", error=str(error))


class _Message(ConsumerMessage):
    """Records of one partition that were fetched together, in their epoch: one step of Faust's for them all.

    A step for each costs more than folding it.
    """

    __slots__ = ("epoch", "records")
    records: list[Record]
    epoch: int


class _Thread(AIOKafkaConsumerThread):
    """aiokafka's consumer, in Faust's thread for it."""

    app: _App

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002
        live = self.app.live
        options = live_client.options(live.settings, live.role, live.pace.batch_events)
        return aiokafka.AIOKafkaConsumer(**options)

    async def on_start(self) -> None:
        """Start, and see to it that a member that Kafka has forgotten ends."""
        await super().on_start()
        live_client.end_when_forgotten(self._ensure_consumer(), self._forgotten)

    def _forgotten(self) -> None:
        live = self.app.live
        self.parent_loop.call_soon_threadsafe(live.end, live_client.forgotten(live.role))

    def on_crash(self, msg: str, *fmt: Any, **_: Any) -> None:
        """Log it as everything else is; Faust would print."""
        structlog.get_logger().error("Faust", error=msg.format(*fmt))


class _Consumer(Consumer):
    """Begins where the database says, mirrors what it has to the group, and hands on records of its epoch."""

    app: _App

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._live = self.app.live
        self._batches = self._live.batches
        # Partitions are sought only while nothing is being fetched.
        self._fetching = asyncio.Lock()
        self._mirrored: dict[int, int] = {}
        self._taking: asyncio.Task[None] | None = None

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let partitions go, once the worker has finished what it has in hand."""
        self._batches.drop()
        if revoked:
            await self._live.in_worker(self._live.work.revoked, [each.partition for each in revoked])
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Take the assigned partitions over; where the database is away, return and do it when it is back.

        Faust would seek to what the group has committed, and gives this only the time of a request.
        """
        self.pause_partitions(self.assignment())
        self._taking = asyncio.create_task(self._take_over(self._batches.drop()))
        await asyncio.wait([self._taking], timeout=_TAKE_OVER_SECONDS)

    async def _take_over(self, epoch: int) -> None:
        try:
            assignment = self.assignment()
            known = await self._live.in_worker(
                self._live.work.assigned, sorted(each.partition for each in assignment)
            )
            lows, ends = await self._ends(assignment) if assignment else ({}, {})
            begun = starts(self._live.role.topic, known, lows, ends)
            async with self._fetching:
                if epoch == self._batches.epoch:
                    await self.seek_wait({TP(self._live.role.topic, part): at for part, at in begun.items()})
                    self._batches.begin(begun, ends)
                    self._mirrored.clear()
                    self.resume_partitions(assignment)
                    ready()
        except Exception as error:  # noqa: BLE001 - told by `Live.run`
            self._live.end(error)

    async def _ends(self, assignment: set[TP]) -> tuple[dict[int, int], dict[int, int]]:
        """Return where the partitions' logs begin and end now."""
        lows, ends = await self.earliest_offsets(*assignment), await self.highwaters(*assignment)
        return {each.partition: at for each, at in lows.items()}, {
            each.partition: at for each, at in ends.items()
        }

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's
        """Fetch records; each carries the epoch in which it was fetched."""
        if not (self.flow_active and self._get_active_partitions()):
            await asyncio.sleep(_POLL_SECONDS)
            return
        async with self._fetching:
            active, epoch = set(self._get_active_partitions()), self._batches.epoch
            records = await self._getmany(active, timeout)
            positions = {each.partition: self._position(each) for each in active}
        for tp, found in records.items():
            if epoch != self._batches.epoch or not self.flow_active:
                return
            if found:
                yield tp, self._message(tp, found, epoch)
        for part, position in positions.items():
            run = records.get(TopicPartition(self._live.role.topic, part))
            self._batches.read_to(epoch, part, position, run[-1].offset if run else None)

    def _position(self, tp: TP) -> int | None:
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment  # noqa: SLF001
        state = assignment.state_value(TopicPartition(*tp)) if assignment is not None else None
        return state.position if state is not None and state.has_valid_position else None

    def _message(self, tp: TP, found: Sequence[Any], epoch: int) -> _Message:
        last, generation = found[-1], self.app.consumer_generation_id
        message = _Message(
            *(tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type),
            *(None, last.key, last.value, None),
            tp=ensure_TP(tp),
            generation_id=generation,
        )
        message.epoch, message.records = epoch, [_record(each) for each in found]
        return message

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Mirror to the group what the database has; where that fails, a later call does it."""
        places = dict(self._batches.places)
        news = {part: next_ for part, next_ in places.items() if self._mirrored.get(part) != next_}
        if not news:
            return False
        topic = self._live.role.topic
        offsets = {TopicPartition(topic, part): OffsetAndMetadata(next_, "") for part, next_ in news.items()}
        try:
            await self._thread.call_thread(self._thread._ensure_consumer().commit, offsets)  # noqa: SLF001
        except KafkaError as error:
            self._live.log.debug("commit to the group failed", error=str(error))
            return False
        self._mirrored.update(news)
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say nothing: Faust would log an error for each partition where nothing happens."""


class _Transport(Transport):
    Consumer: ClassVar[type[_Consumer]] = _Consumer


class _Boot(BootStrategy):
    enable_kafka_producer = False
    enable_web = False


class _App(faust.App):
    BootStrategy = _Boot
    live: Live

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: nothing is kept on disk."""


def _app(live: Live) -> _App:
    app = _App(
        live.role.group,
        broker=f"kafka://{clients.address(live.settings).replace(',', ';')}",
        broker_commit_interval=_COMMIT_SECONDS,
        broker_request_timeout=live_client.REQUEST_SECONDS,
        broker_session_timeout=live_client.SESSION_SECONDS,
        stream_buffer_maxsize=_QUEUE_FETCHES,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.live = live
    return app


def _record(found: Any) -> Record:
    return Record(
        found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, found.headers
    )


class _Bridge(logging.Handler):
    """Logs what Faust and aiokafka have to say as everything else is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        error = str(record.exc_info[1]) if record.exc_info else None
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, error=error)


def log_warnings() -> None:
    """Let warnings and errors of the libraries stand in the hub's log, one line each."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)
    # It warns of every chore that took longer than its pause.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
