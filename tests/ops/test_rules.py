"""Alert rules: promtool accepts them, each fires when it should and only then, each leads to its runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "ops/prometheus/rules").glob("*.yml"))
TESTS = sorted((ROOT / "ops/prometheus/tests").glob("*.yml"))
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (package prometheus)")


def _alerts() -> dict[str, dict]:
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def _run(*arguments: object) -> None:
    done = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_accepts_the_rules():
    """Every rule file passes promtool's check with every lint."""
    _run("check", "rules", "--lint=all", "--lint-fatal", *RULES)


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then():
    """The rules' own tests hold."""
    _run("test", "rules", *TESTS)


def test_each_alert_is_tested_both_ways():
    """For each alert there is a moment at which it must fire and one at which it must not."""
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    for file in TESTS:
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for each in test.get("alert_rule_test", []):
                seen[bool(each["exp_alerts"])].add(each["alertname"])
    assert seen[True] == seen[False] == set(_alerts())


@pytest.mark.parametrize("name", sorted(_alerts()))
def test_an_alert_leads_to_a_runbook(name: str):
    """The annotation names a page of this repository, and a heading of it where it names one."""
    page, _, anchor = _alerts()[name]["annotations"]["runbook"].partition("#")
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    assert not anchor or anchor in headings


@pytest.mark.parametrize("name", sorted(_alerts()))
def test_an_alert_speaks_of_metrics_that_exist(name: str):
    """Every metric of an expression is documented, and so written by the code."""
    known = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\bhub_[a-z_]+", _alerts()[name]["expr"]))
    assert used
    assert {metric for metric in used if f"`{metric}`" not in known} == set()
