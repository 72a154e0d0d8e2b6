"""Dashboards: what is committed is what the code makes, and follows Grafana's own rules for dashboards."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.grafana.documents import documents
from tests.ops.queries import BOARDS, ROOT, expressions, names, panels, rules, unknown

PROMTOOL = shutil.which("promtool")
_PERSIAN_AND_ENGLISH = re.compile(r"[\u0600-\u06ff].* · .*[A-Za-z]")


def test_the_committed_dashboards_are_those_of_the_code():
    """`python -m ops.grafana` would change no file and add none."""
    made = documents()
    assert {board.name: board.read_text(encoding="utf-8") for board in BOARDS} == made
    assert set(made) == {"flow.json", "ledger.json", "cases.json", "programme.json"}


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_a_dashboard_can_stand_in_any_grafana(file: Path):
    """Its data source is a variable, nobody edits it, its address and its panels' numbers are its own."""
    board = json.loads(file.read_text(encoding="utf-8"))
    assert board["uid"] == f"peyvand-{file.stem}"
    assert not board["editable"]
    (variable,) = board["templating"]["list"]
    assert (variable["type"], variable["name"], variable["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert _PERSIAN_AND_ENGLISH.search(board["title"])


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_a_panel_says_what_it_shows(file: Path):
    """Title and meaning in both languages, a unit, queries, and the dashboard's own data source in each."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(file):
        assert _PERSIAN_AND_ENGLISH.search(panel["title"]), panel["title"]
        persian, english = panel["description"].split("\n\n")
        assert persian
        assert english.endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == source, panel["title"]
        assert panel["targets"], panel["title"]
        assert all(target["datasource"] == source for target in panel["targets"]), panel["title"]
        if panel["type"] != "stat":
            for target in panel["targets"]:
                labels = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"])))) - {
                    "le"
                }
                assert not labels or "{{" in target["legendFormat"], target["expr"]


@pytest.mark.parametrize(("board", "expression"), expressions())
def test_an_expression_asks_for_what_exists_and_adds_it_up(board: str, expression: str):
    """Known metrics only; rates are of counters; nothing shows a series for each process or each address."""
    assert names(expression)
    assert unknown(expression, {rule["record"] for rule in rules() if "record" in rule}) == set(), board
    for counter in re.findall(r"(\w+)\((hub_[a-z_]+_(?:total|bucket|count))\b[^\]]*\[", expression):
        assert counter[0] in {"rate", "increase"}, expression
    bare = re.findall(r"(?<!\()\bhub_[a-z_]+", expression)
    assert not bare, f"not within an aggregation: {bare}"


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (package prometheus)")
def test_promtool_accepts_every_expression(tmp_path: Path):
    """Each would do as a recording rule."""
    rules_ = [{"record": f"check:{n}", "expr": each} for n, (_, each) in enumerate(expressions())]
    file = tmp_path / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "check", "rules": rules_}]}), encoding="utf-8")
    done = subprocess.run([PROMTOOL, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_in_the_containers_finds_dashboards_and_source():
    """The provisioning files say the paths and the name that docker-compose.yml gives."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    folder = ROOT / "ops/grafana/provisioning"
    provider = yaml.safe_load((folder / "dashboards/hub.yml").read_text(encoding="utf-8"))["providers"][0]
    mounts = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert mounts["./ops/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./ops/grafana/provisioning"] == "/etc/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/hub.yml").read_text(encoding="utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose


def test_prometheus_in_the_containers_asks_every_process():
    """Its targets are the services that run one of the hub's processes; the rules are where it looks."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    config = yaml.safe_load((ROOT / "ops/prometheus/containers.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    processes = {
        f"{name}:{service['environment']['HUB_METRICS__PORT']}"
        for name, service in compose.items()
        if " ".join(service.get("command", [])).startswith(("python -m streams.", "python -m hub.api"))
    }
    assert job["job_name"] == "hub"
    assert set(job["static_configs"][0]["targets"]) == processes
    mounts = dict(volume.split(":")[:2] for volume in compose["prometheus"]["volumes"])
    assert config["rule_files"] == [f"{mounts['./ops/prometheus/rules']}/*.yml"]
