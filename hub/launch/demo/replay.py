"""`hub demo --log`: any event log through the whole hub by configuration only, and its figures."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from connectors.sdk import Config
from hub import resources
from hub.broker import credentials
from hub.broker.desired.apply import apply, in_force
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import AgencyCode, agency_code
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError
from hub.launch.demo import anylog, figures, logs, mapping, overlay, windows
from hub.launch.demo.anylog import Read, Source, Spool
from hub.launch.demo.clock import Clock
from hub.launch.demo.flow import Gate, through
from hub.launch.demo.progress import Show
from hub.launch.demo.publish import LogJob
from hub.launch.demo.settle import settled
from hub.launch.demo.workers import Workers
from hub.registry.model import Registry
from hub.registry.plan import plan
from hub.settings import Settings
from hub.store.engine import engine

_FOLDER = "demo"


@dataclass(frozen=True)
class Replay:
    """What a log is replayed by: the log, and the agency registry that it needs."""

    source: Source
    registry: Registry
    registry_dir: Path


@dataclass(frozen=True)
class Replayed:
    """What a replay found; `figures` as hub.launch.demo.figures gives them."""

    agency: AgencyCode
    log: Path
    read: Read
    published: int
    figures: dict[str, Any]
    parked: dict[str, int]
    unaccounted: int
    balanced: bool

    @property
    def holds(self) -> bool:
        """Whether the audit finds every sum to hold, nothing was refused, and every event was counted."""
        return bool(self.balanced and not self.unaccounted and not self.parked)

    def line(self) -> dict[str, Any]:
        """Return everything as one JSON object."""
        odd = {name: count for name, count in asdict(self.read.odd).items() if count}
        told = {"agency": self.agency, "log": self.log.name, "log_events": self.read.events}
        rest = {"published": self.published, "parked": self.parked, "unaccounted": self.unaccounted}
        left = {"left_out": odd, "unfit": self.read.unfit, "absent_columns": self.read.absent}
        return {**told, **self.figures, **rest, **left}


def prepare(settings: Settings, log: Path, mapping_file: Path, agency: str | None) -> Replay:
    """Return what a replay needs, before anything is started; raise ConfigError for what is wrong."""
    rules = mapping.load_checked(mapping_file, Contracts.load())
    code = agency or rules.agency
    if code is None:
        raise ConfigError(
            "the mapping names no agency.", where=str(mapping_file), do="Add `agency: CODE` to it."
        )
    if not log.is_file():
        raise ConfigError("there is no such log.", where=str(log))
    base = settings.registry_dir or resources.folder("registry")
    folder = settings.data_dir.expanduser().absolute() / _FOLDER / "registry"
    registry = overlay.write(base, folder, rules, agency_code(code), mapping_file.parent)
    return Replay(Source(log, rules, AgencyCode(code)), registry, folder)


def run(settings: Settings, replay: Replay, console: Console, *, days: int = windows.DAYS) -> Replayed:
    """Replay a log on a hub that is up; what an earlier run has published is not published again.

    Raises HubError when something ends it early; the next run goes on from there.
    """
    show, codec, source = Show(console), Codec(Contracts.load()), replay.source
    with show.step(f"Agency registry: agency {source.agency}"):
        # On a data folder that has a registry in force already, the log's agency and journey come beside.
        current = in_force(settings)
        if current is None or plan(current, replay.registry).changes:
            apply(settings, replay.registry)
    with show.step(f"{source.path.name}: read, mapped and put in the order of its times"):
        spool, read = anylog.spool(source, codec, settings.data_dir / _FOLDER / "spool")
        already = _already(settings, spool, read)
    due = read.events - sum(byte.bit_count() for byte in already)
    due = read.events - sum(byte.bit_count() for byte in already)
    published = _publish(settings, LogJob(spool, tuple(read.ends(days)), already), due, show)
    books = engine(settings)
    with show.step("Cases are folded, notices told, and the audit judges everything"):
        with Gate(settings, (source.agency,)) as gate:
            sheet = settled(gate, books)
        found = figures.of_log(books, source.agency, settings.indicators.zone)
    books.dispose()
    totals = sheet["totals"]
    return Replayed(
        agency=source.agency,
        log=source.path,
        read=read,
        published=published,
        figures=found,
        parked=dict(sheet["parked"]),
        unaccounted=sum(totals["unaccounted"].values()),
        balanced=bool(sheet["balanced"]),
    )


def _already(settings: Settings, spool: Spool, read: Read) -> bytes:
    """Return which places of the log lie on the outbox: bit n of byte n // 8."""
    marks = bytearray(math.ceil((read.events + 1) / 8))
    for name in logs.sent_already(settings, spool.agency):
        serial = spool.serial(name)
        if serial is not None and serial <= read.events:
            marks[serial // 8] |= 1 << serial % 8
    return bytes(marks)


def _publish(settings: Settings, job: LogJob, due: int, show: Show) -> int:
    """Publish what is due and return how much that was."""
    if due <= 0:
        return 0
    agency = job.spool.agency
    known = set(logs.sent_already(settings, topics.HUB))
    partitions = logs.partitions(settings, topics.outbox(topics.HUB))
    with (
        show.bars(due) as bars,
        Workers(bars) as workers,
        Gate(settings, (agency,)) as gate,
        Clock(_config(settings, topics.HUB), partitions, known) as clock,
    ):
        workers.publish(_config(settings, agency), job)
        through(workers, gate, clock, job.ends, lambda _: None)
        workers.wait_published()
        return workers.sent.total()


def _config(settings: Settings, agency: AgencyCode) -> Config:
    kafka = settings.kafka
    return Config(
        agency=agency,
        bootstrap=kafka.bootstrap or "",
        password=credentials.password(settings, agency),
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        ca_file=kafka.ca_file,
    )
