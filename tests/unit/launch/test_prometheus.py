"""Prometheus beside the hub: what it is told, and what is said where it is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from hub.errors import StartError
from hub.launch import prometheus
from hub.launch.up import Hub
from hub.settings import Settings


def test_a_missing_prometheus_is_told_before_anything_starts(tmp_path, monkeypatch):
    """The sentence names the package; no engine was begun."""
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(data_dir=tmp_path / "data", api={"port": 0})
    with pytest.raises(StartError, match="apt-get install prometheus"):
        Hub(settings, with_prometheus=True).__enter__()
    assert not (tmp_path / "data" / "kafka").exists()


def test_the_configuration_asks_the_api_and_judges_by_the_hubs_rules():
    """The job is called as a rule expects it; each rule file is there."""
    told = yaml.safe_load(prometheus.configuration("[::1]:8080"))
    (job,) = told["scrape_configs"]
    assert (job["job_name"], job["static_configs"][0]["targets"]) == ("hub", ["[::1]:8080"])
    assert {Path(file).name for file in told["rule_files"]} >= {
        "ledger.yml",
        "slo.yml",
        "flow.yml",
        "cases.yml",
    }


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (package prometheus)")
def test_promtool_accepts_the_configuration(tmp_path):
    """The file and all it names."""
    file = tmp_path / "prometheus.yml"
    file.write_text(prometheus.configuration("127.0.0.1:8080"), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_what_keeps_it_from_starting_is_told(tmp_path):
    """A damaged data folder is one sentence with the fault of its log; nothing is left running."""
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus" / "data").touch()
    engine = prometheus.Prometheus(tmp_path, "127.0.0.1:1")
    with pytest.raises(StartError, match=r"did not start: .*not a directory") as error:
        engine.start()
    assert "prometheus.log" in str(error.value)
    assert engine.process.poll() is not None
