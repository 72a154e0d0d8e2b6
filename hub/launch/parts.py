"""The parts that the supervisor keeps alive: engines and the hub's own processes, with one interface."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from hub import metrics
from hub.errors import ConfigError, StartError
from hub.host import child
from hub.host.process import READY_FILE

_FULL_BELOW = 16 * 2**20
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Engine(Protocol):
    """What an embedded engine offers: `start` returns once it answers, `stop` says if it ended in time."""

    process: subprocess.Popen[bytes] | None

    def start(self, seconds: float = ...) -> None:
        """Start, wait until it answers, or raise StartError."""

    def stop(self, seconds: float = ...) -> bool:
        """Stop in order, or kill after `seconds`."""

    def last_words(self) -> str:
        """Return the first fault in its log since it was started."""


class Part(ABC):
    """One supervised part, by name."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running process, also when it has ended by itself; None before start and after stop."""

    @abstractmethod
    def spawn(self) -> None:
        """Start again after an end. Raises StartError."""

    @abstractmethod
    def stop(self, seconds: float) -> bool:
        """Stop in order, or kill after `seconds`; return whether it ended in time."""

    @abstractmethod
    def last_words(self) -> str:
        """Return why it ended, as far as its log tells."""


class EnginePart(Part):
    """An embedded engine under the supervisor."""

    def __init__(self, name: str, engine: Engine, log: Path) -> None:
        super().__init__(name)
        self._engine = engine
        self._log = log

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The engine's process."""
        return self._engine.process

    def spawn(self) -> None:
        """Start the engine and wait until it answers: what comes after it needs it."""
        self._engine.start()

    def stop(self, seconds: float) -> bool:
        """Stop the engine."""
        return self._engine.stop(seconds)

    def last_words(self) -> str:
        """Return its first fault, and where to look; on a full disk the log itself is cut short."""
        full = shutil.disk_usage(self._log.parent).free < _FULL_BELOW
        return f"{'the disk is full' if full else self._engine.last_words()} (see {self._log})"


class ProcessPart(Part):
    """One of the hub's own processes, `python -m <module>`, ready when it has written its ready file."""

    def __init__(self, name: str, module: str, data_dir: Path, environment: Mapping[str, str]) -> None:
        super().__init__(name)
        self._module = module
        self._folder = data_dir
        self._log = data_dir / "logs" / f"{name}.log"
        self._ready = data_dir / "run" / f"{name}.ready"
        self._environment = {**environment, READY_FILE: str(self._ready)}
        self._metrics = environment.get(METRICS_FOLDER)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process."""
        return self._process

    def spawn(self) -> None:
        """Start the process; it says itself when it is ready."""
        self._forget()
        self._ready.parent.mkdir(parents=True, exist_ok=True)
        self._ready.unlink(missing_ok=True)
        # -P: what lies in the working folder is never imported.
        command = [sys.executable, "-P", "-m", self._module]
        self._process = child.spawn(
            command, folder=self._folder, log=self._log, environment=self._environment
        )

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until the process works. Raises StartError, or ConfigError when it was configured wrongly."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self._process is None or (code := self._process.poll()) is not None:
                kind = (
                    ConfigError if self._process is not None and code == ConfigError.exit_code else StartError
                )
                raise kind(f"{self.name} did not start: {self.last_words()}", where=str(self._log))
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready within {seconds:.0f} s.", where=str(self._log))
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Return whether the running process has said that it is ready."""
        return self._ready.exists()

    def stop(self, seconds: float) -> bool:
        """Let the process finish what it has in hand, then end."""
        if self._process is None:
            return True
        in_time = child.stop(self._process, signal.SIGTERM, seconds)
        self._forget()
        self._process = None
        return in_time

    def _forget(self) -> None:
        if self._process is not None and self._metrics:
            metrics.process_ended(self._process.pid, Path(self._metrics))

    def last_words(self) -> str:
        """Return the fault in the last line of the log: processes log one JSON object a line."""
        if not self._log.exists():
            return "it said nothing."
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in reversed(lines[-50:]):
            try:
                entry = json.loads(line)
                return str(entry.get("error") or entry["exception"].splitlines()[-1])
            except (ValueError, AttributeError, KeyError, IndexError):
                continue
        return lines[-1][:300] if lines else "it said nothing."
