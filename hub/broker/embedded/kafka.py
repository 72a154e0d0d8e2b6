"""The embedded Kafka: a real broker and controller in one JVM on loopback, SCRAM and ACLs on.

Everything lies in `<data dir>/kafka` (0700). The steps are `resolve`, `format`, `start`; then `stop`.
"""

from __future__ import annotations

import base64
import signal
import subprocess
import time
import uuid
from pathlib import Path

import psutil

from hub.broker import clients, credentials
from hub.broker.embedded import jars, java
from hub.broker.embedded.config import fencing_config, logging_config, properties, server_config
from hub.broker.embedded.fencing import is_fenced
from hub.broker.embedded.java import java_command
from hub.contracts import topics
from hub.errors import BrokerError, StartError
from hub.host import child, ports
from hub.host.once import once
from hub.host.secret_file import write_secret
from hub.settings import Settings

__all__ = ["HUB_PRINCIPALS", "EmbeddedKafka", "java_command"]

HUB_PRINCIPALS = (topics.ADMIN_PRINCIPAL, *topics.HUB_PRINCIPALS)
_CONTROLLER = "kafka-controller"
"""Name of the controller's port in ports.json and of its password among the secrets."""
_SESSION_MS = 60_000
_FENCING = "fencing.properties"
_FENCING_SECONDS = 30.0


