"""`hub up`: the whole hub, its accidents and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

from hub import settings as settings_module
from hub.broker import credentials
from hub.errors import StartError
from hub.host.ports import free
from hub.launch.up import Hub
from hub.settings import Settings

COMMAND = [sys.executable, "-c", "from hub.cli import main; main()"]


def until(condition, seconds=60):
    """Poll with a deadline; fail loudly rather than hang."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.1)
    return value


def get(url):
    """Return status and text of a page; status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Run:
    """`hub up` as a person starts it, its console kept."""

    def __init__(self, data_dir, console):
        self.port = free()
        environment = {**os.environ, "HUB_API__PORT": str(self.port)}
        with console.open("ab") as output:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--data-dir", str(data_dir)], env=environment, stdout=output, stderr=output
            )
        self.console = console

    def said(self):
        """Return all that the console shows so far."""
        return self.console.read_text(encoding="utf-8")

    def ready(self):
        """Wait until the console says that the hub is up; return its children."""
        until(lambda: self.process.poll() is not None or "The hub is up." in self.said(), 120)
        assert self.process.poll() is None, self.said()
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def start(tmp_path):
    """Give a function that starts `hub up`; whatever happens, nothing is left running."""
    runs = []

    def one(data_dir):
        runs.append(Run(data_dir, tmp_path / f"console-{len(runs)}"))
        return runs[-1]

    yield one
    for run in runs:
        with contextlib.suppress(ProcessLookupError):
            run.process.kill()
        run.process.wait()


def gone(processes):
    """Whether none of these processes runs any more."""
    return not psutil.wait_procs(processes, timeout=0)[1]


@pytest.mark.slow
def test_the_hub_is_ready_and_shows_every_process_s_metrics(hub_up):
    """Readiness is the API's word; one page shows what the gate counts in another process."""
    assert hub_up.parts == ("kafka", "postgres", "gate-0", "projector", "audit", "cases", "indicators", "api")
    assert until(lambda: get(f"{hub_up.api_url}/readyz")[0] == 200)
    assert "hub_gate_registry_version" in get(f"{hub_up.api_url}/metrics")[1]


@pytest.mark.slow
def test_a_second_hub_on_the_same_folder_is_refused_and_the_first_goes_on(hub_up):
    """One sentence that names the holder."""
    with pytest.raises(StartError, match=f"running on this data folder already .pid {os.getpid()}."):
        Hub(hub_up.settings).__enter__()
    assert get(f"{hub_up.api_url}/livez")[0] == 200


@pytest.mark.slow
@pytest.mark.destructive
@pytest.mark.parametrize(
    "name", ["gate-0", "projector", "audit", "cases", "indicators", "api", "postgres", "kafka"]
)
def test_a_killed_part_comes_back_and_the_hub_is_ready_again(hub_up, name):
    """`kill -9` of any one part needs no person."""
    first = hub_up.part(name).process.pid
    hub_up.kill(name)
    until(lambda: (process := hub_up.part(name).process) and process.pid != first and process.poll() is None)
    hub_up.wait_ready(name)
    until(lambda: get(f"{hub_up.api_url}/readyz")[0] == 200)


@pytest.mark.slow
def test_a_part_can_be_restarted_in_order(hub_up):
    """Another process, ready again when the call returns; the watcher does not start a third one."""
    first = hub_up.part("projector").process.pid
    hub_up.restart("projector")
    second = hub_up.part("projector").process
    assert second.pid != first
    assert second.poll() is None
    assert until(lambda: get(f"{hub_up.api_url}/readyz")[0] == 200)
    assert hub_up.part("projector").process is second


@pytest.mark.slow
@pytest.mark.destructive
def test_after_kill_9_of_the_tree_the_next_start_resumes_and_sigterm_ends_all(start, tmp_path):
    """No child outlives the hub; the same cluster comes back; SIGTERM: exit 0, and nothing is left."""
    data = tmp_path / "داده 1"
    first = start(data)
    children = first.ready()
    assert len(children) >= 5
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    until(lambda: gone(children))
    cluster = (data / "kafka" / "data" / "meta.properties").read_text(encoding="ascii")
    second = start(data)
    children = second.ready()
    assert (data / "kafka" / "data" / "meta.properties").read_text(encoding="ascii") == cluster
    assert "applied for the first time" not in second.said()
    assert (data / "hub.env").stat().st_mode & 0o777 == 0o600
    assert settings_module.load(data).api.port == second.port
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(60) == 0, second.said()
    assert gone(children)
    assert "was killed" not in second.said()


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_a_start_ends_in_order(start, tmp_path):
    """No traceback, no child left; the next start would go on from there."""
    run = start(tmp_path / "data")
    until(lambda: "storage is formatted" in run.said() or run.process.poll() is not None)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(60) == 0, run.said()
    assert "Stopped before the start was complete" in run.said()
    assert "Traceback" not in run.said()


@pytest.mark.slow
def test_external_engines_take_the_place_of_the_embedded_ones(tmp_path, running_engines):
    """With bootstrap and url set there are fewer parts; each process still has a principal of its own."""
    with running_engines(tmp_path / "engines") as engines:
        login = {"username": "hub.admin", "password": credentials.password(engines.settings, "hub.admin")}
        kafka = {"bootstrap": engines.settings.kafka.bootstrap, **login}
        url = engines.settings.postgres.url
        settings = Settings(data_dir=tmp_path / "hub", kafka=kafka, postgres={"url": url}, api={"port": 0})
        with Hub(settings) as hub:
            assert hub.parts == ("gate-0", "projector", "audit", "cases", "indicators", "api")
            assert until(lambda: get(f"{hub.api_url}/readyz")[0] == 200)
            environment = psutil.Process(hub.part("gate-0").process.pid).environ()
            assert "HUB_KAFKA__PASSWORD" not in environment


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    """The command's exit code is 1 and its whole answer one line."""
    (tmp_path / "file").touch()
    run = subprocess.run(
        [*COMMAND, "up", "--data-dir", str(tmp_path / "file" / "x")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == f"hub: {tmp_path}/file/x: this is not a folder. Choose another --data-dir.\n"


def test_a_wrong_setting_is_one_sentence_and_exit_code_2(tmp_path):
    """Nothing is started or made."""
    environment = {**os.environ, "HUB_GATE__COUNT": "many"}
    run = subprocess.run(
        [*COMMAND, "up", "--data-dir", str(tmp_path / "x")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 2
    assert "HUB_GATE__COUNT" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "x").exists()
