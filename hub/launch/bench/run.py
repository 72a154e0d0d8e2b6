"""`hub bench`: which benchmarks there are, running some of them, the verdict."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hub.contracts.moments import rfc3339
from hub.errors import ConfigError, HubError
from hub.launch.bench import (
    audit,
    cases,
    figures,
    gate,
    latency,
    memory,
    neighbours,
    open_cases,
    page,
    profile,
    projector,
    publisher,
    registry,
    start,
    ticks,
)
from hub.launch.bench.bench import Bench
from hub.launch.bench.machine import machine
from hub.launch.bench.model import Finding, Result
from hub.settings import Settings

BENCHMARKS: Mapping[str, Callable[[Bench], Result]] = {
    "gate": gate.gate,
    "two-gates": gate.two_gates,
    "audit": audit.audit,
    "projector": projector.projector,
    "memory": memory.memory,
    "publisher": publisher.publisher,
    "start": start.start,
    "registry": registry.registry,
    "profile": profile.profile,
    "latency": latency.latency,
    "neighbours": neighbours.neighbours,
    "cases": cases.cases,
    "open-cases": open_cases.open_cases,
    "ticks": ticks.ticks,
    "figures": figures.figures,
}
"""Every benchmark by name, in the order in which they run and are told."""


def run(
    settings: Settings,
    names: Sequence[str],
    console: Console,
    *,
    results: Path | None = None,
    report: Path | None = None,
    share: float = 1.0,
) -> bool:
    """Run benchmarks (all without names), show their figures, and return whether every bound is met.

    `results` is a JSON file to write, `report` a Markdown page made of the same. A benchmark that cannot be
    run is told, and the others go on. Raises ConfigError for a name that is none.
    """
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise ConfigError(
            f"there is no benchmark {', '.join(unknown)}.", do=f"Benchmarks: {', '.join(BENCHMARKS)}."
        )
    measured: list[Result] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        bench = Bench(settings, Path(folder), console, share, pictures=report.parent if report else None)
        for name in names or BENCHMARKS:
            bench.say(f"— {name}")
            try:
                measured.append(BENCHMARKS[name](bench))
                show(measured[-1], console)
            except HubError as error:
                bench.say(str(error))
                failed.append(name)
            except Exception:  # noqa: BLE001 - the others took half an hour, or will
                console.print_exception()
                failed.append(name)
            _write({"share": share, "failed": failed}, measured, results, report)
    return not failed and all(each.met for each in measured)


def _write(
    how: Mapping[str, Any], measured: Sequence[Result], results: Path | None, report: Path | None
) -> None:
    document = {
        "measured_at": rfc3339(datetime.now(UTC)),
        "machine": machine(),
        **how,
        "results": [each.document() for each in measured],
    }
    if results is not None:
        results.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if report is not None:
        report.write_text(page.page(document), encoding="utf-8")


def show(result: Result, console: Console) -> None:
    """Print a benchmark's figures as a table."""
    table = Table(title=result.title, title_justify="left")
    for column in ("what", "measured", "at least / at most", ""):
        table.add_column(column, overflow="fold")
    for finding in result.findings:
        table.add_row(finding.what, figure(finding), bound(finding), mark(finding))
    console.print(table)
    for note in result.notes:
        console.print(note, highlight=False, markup=False)


figure, bound, mark = page.figure, page.bound, page.mark
__all__ = ["BENCHMARKS", "Finding", "run", "show"]
