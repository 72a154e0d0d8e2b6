"""Parts are real little processes here; no engine is needed to see whether they are kept alive."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from hub.errors import ConfigError, StartError
from hub.launch.parts import ProcessPart
from hub.launch.report import Report
from hub.launch.supervisor import Supervisor

STEADY = """
import os, signal, sys, threading
from hub.host.process import ready
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
ready()
over.wait()
print("ended in order", flush=True)
"""


def until(condition, seconds=10):
    """Poll with a deadline; fail loudly rather than hang."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def bench(tmp_path):
    """Give a console that is text, a supervisor, and a maker of parts from source code."""

    class Bench:
        text = io.StringIO()
        supervisor = Supervisor(Report(Console(file=text, width=200)))

        def part(self, name, code):
            (tmp_path / f"{name}_module.py").write_text(textwrap.dedent(code), encoding="utf-8")
            environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
            part = ProcessPart(name, f"{name}_module", tmp_path, environment)
            self.supervisor.add(part)
            return part

    made = Bench()
    yield made
    made.supervisor.stop(seconds=5)


def test_a_killed_part_is_started_again_and_the_console_says_so(bench):
    """A part that dies gets a successor, another process, by itself."""
    part = bench.part("steady", STEADY)
    part.spawn()
    part.wait_ready(10)
    bench.supervisor.watch()
    first = part.process.pid
    bench.supervisor.kill("steady")
    until(lambda: part.process.poll() is None and part.process.pid != first)
    part.wait_ready(10)
    assert "steady was killed by signal 9; it is started again in 0.5 s." in bench.text.getvalue()


def test_a_part_that_keeps_failing_is_tried_ever_later(bench):
    """The pauses double, so that a broken part does not eat the machine."""
    part = bench.part("broken", "raise SystemExit(1)")
    part.spawn()
    bench.supervisor.watch()
    until(lambda: bench.text.getvalue().count("started again in") == 3)
    pauses = re.findall(r"started again in ([0-9.]+) s", bench.text.getvalue())
    assert pauses == ["0.5", "1.0", "2.0"]


def test_a_part_that_is_configured_wrongly_ends_the_hub(bench):
    """Exit code 2 means that another start would end the same: the hub stops and names the fault."""
    part = bench.part(
        "wrong", 'import json; print(json.dumps({"error": "no such colour"})); raise SystemExit(2)'
    )
    part.spawn()
    bench.supervisor.watch()
    bench.supervisor.wait()
    assert isinstance(bench.supervisor.failed, ConfigError)
    assert "no such colour" in str(bench.supervisor.failed)


def test_a_part_that_dies_before_it_is_ready_is_a_start_error_with_its_last_words(bench):
    """The reader is told what the process said, and where its log is."""
    part = bench.part(
        "mute", 'import json; print(json.dumps({"error": "the moon is full"})); raise SystemExit(1)'
    )
    part.spawn()
    with pytest.raises(StartError, match=r"mute\.log: mute did not start: the moon is full"):
        part.wait_ready(10)


def test_a_stop_lets_the_part_finish_and_restarts_nothing(bench, tmp_path):
    """SIGTERM, not SIGKILL: the process's own last act is in its log, and nothing runs afterwards."""
    part = bench.part("steady", STEADY)
    part.spawn()
    part.wait_ready(10)
    pid = part.process.pid
    bench.supervisor.watch()
    bench.supervisor.stop(seconds=5)
    assert "ended in order" in (tmp_path / "logs" / "steady.log").read_text(encoding="utf-8")
    assert not psutil.pid_exists(pid)


def test_a_part_that_does_not_stop_is_killed_and_named(bench):
    """A part that ignores SIGTERM does not hold the hub for ever."""
    part = bench.part("deaf", STEADY.replace("over.set()", "None"))
    part.spawn()
    part.wait_ready(10)
    bench.supervisor.stop(seconds=0.3)
    assert "deaf did not stop within 0 s and was killed." in bench.text.getvalue()


@pytest.mark.destructive
def test_the_children_end_when_their_parent_is_killed(tmp_path):
    """`kill -9` of the hub leaves no process behind."""
    parent = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from hub.host import child
        folder = Path(sys.argv[1])
        process = child.spawn(["/bin/sleep", "600"], folder=folder, log=folder / "log")
        print(process.pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", parent, str(tmp_path)], stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        until(lambda: psutil.Process(pid).name() == "sleep")
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_child_has_its_own_session_and_many_open_files(tmp_path):
    """Ctrl-C at the terminal reaches the hub alone, and the soft limit of open files is the hard one."""
    from hub.host import child

    log = tmp_path / "log"
    code = (
        "import os, resource; print(os.getsid(0) == os.getpid(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    child.spawn([sys.executable, "-c", code], folder=tmp_path, log=log).wait(10)
    own_session, soft, hard = log.read_text(encoding="ascii").split()
    assert own_session == "True"
    assert int(soft) == (int(hard) if int(hard) > 0 else 65_536)


def test_a_log_that_has_grown_is_set_aside(tmp_path):
    """Logs do not fill the disk over the years."""
    from hub.host import child

    log = Path(tmp_path / "log")
    with log.open("wb") as file:
        file.truncate(21 * 2**20)
    child.spawn(["/bin/echo", "new"], folder=tmp_path, log=log).wait(10)
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "log.1").stat().st_size == 21 * 2**20
