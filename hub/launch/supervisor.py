"""Keeps the parts alive: what ends by itself is started again, later and later; all stop in order."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from hub.errors import ConfigError, HubError
from hub.host import child
from hub.launch.parts import Part
from hub.launch.report import Report

_LOOK_SECONDS = 0.2
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_WELL_AFTER = 60.0
"""A part that ran this long was well; the next wait is short again."""


class Supervisor:
    """Watches parts in the order they were added; stops them in the opposite order."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._parts: list[Part] = []
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None
        self._also: Callable[[], None] = lambda: None
        self._wait: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self.failed: HubError | None = None
        """Why the hub cannot go on, if so: a part was configured wrongly."""

    def add(self, part: Part) -> None:
        """Take a part under supervision; its owner starts it the first time."""
        self._parts.append(part)
        self._since[part.name] = time.monotonic()

    def names(self) -> Sequence[str]:
        """Return the parts' names."""
        return [part.name for part in self._parts]

    def part(self, name: str) -> Part:
        """Return a part. Raises ConfigError for a name that is none."""
        for part in self._parts:
            if part.name == name:
                return part
        raise ConfigError(f"there is no part {name!r}.", do=f"Parts: {', '.join(self.names())}.")

    def watch(self, also: Callable[[], None] = lambda: None) -> None:
        """Begin to watch; `also` is called with each look."""
        self._also = also
        self._watcher = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._watcher.start()

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with contextlib.suppress(OSError):
                self._also()
            for part in self._parts:
                with self._lock:
                    if not self._over.is_set():
                        self._look_after(part)

    def _look_after(self, part: Part) -> None:
        process = part.process
        if process is None or process.poll() is None:
            return
        now = time.monotonic()
        if part.name not in self._due:
            self._note_end(part, process.returncode, now)
        elif now >= self._due[part.name]:
            del self._due[part.name]
            self._start_again(part)

    def _note_end(self, part: Part, code: int, now: float) -> None:
        if code == ConfigError.exit_code:
            self.failed = ConfigError(f"{part.name} stopped: {part.last_words()}")
            self._over.set()
            return
        was_well = now - self._since[part.name] > _WELL_AFTER
        wait = _FIRST_WAIT if was_well else self._wait.get(part.name, _FIRST_WAIT)
        self._wait[part.name] = min(2 * wait, _LONGEST_WAIT)
        self._due[part.name] = now + wait
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}: {part.last_words()}"
        self._report.trouble(f"{part.name} {how}; it is started again in {wait:.1f} s.")

    def _start_again(self, part: Part) -> None:
        self._since[part.name] = time.monotonic()
        try:
            part.spawn()
        except Exception as error:  # noqa: BLE001 - whatever it was, the others are still to be watched
            wait = self._wait.get(part.name, _FIRST_WAIT)
            self._due[part.name] = time.monotonic() + wait
            self._wait[part.name] = min(2 * wait, _LONGEST_WAIT)
            self._report.trouble(f"{part.name}: {error} It is tried again in {wait:.1f} s.")
        else:
            self._report.line(f"{part.name} was started again.")

    def wait(self) -> None:
        """Return when the hub cannot go on by itself or was asked to stop."""
        self._over.wait()

    def ask_stop(self) -> None:
        """Let `wait` return and restart nothing more; safe in a signal handler."""
        self._over.set()

    def restart(self, name: str, seconds: float = 30) -> None:
        """Stop one part in order and start it again."""
        with self._lock:
            part = self.part(name)
            part.stop(seconds)
            self._due.pop(name, None)
            part.spawn()

    def kill(self, name: str) -> None:
        """Kill one part with SIGKILL, for tests; the watcher starts it again."""
        with self._lock:
            process = self.part(name).process
            if process is not None:
                child.kill(process)

    def stop(self, seconds: float = 30) -> None:
        """Stop every part, the last added first; what does not end in time is killed and named."""
        self._over.set()
        if self._watcher is not None:
            self._watcher.join()
        for part in reversed(self._parts):
            if not part.stop(seconds):
                self._report.trouble(f"{part.name} did not stop within {seconds:.0f} s and was killed.")

    def hurry(self) -> None:
        """Kill what still runs; safe in a signal handler. Nothing is lost: the next start recovers."""
        for part in self._parts:
            process = part.process
            if process is not None and process.returncode is None:
                with contextlib.suppress(OSError):
                    process.kill()
