"""The projector into PostgreSQL, beside a bare loop that only copies the same records into a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import psutil
import yaml
from sqlalchemy import text

from connectors.sdk import Event
from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import copying, world
from hub.launch.bench.bench import Bench
from hub.launch.bench.database import server_seconds
from hub.launch.bench.ground import PARTITIONS, Ground
from hub.launch.bench.machine import version
from hub.launch.bench.model import Contender, Finding, Result, Run, rates, ratio
from hub.launch.bench.positions import Positions
from hub.launch.bench.stopwatch import Progress, run_of, watch
from hub.launch.environment import child_environment
from hub.launch.parts import ProcessPart
from hub.launch.rebuild.targets import PROJECTOR
from hub.store.engine import engine
from streams.projector import CONSUMER

ROUNDS = 3
EVENTS = 150_000
PER_SECOND = 8000
_SECONDS = 600.0
_DECLARED = "catalogue.service.declared.v1"
_SERVICES, _EVERY = 500, 20
_OURS = Contender(
    "Peyvand's projector",
    "this",
    "The process of `hub up`: decodes each delivery, checks its sequence, writes a row of the feed with its "
    "data as JSON under five indexes, folds the catalogue, moves its position in the same SQL transaction.",
)
_BARE = Contender(
    "confluent-kafka and COPY",
    version("confluent-kafka"),
    "A loop that copies key and value of each record, as they are, into a table with a primary key; nothing "
    "is decoded or checked, no header is read, and a crash doubles rows.",
)
_HOW = (
    f"Deliveries lie on the single window's inbox of 4 partitions; every {_EVERY}th declares one of "
    f"{_SERVICES} services. By turns both read them into empty tables, the server on the same machine; the "
    "rate is that between their commits, without the first ones."
)


def projector(bench: Bench) -> Result:
    """Measure the projector and the bare loop by rounds, from an empty database to the inbox's end."""
    registry = bench.folder / "projector-registry"
    write_registry(registry)
    runs: list[Run] = []
    server: dict[str, list[float]] = {}
    with bench.ground("projector", registry) as ground:
        _deliver(ground, bench.events(EVENTS))
        for number in range(1, bench.rounds(ROUNDS) + 1):
            for contender in (_OURS, _BARE) if number % 2 else (_BARE, _OURS):
                before = server_seconds(ground.settings)
                run = _run(ground, contender, number)
                taken = server_seconds(ground.settings) - before
                server.setdefault(contender.name, []).append(taken / ground.filled * 1e6)
                runs.append(run)
                bench.say(
                    f"round {number}: {contender.name}: {run.per_second:,.0f} events/s, "
                    f"{run.per_cpu_second:,.0f} a CPU second"
                )
    return Result(
        name="projector",
        title="The projector into PostgreSQL",
        how=_HOW,
        findings=tuple(_findings(runs, server)),
        contenders=(_OURS, _BARE),
        runs=tuple(runs),
    )


def write_registry(folder: Path) -> None:
    """Write the benchmarks' agency registry, with catalogue events and an agreement with the window."""
    world.write_registry(folder)
    types = [*world.TYPES, _DECLARED]
    agencies = folder / "agencies" / "bench.yaml"
    documents = list(yaml.safe_load_all(agencies.read_text(encoding="utf-8")))
    for each in documents:
        each["publishes"] = types if each["code"] == world.SOURCE else each["publishes"]
    agencies.write_text(yaml.safe_dump_all(documents, allow_unicode=True), encoding="utf-8")
    agreements = folder / "agreements" / "bench.yaml"
    like = next(yaml.safe_load_all(agreements.read_text(encoding="utf-8")))
    own = like | {"id": "bench-window", "to": str(topics.WINDOW), "events": dict.fromkeys(types, "all")}
    agreements.write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")


def events(first: int) -> Iterator[Event]:
    """Yield the benchmarks' events, some of them declarations of services."""
    for number, event in enumerate(world.events(first), first):
        if number % _EVERY:
            yield event
        else:
            service = f"service-{number // _EVERY % _SERVICES}"
            data = {"service_id": service, "title_fa": "سنجش", "title_en": "Measuring"}
            yield replace(event, type=_DECLARED, data=data, caseid=None, subject=service)


def _deliver(ground: Ground, count: int) -> None:
    """Have the gate deliver events to the window, and no more work to do than that."""
    ground.fill(count, events)
    gate = ground.start("gate-0")
    ground.wait_decided()
    ground.stop(gate)


def _run(ground: Ground, contender: Contender, number: int) -> Run:
    _forget(ground)
    # The last place of each partition is the marker that ends the gate's last transaction.
    whole = sum(end - 1 for end in ground.ends(copying.INBOX).values() if end)
    part = ground.start("projector", wait=False) if contender is _OURS else _copying(ground)
    try:
        if part.process is None:
            raise StartError(f"{part.name} does not run.")
        with _progress(ground, contender) as progress:
            samples = watch(progress, [psutil.Process(part.process.pid)], until=whole, seconds=_SECONDS)
    finally:
        part.stop(60)
    if samples[-1].events < whole:
        raise StartError(f"{part.name} has come to {samples[-1].events:,} of {whole:,} only.")
    return run_of(samples, contender.name, number)


def _progress(ground: Ground, contender: Contender) -> Positions | Progress:
    if contender is _OURS:
        return Positions(ground.settings, CONSUMER, copying.INBOX)
    return Progress(ground.settings, copying.GROUP, copying.INBOX)


def _copying(ground: Ground) -> ProcessPart:
    ground.skip_to(copying.GROUP, copying.INBOX, dict.fromkeys(PARTITIONS, 0))
    environment = child_environment(ground.settings)
    part = ProcessPart("copying", copying.__name__, ground.settings.data_dir, environment)
    part.spawn()
    return part


def _forget(ground: Ground) -> None:
    """Empty the tables of both."""
    database = engine(ground.settings, pool_size=1)
    try:
        with database.begin() as connection:
            for table in PROJECTOR.tables:
                connection.execute(text(f"TRUNCATE {table.name}"))
            connection.execute(
                text("DELETE FROM consumer_position WHERE consumer = ANY(:all)"),
                {"all": list(PROJECTOR.consumers)},
            )
            for statement in copying.MAKE.split(";"):
                connection.execute(text(statement))
    finally:
        database.dispose()


def _findings(runs: list[Run], server: dict[str, list[float]]) -> Iterator[Finding]:
    rate = median(rates(runs, _OURS.name).values())
    yield Finding("projector into PostgreSQL", round(rate), "events/s", PER_SECOND)
    yield Finding("projector against the bare loop", round(ratio(runs, _OURS.name, _BARE.name), 2), "×")
    for name, each in server.items():
        yield Finding(f"{name}: PostgreSQL's own CPU time", round(median(each), 1), "µs an event")
