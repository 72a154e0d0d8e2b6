"""The benchmarks of cases, small: each is whole, and what it measures has done its work."""

from __future__ import annotations

import pytest
from rich.console import Console

from hub.errors import StartError
from hub.launch.bench.bench import Bench
from hub.launch.bench.cases import cases
from hub.launch.bench.figures import figures
from hub.launch.bench.open_cases import Look, growth, open_cases
from hub.launch.bench.ticks import ticks
from hub.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path):
    """Return a bench that takes a twentieth of everything."""
    tmp_path.chmod(0o755)
    return Bench(Settings(), tmp_path, Console(quiet=True), share=0.05)


def bounds(result):
    """Return what a result's findings with a bound are held to, in order."""
    return [each.bound for each in result.findings if each.bound is not None]


def test_cases_are_measured_live_and_built_again_and_both_come_to_the_same_rows(bench):
    """Every contender has a rate and CPU time; no row differs."""
    result = cases(bench)
    assert [run.contender for run in result.runs] == [each.name for each in result.contenders]
    assert all(run.per_second > 0 and run.per_cpu_second > 0 for run in result.runs)
    assert bounds(result) == [2000, 8000, 0]
    live, _, different = result.findings[:3]
    assert live.value > 0
    assert (different.what, different.value) == ("rows that differ, live and rebuilt", 0)


def test_open_cases_are_opened_and_go_on_while_memory_is_looked_at(bench):
    """Every event is folded; the growth of memory is a percentage."""
    result = open_cases(bench)
    assert result.findings[0].what.startswith("15,000 open cases")
    assert bounds(result) == [2]
    assert all(each.value > 0 for each in result.findings[1:])


def test_a_tick_makes_a_notice_of_every_deadline_that_it_passes(bench):
    """A tick takes some time, and one with more deadlines more; the benchmark itself counts the notices."""
    result = ticks(bench)
    assert bounds(result) == [2]
    assert all(each.value > 0 for each in result.findings)


def test_figures_are_refreshed_after_a_change(bench):
    """Refreshing and working out are measured, and every figure is published once."""
    result = figures(bench)
    assert bounds(result) == [1]
    assert all(each.value >= 0 for each in result.findings)
    assert "figures worked out and written" in result.findings[3].what


def test_growth_is_what_memory_gains_over_all_looks_as_a_share_of_it():
    """Memory that goes from 95 to 105 in a line has grown by a tenth; noise around a level, by nothing."""
    rising = [Look(0.0, events, 95 + events // 10) for events in range(0, 101, 10)]
    level = [Look(0.0, events, 100 + (-1) ** events) for events in range(11)]
    assert growth(rising) == pytest.approx(0.1)
    assert growth(level) == pytest.approx(0, abs=0.01)
    with pytest.raises(StartError, match="take more events"):
        growth(rising[:2])
