"""Nothing that a user can name goes undocumented."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from hub.metrics import metrics

ROOT = Path(__file__).resolve().parents[2]


def _packages() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    return sorted({re.split(r"[\[<>=!~ ]", line)[0] for line in lines})


@pytest.mark.parametrize("package", _packages())
def test_every_dependency_has_a_reason(package: str) -> None:
    """A package in pyproject.toml has its line in docs/reference/dependencies.md."""
    text = (ROOT / "docs/reference/dependencies.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {re.escape(package)} \| .{{10,}} \|$", text, re.MULTILINE)


def test_no_reason_is_left_for_a_package_that_is_gone() -> None:
    """The page lists no package that pyproject.toml does not."""
    text = (ROOT / "docs/reference/dependencies.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([a-z][a-z0-9-]*) \| ", text, re.MULTILINE)) - {"package"}
    assert listed == set(_packages())


def test_every_metric_is_documented_and_no_other() -> None:
    """docs/reference/metrics.md names exactly the families that the code can write."""
    metrics()
    families = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith("hub_")
    }
    text = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(hub_[a-z_]+)` \|", text, re.MULTILINE)) == families


def test_readme_names_only_make_targets_that_exist() -> None:
    """Every `make X` of README and quickstart is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in ("README.md", "docs/quickstart.md"):
        used = re.findall(r"\bmake ([a-z]+)\b", (ROOT / page).read_text(encoding="utf-8"))
        assert set(used) <= targets


def test_links_between_pages_lead_somewhere() -> None:
    """A relative link in any Markdown page names a file or folder that exists."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"


def test_no_lock_file_records_a_download_address() -> None:
    """Lock files pin by hash and name no host."""
    for lock in [*(ROOT / "requirements").glob("*.lock"), *(ROOT / "hub").rglob("*.lock")]:
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
