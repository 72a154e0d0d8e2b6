"""Debian's Prometheus beside the hub: asks the API for its figures, judges the rules, ends with the hub."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import yaml

from hub import resources
from hub.errors import StartError
from hub.host import child, ports

_KEPT = "40d"
"""The objectives look 30 days back."""
SCRAPE = "5s"
JUDGE = "15s"
_FAULT = re.compile(r"\blevel=error (.+)", re.IGNORECASE)


def program() -> str:
    """Return the path of the program `prometheus`. Raises StartError where it is not installed."""
    found = shutil.which("prometheus")
    if found is None:
        raise StartError(
            "--with-prometheus: Prometheus is not installed.",
            do="Install it, on Debian with `apt-get install prometheus`, or start without it.",
        )
    return str(Path(found).absolute())


def configuration(target: str) -> str:
    """Return the configuration as YAML: one target, `host:port` of the API, and the hub's own rules."""
    rules = sorted(str(file) for file in resources.folder("rules").glob("*.yml"))
    document = {
        "global": {"scrape_interval": SCRAPE, "evaluation_interval": JUDGE},
        "rule_files": rules,
        # The job's name is asked for by a rule (HubUnreachable).
        "scrape_configs": [{"job_name": "hub", "static_configs": [{"targets": [target]}]}],
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


class Prometheus:
    """One server of a data folder, on loopback; everything lies in `<data dir>/prometheus`."""

    def __init__(self, data_dir: Path, target: str) -> None:
        self._program = program()
        self._data_dir = data_dir.absolute()
        self._folder = self._data_dir / "prometheus"
        self._log = self._data_dir / "logs" / "prometheus.log"
        self._target = target
        self.port = ports.kept(data_dir, "prometheus")
        self.process: subprocess.Popen[bytes] | None = None
        self._begin = 0

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, seconds: float = 60) -> None:
        """Start the server and wait until it answers.

        Raises StartError for a taken port, or with the fault in its log when it does not come up.
        """
        ports.require_free(
            self.port,
            "Prometheus",
            f"Stop that process, or remove the port from {self._data_dir / ports.FILE} to get another.",
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "prometheus.yml"
        file.write_text(configuration(self._target), encoding="utf-8")
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        self.process = child.spawn(
            [
                self._program,
                f"--config.file={file}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--storage.tsdb.retention.time={_KEPT}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            folder=self._folder,
            log=self._log,
            environment={name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
        )
        try:
            self._wait(seconds)
        except BaseException:
            child.kill(self.process)
            raise

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self.process is None or self.process.poll() is not None:
                raise StartError(f"Prometheus did not start: {self.last_words()}", where=str(self._log))
            if time.monotonic() > deadline:
                raise StartError(
                    f"Prometheus did not answer in time: {self.last_words()}", where=str(self._log)
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self, seconds: float = 30) -> bool:
        """Stop the server in order; return whether it did so in time (else it was killed)."""
        if self.process is None:
            return True
        in_time = child.stop(self.process, signal.SIGTERM, seconds)
        self.process = None
        return in_time

    def last_words(self) -> str:
        """Return the last fault in its log since it was started: the one that it ended by."""
        if not self._log.exists():
            return "it said nothing"
        text = self._log.read_bytes()[self._begin :].decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        faults = [found[1] for line in lines if (found := _FAULT.search(line))]
        return (faults or lines or ["it said nothing"])[-1]
