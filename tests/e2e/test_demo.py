"""`hub demo --once` as a stranger runs it: from an installed wheel, in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIELDS = [
    *("read", "routed", "unclaimed", "duplicate", "parked", "accepted", "delivered", "pending", "rejected"),
    *("expired", "unaccounted", "cases", "events_per_second", "p50_ms", "p99_ms", "ticks", "notices"),
    *("journeys", "late", "judged", "handovers_units", "handovers_persons", "islands", "realisation_ratio"),
]
OBLIGATIONS, CONSULTATIONS = 23, 50
LOG_ROWS = 52_217 + 44_354 + 59_681 + 8_577
EXTRAS = 5_491 + 200 + OBLIGATIONS + CONSULTATIONS + 50 + 500 + 1 + 3 + 14
HAND_OVERS = 5_440, 3_149 + 2_308 + 3_405 + 1_208
"""Between units (the permit office's log alone names them) and between persons, as the oracle has them."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Build the wheel, install it with the locked packages in an environment of its own; return its `hub`."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements/run.lock"))
    run(*pip, "--no-deps", str(wheel))
    return folder / "venv/bin/hub"


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def demo(hub, folder):
    """Run the demo in a folder; return exit code, stdout's lines and stderr."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "PYTHON"))}
    done = subprocess.run(
        [str(hub), "demo", "--once"],
        cwd=folder,
        env=own | {"HUB_API__PORT": "0"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.slow
def test_the_demo_accounts_for_everything(hub, tmp_path):
    """Every sum holds by the audit, nothing is unaccounted, the figures are the declared ones."""
    code, lines, errors = demo(hub, tmp_path)
    assert code == 0, "\n".join([*lines, errors])
    told = json.loads(lines[-1])
    assert list(told) == FIELDS
    assert told["read"] == LOG_ROWS + EXTRAS + told["ticks"] + told["notices"]
    assert told["read"] == told["routed"] + told["unclaimed"] + told["duplicate"] + told["parked"]
    assert told["accepted"] == sum(told[name] for name in ("delivered", "pending", "rejected", "expired"))
    assert (told["unclaimed"], told["duplicate"], told["parked"], told["rejected"]) == (1, 500, 14, 3)
    assert (told["expired"], told["unaccounted"]) == (0, 0)
    assert told["cases"] == 1199 + 832 + 1409 + 1434
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    assert told["events_per_second"] > 0
    assert (told["late"], told["judged"], told["journeys"]) == (377, 1_329, 2)
    assert (told["handovers_units"], told["handovers_persons"]) == HAND_OVERS
    assert told["ticks"] > 0
    assert told["notices"] > told["late"]
    assert told["islands"] > 0
    assert 0 < told["realisation_ratio"] < 1
    page = "\n".join(lines)
    assert "every sum of the ledger holds, and no fault is open" in page
    assert "reference (brief), not measured here" in page
    assert "✗" not in page
