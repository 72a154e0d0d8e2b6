"""Child processes: own process group, log file, a life that ends with the parent's, an orderly stop.

Linux ties a child's life to the *thread* that started it, so one thread that lives as long as the process
starts them all.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_FIRST = Path(__file__).with_name("child_exec.py")
_LOG_BYTES = 20 * 1024 * 1024


@cache
def _keeper(pid: int) -> ThreadPoolExecutor:
    """Return the thread that starts this process's children (a forked process has not its parent's)."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"keeper-{pid}")


@dataclass(frozen=True, slots=True)
class User:
    """The system user that a child becomes; `enter_closed`: it may pass folders that are closed to it."""

    name: str
    uid: int
    gid: int
    enter_closed: bool = False


def spawn(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: User | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a program in `folder`, its output appended to `log`; it gets `death_signal` when we end.

    `command[0]` is an absolute path. A log over 20 MiB is set aside as `<log>.1` first.
    """
    specification = {
        "parent": os.getpid(),
        "death_signal": int(death_signal),
        "uid": user.uid if user else None,
        "gid": user.gid if user else None,
        "enter_closed": bool(user and user.enter_closed),
    }
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_name(log.name + ".1"))
    with log.open("ab") as output:
        starting = _keeper(os.getpid()).submit(
            subprocess.Popen[bytes],
            [sys.executable, "-I", "-S", str(_FIRST), json.dumps(specification), *command],
            cwd=folder,
            env=dict(environment if environment is not None else os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return starting.result()


def stop(process: subprocess.Popen[bytes], ask: signal.Signals, seconds: float) -> bool:
    """Ask a child to stop, wait, then kill its whole group; return whether it stopped by itself in time."""
    if process.poll() is None:
        process.send_signal(ask)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        return False
    return True


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child's whole process group at once and collect the child."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_orphan(pid: int, is_ours: Callable[[psutil.Process], bool], seconds: float = 10) -> bool:
    """End a process that a dead hub left behind; return whether there was one. Others' are left alone.

    Pids are used again, so `is_ours` must recognise the process by its program and folder.
    """
    try:
        process = psutil.Process(pid)
        if not is_ours(process):
            return False
        process.terminate()
        try:
            process.wait(seconds)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(seconds)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return True
