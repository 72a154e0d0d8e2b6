"""Starting agencies beside what is measured (`load`), and reading what they noted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import delays, load, world
from hub.launch.bench.delays import Delay
from hub.launch.bench.ground import Ground
from hub.launch.environment import child_environment
from hub.launch.parts import ProcessPart

_END_SECONDS = 60.0


class AtWork:
    """An agency's process that runs."""

    def __init__(self, name: str, part: ProcessPart, task: load.Task) -> None:
        self._name = name
        self._part = part
        self._task = task

    def begin(self, at: float) -> None:
        """Tell a drain to begin at a time, seconds since 1970."""
        file = load.begin_file(self._task)
        half = file.with_suffix(".half")
        half.write_text(str(at), encoding="ascii")
        half.replace(file)

    def running(self) -> bool:
        """Return whether it is still at work."""
        return self._part.process is not None and self._part.process.poll() is None

    def lines(self, seconds: float = _END_SECONDS) -> list[str]:
        """Wait until it is done, and return what it noted; raise StartError where it does not get done."""
        end = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > end:
                raise StartError(f"{self._name} is not done after {seconds:.0f} s.", where=self._task.file)
            time.sleep(0.02)
        if self._part.process is None or self._part.process.returncode != 0:
            raise StartError(f"{self._name} failed: {self._part.last_words()}")
        return Path(self._task.file).read_text(encoding="ascii").splitlines()


@contextmanager
def at_work(ground: Ground, name: str, **task: object) -> Iterator[AtWork]:
    """Start an agency on a task (`load.Task` without `file`), wait until it is ready; end it at the end."""
    file = ground.folder / f"{name}.txt"
    wanted = load.Task(**task, file=str(file))  # type: ignore[arg-type]
    for old in (file, load.begin_file(wanted)):
        old.unlink(missing_ok=True)
    environment = child_environment(ground.settings) | {load.TASK: wanted.text()}
    part = ProcessPart(name, load.__name__, ground.settings.data_dir, environment)
    part.spawn()
    try:
        part.wait_ready()
        yield AtWork(name, part, wanted)
    finally:
        part.stop(30)


class Stream:
    """Events that the benchmarks' source publishes at a steady rate, and somebody who watches them come."""

    def __init__(self, publishing: AtWork, watching: AtWork, seconds: float) -> None:
        self._publishing = publishing
        self._watching = watching
        self._seconds = seconds

    def ways(self, leave_out_ms: float) -> list[Delay]:
        """Wait for the end of it; return each event's way, without those of the first `leave_out_ms`.

        Raises StartError where one never came.
        """
        sent = delays.sent_of(self._publishing.lines(self._seconds + _END_SECONDS))
        seen = delays.seen_of(self._watching.lines())
        try:
            return delays.delays(sent, seen, leave_out_ms=leave_out_ms)
        except KeyError as missing:
            raise StartError(f"the event {missing} was confirmed, but not seen.") from None


@contextmanager
def stream(ground: Ground, *, login: str, topic: str, per_second: float, count: int) -> Iterator[Stream]:
    """Let the benchmarks' source publish `count` events at a rate, and `login` watch `topic` for as many."""
    with at_work(ground, "watch", kind="watch", login=login, topic=topic, count=count) as watching:
        first, ground.filled = ground.filled, ground.filled + count
        with at_work(
            ground,
            "publish",
            kind="publish",
            login=world.SOURCE,
            topic=topics.outbox(world.SOURCE),
            count=count,
            first=first,
            per_second=per_second,
        ) as publishing:
            yield Stream(publishing, watching, count / per_second)
