"""Alert rules: promtool accepts them, each fires when it should and only then, each leads to its runbook."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.ops.queries import ROOT, RULES, names, rules, unknown

TESTS = sorted((ROOT / "ops/prometheus/tests").glob("*.yml"))
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (package prometheus)")


RULES_OF_ALL = rules()


def _alerts() -> dict[str, dict]:
    return {rule["alert"]: rule for rule in RULES_OF_ALL if "alert" in rule}


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
def test_an_alert_says_what_and_how_bad_and_leads_to_a_runbook(name: str):
    """It has summary, description, severity, and a page of this repository, with a heading of it."""
    alert = _alerts()[name]
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["labels"]["severity"] in {"page", "ticket"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not anchor or anchor in _headings(text)


def _headings(text: str) -> set[str]:
    return {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }


def test_the_index_of_alerts_has_each_with_its_severity_and_runbook():
    """docs/operate/README.md lists exactly the alerts that there are, and links where they link."""
    text = (ROOT / "docs/operate/README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| \[.+\]\((.+)\) \|$", text, re.MULTILINE)
    assert {name: (severity, f"docs/operate/{link}") for name, severity, link in listed} == {
        name: (alert["labels"]["severity"], alert["annotations"]["runbook_url"])
        for name, alert in _alerts().items()
    }


def test_every_expression_speaks_of_metrics_that_exist():
    """Whatever a rule asks for is documented (and so written), recorded, or Prometheus' own."""
    recorded = {rule["record"] for rule in RULES_OF_ALL if "record" in rule}
    for rule in RULES_OF_ALL:
        assert names(rule["expr"])
        assert unknown(rule["expr"], recorded) == set(), rule
