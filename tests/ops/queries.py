"""What expressions ask for: the rules' and the dashboards', and the names that they may use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "ops/prometheus/rules").glob("*.yml"))
BOARDS = sorted((ROOT / "ops/grafana/dashboards").glob("*.json"))
_SUFFIXES = ("_bucket", "_sum", "_count")


def rules() -> list[dict[str, Any]]:
    """Return every recording and alerting rule."""
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panels(board: Path) -> list[dict[str, Any]]:
    """Return a dashboard's panels that show something."""
    found = json.loads(board.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> list[tuple[str, str]]:
    """Return dashboard and expression, each once, with an interval in the place of Grafana's variable."""
    return sorted(
        {
            (board.stem, target["expr"].replace("$__rate_interval", "1m"))
            for board in BOARDS
            for panel in panels(board)
            for target in panel["targets"]
        }
    )


def names(expression: str) -> set[str]:
    """Return the metrics that an expression asks for: `hub_…`, `hub:…`, `up`."""
    return set(re.findall(r"\bhub[_:][a-z0-9_:]+|\bup\b", expression))


def unknown(expression: str, recorded: set[str]) -> set[str]:
    """Return the names in it that nobody writes: not documented, not recorded, not Prometheus' own."""
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    kinds = dict(re.findall(r"^\| `(hub_[a-z_]+)` \| (\w+) \|", page, re.MULTILINE))
    known = recorded | {"up"} | {name for name, kind in kinds.items() if kind != "histogram"}
    known |= {name + suffix for name, kind in kinds.items() if kind == "histogram" for suffix in _SUFFIXES}
    return names(expression) - known
