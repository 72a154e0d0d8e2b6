"""docs/benchmarks.md: what one run of `hub bench` found, as it found it."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from hub.launch.bench.model import Finding, Result, Run, result_of

_HEAD = """# Benchmarks

Written by `make bench` ({date}); nothing here was typed. Contenders take turns over the same events in one
run, and what counts are the ratios of the same round: absolute figures are this machine's alone.

{machine}

For all alike: SASL on, `acks=all`, offsets committed, deliveries awaited, `lz4`, values of about 180 bytes of
Avro with 7 headers, 4 partitions.
"""


def page(document: dict[str, Any]) -> str:
    """Return the page of a run's JSON document."""
    parts = "\n".join(f"- **{name}**: {value}" for name, value in document["machine"].items())
    share = document.get("share", 1)
    if share != 1:
        parts += f"\n- **sizes**: {share:g} of the whole run's, in events and rounds"
    if document.get("failed"):
        parts += f"\n- **could not be run**: {', '.join(document['failed'])}"
    head = _HEAD.format(date=document["measured_at"][:10], machine=parts)
    results = [result_of(each) for each in document["results"]]
    return "\n".join([head, *_summary(results), *(line for each in results for line in _section(each))])


def figure(finding: Finding) -> str:
    """Return a finding's figure with its unit."""
    text = (
        f"{finding.value:,.2f}"
        if abs(finding.value) < 100 and finding.value != int(finding.value)
        else f"{finding.value:,.0f}"
    )
    return f"{text} {finding.unit}".strip()


def bound(finding: Finding) -> str:
    """Return what a finding is held to."""
    if finding.bound is None:
        return ""
    return f"{finding.holds_when} {finding.bound:,g} {finding.unit}".strip()


def mark(finding: Finding) -> str:
    """Return whether a finding is within its bound, as a mark."""
    if finding.bound is None:
        return ""
    return "✓" if finding.met else "✗"


def _summary(results: list[Result]) -> Iterator[str]:
    yield "| what | measured | held to | |"
    yield "|---|---|---|---|"
    for result in results:
        for finding in result.findings:
            if finding.bound is not None:
                yield f"| {finding.what} | {figure(finding)} | {bound(finding)} | {mark(finding)} |"
    yield ""


def _section(result: Result) -> Iterator[str]:
    yield f"## {result.title}"
    yield ""
    yield result.how
    yield ""
    if result.runs:
        yield from _runs(result)
    if result.picture:
        yield f"![{result.title}]({result.picture})"
        yield ""
    rest = [finding for finding in result.findings if finding.bound is None]
    for finding in rest:
        yield f"- {finding.what}: {figure(finding)}"
    if rest:
        yield ""
    for note in result.notes:
        yield f"- {note}"
    if result.notes:
        yield ""


def _runs(result: Result) -> Iterator[str]:
    yield "| contender | events/s | rounds | events a CPU second | what it does |"
    yield "|---|---|---|---|---|"
    for contender in result.contenders:
        runs = [run for run in result.runs if run.contender == contender.name]
        if runs:
            yield f"| {_named(contender.name, contender.version)} | {_of(runs)} | {contender.does} |"
    yield ""


def _named(name: str, version: str) -> str:
    return name if version == "this" else f"{name} {version}"


def _of(runs: list[Run]) -> str:
    rates = [run.per_second for run in runs]
    rounds = ", ".join(f"{rate:,.0f}" for rate in rates)
    return f"{median(rates):,.0f} | {rounds} | {median(run.per_cpu_second for run in runs):,.0f}"
