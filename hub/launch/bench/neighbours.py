"""One agency's haste and the others' latency: a recipient drains a backlog, a source floods its outbox."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import yaml

from hub.broker.desired.quotas import ensure_quotas
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.launch.bench import agencies, world
from hub.launch.bench.bench import Bench
from hub.launch.bench.contest import Gates
from hub.launch.bench.delays import percentile
from hub.launch.bench.ground import Ground
from hub.launch.bench.model import Contender, Finding, Result
from hub.registry.model import Quota

FLOOD = AgencyCode("bench-flood")
BACKLOG = 1_000_000
FLOODED = 1_000_000
RATE = 1000
ROUNDS = 3
SECONDS = 15.0
"""How long others are watched in quiet, and how long beside the hasty one."""
LEAVE_OUT_SECONDS = 5.0
MOST_RATIO = 2.0
QUOTA = Quota(consume_bytes_per_second=2_000_000, request_percentage=50)
"""The example's of docs/reference/agency-registry.md."""
_GATE = Contender("Peyvand's gate", "this", "")


class _Beside(NamedTuple):
    """Others' p99 in quiet and beside the hasty one, ms; what that one did, events/s and MB/s."""

    quiet: float
    during: float
    events: float
    megabytes: float

    @property
    def ratio(self) -> float:
        return self.during / self.quiet


def neighbours(bench: Bench) -> Result:
    """Measure the steady agencies' p99 in quiet, beside a drain with and without a quota, beside a flood."""
    registry = bench.folder / "neighbours-registry"
    _write_registry(registry)
    seconds, backlog = SECONDS * max(bench.share, 0.05), bench.events(BACKLOG)
    drains: dict[bool, list[_Beside]] = {True: [], False: []}
    with bench.ground("neighbours", registry) as ground:
        with Gates(_GATE).running(ground):
            ground.fill(backlog)
            ground.wait_decided()
            for number in range(1, bench.rounds(ROUNDS) + 1):
                for limited, beside in drains.items():
                    _limit(ground, limited=limited)
                    beside.append(_drain(ground, backlog, seconds))
                    how = "with" if limited else "without"
                    bench.say(f"round {number}: a drain {how} a quota: {_told(beside[-1])}")
        flood = _flood(ground, bench.events(FLOODED), seconds)
        bench.say(f"{flood:.0f} ms p99 beside a flood")
    return _result(drains, flood)


def _limit(ground: Ground, *, limited: bool) -> None:
    """Give the one who drains its quota, or none at all."""
    ensure_quotas(ground.settings, {world.MASKED_RECIPIENT: QUOTA if limited else Quota()})


def _drain(ground: Ground, backlog: int, seconds: float) -> _Beside:
    """Watch the steady agencies for so long, and as long again while the other recipient drains."""
    leave_out = min(LEAVE_OUT_SECONDS, seconds)
    with agencies.at_work(
        ground,
        "drain",
        kind="drain",
        login=world.MASKED_RECIPIENT,
        topic=topics.inbox(world.MASKED_RECIPIENT),
        count=backlog,
        seconds=seconds,
    ) as draining:
        with _steady(ground, leave_out + 2 * seconds + 1) as stream:
            draining.begin(time.time() + leave_out + seconds)
            ways = stream.ways(leave_out * 1000)
        began, ended, events, size = map(float, draining.lines()[0].split())
    quiet = [way.total for way in ways if way.at < began]
    during = [way.total for way in ways if began <= way.at <= ended]
    lasted = (ended - began) / 1000
    return _Beside(percentile(quiet, 0.99), percentile(during, 0.99), events / lasted, size / lasted / 1e6)


def _flood(ground: Ground, count: int, seconds: float) -> float:
    """Return the steady agencies' p99 while the gate works through an outbox that another source flooded."""
    with agencies.at_work(
        ground, "flood", kind="publish", login=FLOOD, topic=topics.outbox(FLOOD), count=count
    ) as flooding:
        flooding.lines(600)
    with Gates(_GATE).running(ground), _steady(ground, 2 * seconds) as stream:
        return percentile([way.total for way in stream.ways(seconds * 1000 / 4)], 0.99)


def _steady(ground: Ground, seconds: float) -> AbstractContextManager[agencies.Stream]:
    return agencies.stream(
        ground,
        login=world.RECIPIENT,
        topic=topics.inbox(world.RECIPIENT),
        per_second=RATE,
        count=int(RATE * seconds),
    )


def _write_registry(folder: Path) -> None:
    """Write the benchmarks' agencies, and a second source whose events the one who drains gets too."""
    world.write_registry(folder)
    for kind, more in (("agencies", {"code": FLOOD}), ("agreements", {"id": "flood", "from": FLOOD})):
        text = (folder / kind / "bench.yaml").read_text(encoding="utf-8")
        like = next(
            each
            for each in yaml.safe_load_all(text)
            if each.get("code") == world.SOURCE or each.get("to") == world.MASKED_RECIPIENT
        )
        made = yaml.safe_dump(like | more, allow_unicode=True, sort_keys=False)
        (folder / kind / "flood.yaml").write_text(made, encoding="utf-8")


def _result(drains: dict[bool, list[_Beside]], flood: float) -> Result:
    limited, unlimited = drains[True], drains[False]
    quiet = median(each.quiet for each in (*limited, *unlimited))
    return Result(
        name="neighbours",
        title="One agency's haste, the others' latency",
        how=(
            f"Others: {RATE:,} events/s from one source to one recipient, as in the benchmark of latency. In "
            f"each round they are watched in quiet for {SECONDS:.0f} s and as long again while another "
            f"recipient reads {BACKLOG:,} old deliveries on librdkafka as fast as it can (again from the "
            "beginning when it is through), once with a quota "
            f"({QUOTA.consume_bytes_per_second:,} bytes a second as they are on the wire, compressed, and "
            f"{QUOTA.request_percentage} % of a broker's thread) and once with none. Ratios are of the same "
            f"round. The flood: another source has put {FLOODED:,} events on its "
            "outbox, and the gate works through them."
        ),
        findings=(
            _ratio("others' p99 while one agency drains a backlog, against quiet", limited, MOST_RATIO),
            _ratio("the same without a quota", unlimited, None),
            Finding("others' p99 in quiet", round(quiet, 1), "ms"),
            *_drained("with its quota", limited),
            *_drained("without a quota", unlimited),
            Finding("others' p99 while the gate works through a flood of one source", round(flood, 1), "ms"),
        ),
    )


def _ratio(what: str, rounds: list[_Beside], bound: float | None) -> Finding:
    return Finding(what, round(median(each.ratio for each in rounds), 2), "×", bound, "at most")


def _drained(how: str, rounds: list[_Beside]) -> Iterator[Finding]:
    yield Finding(f"drained {how}", round(median(each.events for each in rounds)), "events/s")
    yield Finding(f"drained {how}", round(median(each.megabytes for each in rounds), 1), "MB/s, uncompressed")


def _told(beside: _Beside) -> str:
    return (
        f"others' p99 {beside.quiet:.0f} ms in quiet, {beside.during:.0f} ms beside "
        f"{beside.events:,.0f} events/s ({beside.megabytes:.1f} MB/s)"
    )