class EmbeddedKafka:
    """One broker of a data folder; `settings` afterwards name its address."""

    def __init__(self, settings: Settings) -> None:
        self._data_dir = settings.data_dir.absolute()
        self._folder = self._data_dir / "kafka"
        self._log = self._data_dir / "logs" / "kafka.log"
        self.port = ports.kept(settings.data_dir, "kafka", settings.kafka.port)
        self._controller_port = ports.kept(settings.data_dir, _CONTROLLER)
        kafka = settings.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{self.port}"})
        self.settings = settings.model_copy(update={"kafka": kafka, "data_dir": self._data_dir})
        self.process: subprocess.Popen[bytes] | None = None
        self._begin = 0

    def resolve(self, progress: jars.Progress | None = None) -> None:
        """Fetch and check Kafka's jars if need be. Raises StartError when they cannot be had or trusted."""
        java.executable()
        jars.class_path(self.settings, progress)

    def format(self) -> bool:
        """Write the configuration; format the storage the first time, and return whether this was it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write_config()
        with once(self._folder / "data", proof="meta.properties") as to_do:
            if to_do:
                self._format()
        return to_do

    def _write_config(self) -> None:
        config = server_config(
            broker=f"127.0.0.1:{self.port}",
            controller=f"127.0.0.1:{self._controller_port}",
            admin_password=credentials.create(self.settings, topics.ADMIN_PRINCIPAL)[0],
            controller_password=credentials.create(self.settings, _CONTROLLER)[0],
            gates=self.settings.gate.count,
        )
        # Alone, it gains nothing by missing itself: a machine that slept for less is simply awake again.
        config["broker.session.timeout.ms"] = str(_SESSION_MS)
        write_secret(self._folder / "server.properties", properties(config))
        write_secret(self._folder / _FENCING, properties(fencing_config(config)))
        (self._folder / "log4j2.properties").write_text(properties(logging_config()), encoding="ascii")

    def _format(self) -> None:
        scram = [
            f"SCRAM-SHA-512=[name={name},password={credentials.create(self.settings, name)[0]}]"
            for name in HUB_PRINCIPALS
        ]
        users = [word for user in scram for word in ("--add-scram", user)]
        config = str(self._folder / "server.properties")
        try:
            java_command(
                self.settings, "kafka.tools.StorageTool",
                "format", "--standalone", "-t", _cluster_id(), "-c", config, *users,
                folder=self._folder,
            )  # fmt: skip
        except BrokerError as error:
            raise StartError(
                f"Kafka's storage could not be formatted: {error}.", where=str(self._folder)
            ) from None

    def start(self, seconds: float = 120) -> None:
        """Start the broker and wait until it answers.

        Raises StartError for a taken port, or with the first error of its log when it does not come up.
        """
        self._end_orphan()
        advice = f"Stop that process, or remove the port from {self._data_dir / ports.FILE} to get another."
        ports.require_free(self.port, "Kafka", advice)
        ports.require_free(self._controller_port, "Kafka's controller", advice)
        if self._was_killed() and not is_fenced(self._folder / "data"):
            self._fence()
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        self.process = self._spawn("server.properties")
        self._pid_file.write_text(str(self.process.pid), encoding="ascii")
        try:
            self._wait(self._begin, seconds)
        except BaseException:
            child.kill(self.process)
            raise

    def _spawn(self, config: str) -> subprocess.Popen[bytes]:
        heap = self.settings.kafka.heap_mb
        options = [
            f"-Xmx{heap}m", f"-Xms{min(heap, 128)}m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
            "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true",
            "-Dlog4j2.configurationFile=log4j2.properties", "-Dhub.logs=../logs",
        ]  # fmt: skip
        arguments = self._folder / "java.args"
        command = java.write_arguments(self.settings, arguments, options, "kafka.Kafka", [config])
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return child.spawn(
            command, folder=self._folder, log=self._log.with_name("kafka.out"), environment=java.environment()
        )

    def _was_killed(self) -> bool:
        """Say whether the last broker ended without a word: it left its pid, and no mark of Kafka's own."""
        return self._pid_file.exists() and not (self._folder / "data" / ".kafka_cleanshutdown").exists()

    def _fence(self) -> None:
        """After a kill, let the controller alone see that its broker is gone, before the broker is back.

        A broker that comes back while the controller still believes in its predecessor takes up the
        predecessor's open transactions, is then fenced, and with no leader left anywhere writes them off as
        ended without telling the partitions (Kafka 4.3.1: "Couldn't find leader endpoint … can be skipped").
        Those partitions stay hidden for ever, and offsets of an aborted batch become committed ones.
        """
        begin = self._log.stat().st_size if self._log.exists() else 0
        deadline = time.monotonic() + _FENCING_SECONDS
        controller = self._spawn(_FENCING)
        try:
            # What its log on disk says, not what it tells: a decision that was not written yet is lost again.
            # It says nothing where the broker was killed before it had ever served; then there is no harm.
            while not is_fenced(self._folder / "data") and time.monotonic() < deadline:
                if controller.poll() is not None:
                    raise StartError(f"Kafka did not start: {self._first_error(begin)}", where=str(self._log))
                time.sleep(0.05)
        finally:
            child.stop(controller, signal.SIGTERM, 10)

    def _said(self, begin: int) -> str:
        """Return what the broker's log says from a place on; all of it, where it was begun anew meanwhile."""
        log = self._log.read_bytes() if self._log.exists() else b""
        return (log[begin:] if len(log) >= begin else log).decode("utf-8", "replace")

    def _wait(self, begin: int, seconds: float) -> None:
        process = self.process
        deadline = time.monotonic() + seconds
        while process is not None and time.monotonic() < deadline:
            if process.poll() is not None:
                raise StartError(f"Kafka did not start: {self._first_error(begin)}", where=str(self._log))
            # A plain look first: clients complain aloud of a port where nobody listens yet.
            if not ports.is_free(self.port) and clients.answers(self.settings, topics.ADMIN_PRINCIPAL):
                return
            time.sleep(0.05)
        raise StartError(
            f"Kafka did not answer within {seconds:.0f} s: {self._first_error(begin)}", where=str(self._log)
        )

    def _first_error(self, begin: int) -> str:
        text = self._said(begin)
        if " ERROR " not in text and " FATAL " not in text:
            text += self._log.with_name("kafka.out").read_text("utf-8", "replace")[-10_000:]
        return java.first_error(text)

    def last_words(self) -> str:
        """Return the first fault in the broker's log since it was started."""
        return self._first_error(self._begin)

    def stop(self, seconds: float = 30) -> bool:
        """Stop the broker in order; return whether it did so in time (else killed, which loses nothing)."""
        if self.process is None:
            return True
        in_time = child.stop(self.process, signal.SIGTERM, seconds)
        if not self._was_killed():
            self._pid_file.unlink(missing_ok=True)
        self.process = None
        return in_time

    @property
    def _pid_file(self) -> Path:
        return self._folder / "pid"

    def _end_orphan(self) -> None:
        """End a broker that outlived its hub: it holds the lock of the data and the port."""
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return
        child.end_orphan(pid, self._is_ours)

    def _is_ours(self, process: psutil.Process) -> bool:
        return f"@{self._folder / 'java.args'}" in process.cmdline()


def _cluster_id() -> str:
    """Return a random id as Kafka writes them: 16 bytes, base64url, never a leading hyphen."""
    while (name := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")).startswith("-"):
        pass
    return name
