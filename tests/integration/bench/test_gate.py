"""The benchmark of the gate, small: it is whole, and the audit finds nothing afterwards."""

from __future__ import annotations

import pytest
from rich.console import Console

from hub.launch.bench.bench import Bench
from hub.launch.bench.gate import gate
from hub.settings import Settings

pytestmark = pytest.mark.slow


def test_the_gate_is_measured_beside_a_bare_loop_and_loses_nothing(tmp_path):
    """Both have a rate and CPU time; what the gate wrote holds; a peer without its library is named."""
    bench = Bench(Settings(), tmp_path, Console(quiet=True), share=0.05, only=("transactional",))
    result = gate(bench)
    assert {run.contender for run in result.runs} == {each.name for each in result.contenders}
    assert len(result.runs) == 2
    assert all(run.per_second > 0 and run.per_cpu_second > 0 for run in result.runs)
    against, unaccounted = result.findings
    assert against.bound == 0.3
    assert (unaccounted.value, unaccounted.met) == (0, True)
    assert not (tmp_path / "gate").exists()
