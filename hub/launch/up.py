"""`class Hub`: the whole hub on this machine, from a data folder, as `hub up`, `hub demo` and tests start it.

    with Hub(settings, console) as hub:
        hub.api_url
        hub.wait()

External engines by settings (HUB_KAFKA__BOOTSTRAP, HUB_POSTGRES__URL): the same path with fewer parts.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from hub.broker.embedded.kafka import EmbeddedKafka
from hub.errors import ConfigError
from hub.host import ports
from hub.host.once import disk_errors, require_space
from hub.launch import prometheus
from hub.launch.disk import DiskWatch
from hub.launch.environment import write_env_file
from hub.launch.lock import only_hub
from hub.launch.parts import EnginePart, Part, ProcessPart
from hub.launch.prepare import prepare
from hub.launch.processes import process_parts
from hub.launch.report import Report
from hub.launch.supervisor import Supervisor
from hub.settings import Settings
from hub.store.embedded import EmbeddedPostgres


class StoppedEarly(BaseException):
    """A stop was asked for during the start; not an Exception, so that nothing on the way keeps it."""


class Hub:
    """The hub's processes; a context manager. `settings` name the engines once it has started.

    `bare`: engines, tables, topics and agency registry only; who asks for it starts processes of its own.
    """

    def __init__(
        self,
        settings: Settings,
        console: Console | None = None,
        *,
        with_prometheus: bool = False,
        bare: bool = False,
    ) -> None:
        self.settings = settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})
        self.report = Report(console)
        self._supervisor = Supervisor(self.report)
        self._stack = contextlib.ExitStack()
        self._asked = 0
        self._started = False
        self._with_prometheus = with_prometheus
        self._bare = bare
        self.prometheus_url: str | None = None
        """The address of Prometheus, once it was started with the hub."""

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute."""
        return self.settings.data_dir

    @property
    def api_url(self) -> str:
        """The address of the API, without a slash at the end."""
        host = self.settings.api.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.api.port}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        with disk_errors(self.data_dir):
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._stack.enter_context(only_hub(self.data_dir))
            require_space(self.data_dir, self.settings.min_free_mb)
            self._choose_api_port()
            if self._with_prometheus:
                prometheus.program()  # a missing one is told before anything starts
            self._start_engines()
            write_env_file(self.settings)
            prepare(self.settings, self.report)
            if not self._bare:
                self._start_processes()
            self._start_prometheus()
            self._supervisor.watch(DiskWatch(self.data_dir, self.settings.min_free_mb, self.report).look)
            self._started = True

    def _choose_api_port(self) -> None:
        api = self.settings.api
        try:
            loopback = ipaddress.ip_address(api.host).is_loopback
        except ValueError:
            loopback = api.host == "localhost"
        if not loopback:
            raise ConfigError(
                f"HUB_API__HOST: {api.host!r} is not an address of this machine alone.",
                do="Use 127.0.0.1 (the hub has no sign-in yet), and a gateway with sign-in for others.",
            )
        if api.port == 0:
            port = ports.kept(self.data_dir, "api")
            self.settings = self.settings.model_copy(update={"api": api.model_copy(update={"port": port})})
        ports.require_free(
            self.settings.api.port,
            "the API",
            "Stop that process, or set HUB_API__PORT (0 picks a free one).",
            api.host if ":" in api.host else "127.0.0.1",
        )

    def _start_engines(self) -> None:
        """Start PostgreSQL beside Kafka, which takes longer; both are parts before either starts."""
        kafka = None if self.settings.kafka.bootstrap else EmbeddedKafka(self.settings)
        if kafka:
            self.settings = kafka.settings
            with self.report.step("Kafka: its jars are there and are the locked ones") as count:
                kafka.resolve(count)
            self._supervisor.add(EnginePart("kafka", kafka, self.data_dir / "logs" / "kafka.log"))
        postgres = None if self.settings.postgres.url else EmbeddedPostgres(self.settings)
        if postgres:
            self.settings = postgres.settings
            self._supervisor.add(EnginePart("postgres", postgres, self.data_dir / "logs" / "postgres.log"))
        with ThreadPoolExecutor(1, "postgres") as beside:
            started = beside.submit(_start_postgres, postgres)
            if kafka:
                self._start_kafka(kafka)
            if postgres:
                with self.report.step("PostgreSQL: server is up"):
                    started.result()

    def _start_kafka(self, kafka: EmbeddedKafka) -> None:
        with self.report.step("Kafka: storage is formatted"):
            kafka.format()
        with self.report.step("Kafka: broker is up"):
            kafka.start()

    def _start_processes(self) -> None:
        folder = self.data_dir / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        parts = process_parts(self.settings, folder)
        for part in parts:
            self._supervisor.add(part)
            part.spawn()
        for part in parts:
            with self.report.step(f"{part.name}: at work"):
                part.wait_ready()

    def _start_prometheus(self) -> None:
        if not self._with_prometheus:
            return
        engine = prometheus.Prometheus(self.data_dir, self.api_url.removeprefix("http://"))
        self._supervisor.add(EnginePart("prometheus", engine, self.data_dir / "logs" / "prometheus.log"))
        with self.report.step("Prometheus: server is up"):
            engine.start()
        self.prometheus_url = engine.url

    def wait(self) -> None:
        """Return when a stop was asked for. Raises what makes the hub unable to go on."""
        self._supervisor.wait()
        if self._supervisor.failed:
            raise self._supervisor.failed

    def on_signal(self, *_: object) -> None:
        """SIGTERM, SIGINT: the first asks to stop (raises StoppedEarly in a start), the second hurries."""
        self._asked += 1
        if self._asked > 1:
            self._supervisor.hurry()
        elif self._started:
            self._supervisor.ask_stop()
        else:
            raise StoppedEarly

    def catch_signals(self) -> None:
        """Let SIGTERM and SIGINT stop the hub in order; call it before the start, in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of what runs: `kafka`, `postgres`, `gate-0` …, `api`, and `prometheus` if asked for."""
        return tuple(self._supervisor.names())

    def part(self, name: str) -> Part:
        """Return a part, for its process. Raises ConfigError for an unknown name."""
        return self._supervisor.part(name)

    def restart(self, name: str) -> None:
        """Stop one part in order and start it again; return when it works again."""
        self._supervisor.restart(name)
        self.wait_ready(name)

    def kill(self, name: str) -> None:
        """Kill one part with SIGKILL; it is started again by itself."""
        self._supervisor.kill(name)

    def wait_ready(self, name: str, seconds: float = 120) -> None:
        """Wait until a part that was started again works. Raises StartError when it does not."""
        part = self._supervisor.part(name)
        if isinstance(part, ProcessPart):
            part.wait_ready(seconds)

    def stop(self) -> None:
        """Stop everything in order, from the API to Kafka; then give the folder free."""
        self._supervisor.stop()
        self._stack.close()


def _start_postgres(postgres: EmbeddedPostgres | None) -> None:
    if postgres:
        postgres.init()
        postgres.start()
