"""The benchmarks of the SDK, of the start and of a large registry: whole, and honest about a failure."""

from __future__ import annotations

import pytest
from rich.console import Console

from hub.errors import StartError
from hub.launch.bench import start
from hub.launch.bench.bench import Bench
from hub.launch.bench.publisher import publisher
from hub.settings import Settings


@pytest.fixture
def bench(tmp_path):
    """Return a bench that takes a fiftieth of everything."""
    tmp_path.chmod(0o755)
    return Bench(Settings(), tmp_path, Console(quiet=True), share=0.02)


@pytest.mark.slow
def test_the_sdk_and_a_bare_client_publish_all_events_and_the_sdk_receives_them(bench):
    """Everybody has a rate and CPU time for all events; one figure is held to a bound, the others inform."""
    result = publisher(bench)
    assert [run.contender for run in result.runs] == [each.name for each in result.contenders]
    assert [run.events for run in result.runs[:2]] == [bench.events(60_000)] * 2
    assert all(run.per_second > 0 and run.per_cpu_second > 0 for run in result.runs)
    assert [each.bound for each in result.findings] == [0.8, None, None]
    assert all(each.value > 0 for each in result.findings)


def test_a_hub_that_does_not_start_is_told_with_its_own_words(bench):
    """The benchmark of the start ends with what `hub up` said, and leaves nothing running."""
    (bench.folder / "start-1").mkdir()
    (bench.folder / "start-1" / "data").write_text("a file where the data folder should be")
    with pytest.raises(StartError, match=r"`hub up` ended: .*data"):
        start._up(bench, bench.folder / "start-1")
