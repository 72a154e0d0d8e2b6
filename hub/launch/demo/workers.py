"""The demo's processes: they are started, report through one queue, and are ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.context import SpawnContext, SpawnProcess
from types import TracebackType
from typing import Any, Self

from connectors.sdk import Config
from hub.contracts.names import AgencyCode
from hub.errors import HubError, StartError
from hub.launch.demo import publish, receive
from hub.launch.demo.publish import Failed, Job, Places, Progress, Reached, Sent
from hub.launch.demo.receive import Quiet, Received, Role

_POLL_SECONDS = 0.2


@contextlib.contextmanager
def sheltered() -> Iterator[None]:
    """Start child processes here: Ctrl-C reaches all processes of a terminal, and only this one answers."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Workers:
    """A context manager: leaving it ends every process that is left."""

    def __init__(self, heard: Callable[[Progress], None]) -> None:
        self._heard = heard
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._queue: Any = self._context.Queue()
        self._stop = self._context.Event()
        self._processes: dict[str, SpawnProcess] = {}
        self._quiet: set[str] = set()
        self._words: dict[AgencyCode, Any] = {}
        self._reached: dict[AgencyCode, Reached] = {}
        self.sent: Counter[str] = Counter()
        self.appended_ms: dict[str, int] = {}
        self.received: list[Received] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.terminate()
            process.join(10)

    def publish(self, config: Config, job: Job, *, waits: bool = True) -> None:
        """Start an agency's publishing; if it waits, it goes on behind each window when it is told to."""
        agency = AgencyCode(config.agency)
        word = self._context.Semaphore(0) if waits else None
        if waits:
            self._words[agency] = word
        self._start(f"{agency} publishing", publish.run, (config, job, word, self._queue))

    def wait_window(self, number: int) -> dict[AgencyCode, Places]:
        """Return when all who wait have sent window `number` (from 0): behind what they have sent."""
        self._until(lambda: all(self._has_reached(agency, number) for agency in self._words))
        return {agency: self._reached[agency].places for agency in self._words}

    def go_on(self) -> None:
        """Let all who wait send their next window."""
        for word in self._words.values():
            word.release()

    def _has_reached(self, agency: AgencyCode, number: int) -> bool:
        reached = self._reached.get(agency)
        return reached is not None and reached.number >= number

    def receive(self, role: Role) -> None:
        """Start a recipient."""
        self._quiet.discard(role.config.agency)
        self._start(role.config.agency, receive.run, (role, self._stop, self._queue))

    def wait_published(self) -> None:
        """Return when every publishing process has sent all; raise HubError if a process failed."""
        self._until(lambda: not any(name.endswith(" publishing") for name in self._processes))

    def wait_left(self, who: str) -> None:
        """Return when a recipient has gone offline by itself."""
        self._until(lambda: who not in self._processes)

    def wait_quiet(self, seconds: float = 900) -> None:
        """Return when no recipient has received anything for a moment; raise HubError after `seconds`."""
        self._quiet.clear()
        self._until(lambda: self._quiet >= self._receiving(), seconds)

    def stop_receiving(self) -> None:
        """Let the recipients finish what is there, acknowledge it and leave."""
        self._stop.set()
        self._until(lambda: not self._processes)

    def _receiving(self) -> set[str]:
        return {name for name in self._processes if not name.endswith(" publishing")}

    def _start(self, name: str, target: Callable[..., None], arguments: tuple[object, ...]) -> None:
        process = self._context.Process(target=target, args=arguments, name=name, daemon=True)
        with sheltered():
            process.start()
        self._processes[name] = process

    def _until(self, reached: Callable[[], bool], seconds: float = 900) -> None:
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise StartError(
                    f"the demo's processes did not finish in {seconds:.0f} s: {sorted(self._processes)}."
                )
            try:
                self._take(self._queue.get(timeout=_POLL_SECONDS))
            except queue.Empty:
                self._look_for_dead()

    def _take(self, message: object) -> None:
        match message:
            case Progress(who=who):
                if message.count:
                    self._quiet.discard(who)
                self._heard(message)
            case Quiet(who=who):
                self._quiet.add(who)
            case Reached(who=who):
                self._reached[who] = message
            case Sent(who=who, count=count, appended_ms=times):
                self.sent[who] += count
                self.appended_ms |= times
                self._ended(f"{who} publishing")
            case Received(who=who):
                self.received.append(message)
                self._ended(who)
            case Failed(who=who, text=text):
                raise HubError(text, where=who)

    def _ended(self, name: str) -> None:
        self._processes.pop(name).join(30)

    def _look_for_dead(self) -> None:
        for name, process in self._processes.items():
            if process.exitcode is not None and self._queue.empty():
                raise StartError(f"{name} ended with {process.exitcode} and said nothing.")
