"""The benchmarks of audit, projector and memory, small: each is whole, and nothing is unaccounted."""

from __future__ import annotations

import pytest
from rich.console import Console

from hub.launch.bench.audit import audit
from hub.launch.bench.bench import Bench
from hub.launch.bench.memory import memory
from hub.launch.bench.projector import projector
from hub.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path, request):
    """Return a bench that takes a fiftieth of everything, or the share asked for."""
    tmp_path.chmod(0o755)
    return Bench(Settings(), tmp_path, Console(quiet=True), share=getattr(request, "param", 0.02))


def figures(result):
    """Return a result's findings by bound: those that are held to one, in order."""
    return [(each.value, each.bound) for each in result.findings if each.bound is not None]


def test_the_audit_is_measured_over_what_the_gate_decided(bench):
    """Both have a rate for each CPU second, and the audit finds nothing unaccounted."""
    result = audit(bench)
    assert [run.contender for run in result.runs] == [each.name for each in result.contenders]
    assert all(run.per_cpu_second > 0 for run in result.runs)
    (ratio, least), unaccounted = figures(result)
    assert ratio > 0
    assert (least, unaccounted) == (0.5, (0, 0))


# A batch takes 5,000 events, and a rate wants several.
@pytest.mark.parametrize("bench", [0.2], indirect=True)
def test_the_projector_is_measured_from_empty_tables_beside_a_loop_that_copies(bench):
    """Both come to the inbox's end, and PostgreSQL's own time is told of each."""
    result = projector(bench)
    assert [run.contender for run in result.runs] == [each.name for each in result.contenders]
    ((rate, least),) = figures(result)
    assert rate > 0
    assert least == 8000
    assert all(each.value > 0 for each in result.findings)


def test_the_gates_memory_is_looked_at_while_it_forgets(bench):
    """Its memory of duplicates was full for a while, and the most is no less than the end."""
    result = memory(bench)
    (most, limit), (_, slope) = figures(result)
    assert (limit, slope) == (400, 2)
    assert most >= result.findings[-1].value > 0
