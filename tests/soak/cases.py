"""The process `cases` alone: a gate and a load beside it, killed in the middle of something; then the judge.

The load, the kills and the judge are those of tests/integration/cases/test_crash.py.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hub.broker.desired import acls
from hub.broker.desired.apply import apply
from hub.contracts import topics
from hub.host.process import configure_logging
from tests.conftest import _running_engines
from tests.integration.cases.house import House, registry
from tests.integration.cases.killing import KINDS, Judged, Killer, judge
from tests.integration.conftest import fresh


@dataclass
class Outcome:
    """What a run found; it is well if `findings` is empty."""

    killer: Killer
    judged: Judged
    findings: list
    seconds: float


def run(seed, count, console=None, *, folder=None):
    """Kill `count` times and judge; with a `folder` (new or empty) data and logs are kept there."""
    begin, console = time.monotonic(), console or Console(stderr=True)
    configure_logging("critical")
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peyvand-soak-")))
        folder.mkdir(parents=True, exist_ok=True)
        engines = stack.enter_context(_running_engines(folder / "hub"))
        acls.ensure_acls(engines.settings, acls.hub_acls(), topics.HUB_PRINCIPALS)
        apply(engines.settings, registry())
        house = stack.enter_context(closing(House(fresh(engines.settings), folder)))
        killer = Killer(house, seed)
        off = killer.kill(count, lambda line: console.print(line, highlight=False, soft_wrap=True))
        console.print("The judge looks.")
        judged = judge(house)
    return Outcome(killer, judged, off + judged.findings, time.monotonic() - begin)


def table(outcome, seed):
    """Return the run as text: kills, what was there, what was found."""
    killer, judged = outcome.killer, outcome.judged
    lines = [
        f"cases alone, seed {seed}, {outcome.seconds:.0f} s",
        "",
        " no      at  writing  unsaid  there  unread  worked after",
    ]
    for number, each in enumerate(killer.killed, 1):
        writing = "yes" if each.writing else "-"
        lines.append(
            f"{number:>3} {each.at:>6.1f}s  {writing:>7}  {each.unsaid:>6}  {each.there:>5}  {each.unread:>6}"
            f"  {each.worked:>10.1f}s"
        )
    lines += ["", f"of {len(killer.killed)} kills"]
    kinds = KINDS | {"busy": "in the middle of something"}
    lines += [f"  {killer.count(kind)} {what}" for kind, what in kinds.items()]
    lines += [
        "",
        f"  {killer.load.cases:,} cases, {killer.load.told:,} ticks, {judged.records:,} records folded again",
        f"  notices: {judged.notices:,} decided, {judged.said:,} on the hub's outbox",
    ]
    lines += [f"  OFF {finding}" for finding in outcome.findings] or ["  nothing is off"]
    return "\n".join(lines)
