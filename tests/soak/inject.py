"""The kills themselves, on a running hub."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

import psutil

from hub.errors import HubError
from hub.host import child
from hub.host.process import READY_FILE
from hub.launch.parts import ProcessPart
from tests.soak.look import Moment

BACK_SECONDS = 120
BUSY_SECONDS = 5
SESSION_SECONDS = {"gate": 8, "projector": 10, "audit": 8, "cases": 10}
SPARE_SLOT = "60"


@dataclass(slots=True)
class Injected:
    """One kill: when (seconds from the start), what was open just before, how long until all was back."""

    kind: str
    at: float
    before: Moment | None
    back: float = 0.0
    part: str = ""


class Injector:
    """Kills parts of a hub; `findings` says what did not come back."""

    def __init__(self, hub, look, rng):
        self._hub = hub
        self._look = look
        self._rng = rng
        self._begin = time.monotonic()
        self.injected = []
        self.findings = []

    def inject(self, kind):
        """Do one kill of a kind once the hub is in the middle of something; return when all is back."""
        # The waits of parts that ended often are for parts that end by themselves.
        self._hub._supervisor._wait.clear()
        self._until_back(dict.fromkeys(self._hub.parts))
        before = self._look.busy(BUSY_SECONDS)
        entry = Injected(kind, time.monotonic() - self._begin, before)
        self.injected.append(entry)
        killed = time.monotonic()
        pids = {name: self._pid(name) for name in self._hub.parts}
        try:
            entry.part = getattr(self, f"_{kind.replace('-', '_')}")()
        except HubError as error:
            self.findings.append(f"{kind}: {error}")
        self._until_back({name: pids[name] for name in self._gone(pids, entry.part)})
        entry.back = time.monotonic() - killed

    def _gate(self):
        return self._kill(self._a_gate())

    def _projector(self):
        return self._kill("projector")

    def _audit(self):
        return self._kill("audit")

    def _cases(self):
        return self._kill("cases")

    def _api(self):
        return self._kill("api")

    def _broker(self):
        return self._kill("kafka")

    def _postgres(self):
        return self._kill("postgres")

    def _everything(self):
        for name in self._hub.parts:
            self._kill(name)
        return " ".join(self._hub.parts)

    def _handover(self):
        """Let one gate leave in order, and kill the other while it takes the partitions over."""
        leaving = self._a_gate()
        (taking,) = {"gate-0", "gate-1"} - {leaving}
        restart = threading.Thread(target=self._restart, args=(leaving,))
        restart.start()
        time.sleep(self._rng.uniform(0.05, 1.2))
        self._kill(taking)
        restart.join()
        return f"{leaving} {taking}"

    def _rolling(self):
        names = [name for name in self._hub.parts if isinstance(self._hub.part(name), ProcessPart)]
        for name in names:
            self._restart(name)
        return " ".join(names)

    def _zombie_gate(self):
        return self._stop_and_continue(self._a_gate(), "gate")

    def _zombie_audit(self):
        return self._stop_and_continue("audit", "audit")

    def _zombie_projector(self):
        return self._replaced_while_stopped("projector")

    def _zombie_cases(self):
        return self._replaced_while_stopped("cases")

    def _replaced_while_stopped(self, name):
        """Stop a process; one on another machine takes its partitions; then the first goes on."""
        zombie = psutil.Process(self._pid(name))
        environment = {**zombie.environ(), f"HUB_{name.upper()}__SLOT": SPARE_SLOT}
        environment.pop(READY_FILE, None)
        os.killpg(zombie.pid, signal.SIGSTOP)
        spare = child.spawn(
            [sys.executable, "-P", "-m", f"streams.{name}"],
            folder=self._hub.data_dir,
            log=self._hub.data_dir / "logs" / f"{name}-spare.log",
            environment=environment,
        )
        try:
            time.sleep(SESSION_SECONDS[name] + 4)
            os.killpg(zombie.pid, signal.SIGCONT)
            time.sleep(2)
        finally:
            child.stop(spare, signal.SIGTERM, 20)
        return ""

    def _stop_and_continue(self, name, kind):
        pid = self._pid(name)
        os.killpg(pid, signal.SIGSTOP)
        time.sleep(SESSION_SECONDS[kind] + 2)
        os.killpg(pid, signal.SIGCONT)
        return ""

    def _a_gate(self):
        return self._rng.choice([name for name in self._hub.parts if name.startswith("gate-")])

    def _kill(self, name):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid(name), signal.SIGKILL)
        return name

    def _restart(self, name):
        try:
            self._hub.restart(name)
        except HubError as error:
            self.findings.append(f"{name} could not be replaced: {error}")

    def _pid(self, name):
        process = self._hub.part(name).process
        return process.pid if process is not None else 0

    def _gone(self, pids, names):
        return [name for name in names.split() if name in pids]

    def _until_back(self, before):
        """Wait until these parts work again, each as another process than before (None: as any)."""
        deadline = time.monotonic() + BACK_SECONDS
        waiting = set(before)
        while waiting:
            waiting -= {name for name in waiting if self._works(name, before[name])}
            if time.monotonic() > deadline:
                self.findings.append(f"{', '.join(sorted(waiting))} did not come back in {BACK_SECONDS} s")
                return
            time.sleep(0.05)

    def _works(self, name, before):
        part = self._hub.part(name)
        process = part.process
        if process is None or process.poll() is not None or process.pid == before:
            return False
        if isinstance(part, ProcessPart):
            return part.is_ready()
        return name != "kafka" or self._look.moment() is not None
