"""Ratios of rounds, bounds, rates between commits, the page: what a benchmark makes of what it saw."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from hub.errors import ConfigError, StartError
from hub.launch.bench import page
from hub.launch.bench import run as benchmarks
from hub.launch.bench.model import Contender, Finding, Result, Run, ratio, result_of
from hub.launch.bench.profile import stages
from hub.launch.bench.run import run as run_benchmarks
from hub.launch.bench.stopwatch import Sample, run_of
from hub.settings import Settings


def runs(**rates):
    """Return runs of a second's length, by contender the rate of each round."""
    return [
        Run(name, number, rate, 1.0, 0.5) for name, each in rates.items() for number, rate in enumerate(each)
    ]


def test_a_ratio_is_the_median_of_the_ratios_of_the_same_round():
    """A slow machine in one round slows both contenders of it."""
    assert ratio(runs(gate=[100, 10, 300], peer=[200, 20, 100]), "gate", "peer") == 0.5


@pytest.mark.parametrize(
    ("value", "bound", "holds_when", "met"),
    [
        *((1.3, 1.3, "at least", True), (1.2, 1.3, "at least", False), (7, None, "at least", True)),
        *((0, 0, "at most", True), (3, 2, "at most", False)),
    ],
)  # fmt: skip
def test_a_finding_is_met_within_its_bound_and_always_without_one(value, bound, holds_when, met):
    """On the bound is within."""
    assert Finding("x", value, "×", bound, holds_when).met is met


def test_a_rate_is_measured_between_commits_without_the_first_ones():
    """Ten commits of a thousand events, one every tenth of a second, but the first took long."""
    samples = [Sample(0.0, 0, 1.0)] + [
        Sample(5 + each / 10, 1000 * each, 1 + each / 20) for each in range(1, 11)
    ]
    measured = run_of(samples, "gate", 2)
    assert measured.per_second == pytest.approx(10_000)
    assert measured.per_cpu_second == pytest.approx(20_000)
    assert measured.events == 7000
    with pytest.raises(StartError, match="committed 1 times only"):
        run_of(samples[:2], "gate", 2)


def result():
    return Result(
        "gate", "The gate", "How.",
        (Finding("gate against peer", 0.5, "×", 0.8), Finding("memory", 120.0, "MiB")),
        (Contender("gate", "this", "Everything."), Contender("peer", "1.2", "Nothing.")),
        tuple(runs(gate=[100, 110, 120], peer=[200, 220, 240])), ("x is absent.",), "p.svg",
    )  # fmt: skip


def test_a_result_comes_back_from_its_document_and_says_what_was_missed():
    """As JSON; the page has each contender's median, the rounds, the bound with its mark, the notes."""
    document = json.loads(json.dumps(result().document()))
    assert result_of(document) == result()
    assert not result().met
    text = page.page(
        {"measured_at": "2026-11-22T10:00:00Z", "machine": {"memory": "24 GiB"}, "results": [document]}
    )
    for expected in (
        "| gate against peer | 0.50 × | at least 0.8 × | ✗ |",
        "| peer 1.2 | 220 | 200, 220, 240 | 440 | Nothing. |",
        "- memory: 120 MiB", "- x is absent.", "![The gate](p.svg)", "- **memory**: 24 GiB",
    ):  # fmt: skip
        assert expected in text


@pytest.mark.parametrize(
    ("step", "consume"),
    [
        (
            "GateLoop.step (hub/broker/gating/loop.py:80)",
            "Outboxes.consume (hub/broker/gating/outboxes.py:77)",
        ),
        ("CPyDef_loop___GateLoop___step (peyvand.so)", "CPyDef_outboxes___Outboxes___consume (peyvand.so)"),
    ],
    ids=["source", "compiled"],
)
def test_a_stack_belongs_to_the_first_stage_that_is_in_it(step, consume):
    """Shares are of the loop's samples only."""
    loop = f"main (a.py:1);{step};"
    shares = dict(
        stages(
            [
                f"{loop}{consume} 30",
                f"{loop}record_of (r.py:1) 10",
                "other 99",
            ]
        )
    )
    assert shares["the client's own reading"] == 0.75
    assert shares["a message of the client's becomes a record"] == 0.25
    with pytest.raises(StartError, match="never saw"):
        stages(["other 99"])


def test_an_unknown_benchmark_is_refused_with_the_names_there_are():
    """Before anything is started."""
    with pytest.raises(ConfigError, match=r"no benchmark gat\..*Benchmarks: gate, two-gates"):
        run_benchmarks(Settings(), ["gat"], None)


def test_a_benchmark_that_cannot_be_run_is_told_and_the_others_go_on(monkeypatch, tmp_path):
    """By the hub's own words or with a bug's traceback; the page names it, and the run is no success."""

    def away(_):
        raise StartError("py-spy is not installed.", do="`make bench` installs it.")

    def broken(_):
        raise FileNotFoundError("gate.raw")

    good = Result("good", "What is good", "By looking.", (Finding("figure", 1.0, "s"),))
    monkeypatch.setattr(benchmarks, "BENCHMARKS", {"away": away, "broken": broken, "good": lambda _: good})
    console, report = Console(record=True, width=200), tmp_path / "page.md"
    assert not run_benchmarks(Settings(), [], console, report=report)
    said = console.export_text()
    assert "py-spy is not installed" in said
    assert "FileNotFoundError: gate.raw" in said
    text = report.read_text(encoding="utf-8")
    assert "- **could not be run**: away, broken" in text
    assert "## What is good" in text
    assert run_benchmarks(Settings(), ["good"], console)
