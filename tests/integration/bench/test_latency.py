"""The benchmarks of latency and of neighbours, small: they are whole, and nothing is lost meanwhile."""

from __future__ import annotations

import pytest
from rich.console import Console

from hub.launch.bench import latency
from hub.launch.bench.bench import Bench
from hub.launch.bench.neighbours import neighbours
from hub.settings import Settings

pytestmark = pytest.mark.slow


def _bench(folder):
    return Bench(Settings(), folder, Console(quiet=True), share=0.02)


def test_latency_is_told_by_percentile_and_stage(tmp_path, monkeypatch):
    """Every event comes; p50 and p99 are held to bounds, and a stage takes no longer than the whole."""
    monkeypatch.setattr(latency, "RATES", (1000,))
    result = latency.latency(_bench(tmp_path))
    held = [finding for finding in result.findings if finding.unit == "ms" and finding.bound is not None]
    assert [finding.bound for finding in held] == [50, 250]
    assert all(finding.value > 0 for finding in held)
    value = {finding.what: finding.value for finding in result.findings}
    what = "outbox to inbox at 1,000 events/s"
    stages = [name for name in value if name.startswith(f"{what}, of it") and name.endswith("p50")]
    assert len(stages) == 2
    assert all(0 <= value[name] <= value[f"{what}: p99"] for name in stages)
    assert [run.contender for run in result.runs] == [each.name for each in result.contenders]
    assert len(result.runs) == 2
    assert value["unaccounted events that the audit finds afterwards"] == 0
    assert not (tmp_path / "latency").exists()


def test_neighbours_are_watched_in_quiet_beside_a_drain_and_beside_a_flood(tmp_path):
    """The ratio with a quota is held to its bound; without one and beside a flood there are figures."""
    result = neighbours(_bench(tmp_path))
    held, *informing = result.findings
    assert (held.bound, held.unit) == (2, "×")
    assert held.value > 0
    # So small a flood may be over before others wait for it.
    assert all(finding.value >= 0 for finding in informing)
    assert all(finding.bound is None for finding in informing)
    assert not (tmp_path / "neighbours").exists()
