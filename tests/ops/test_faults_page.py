"""docs/operate/faults.md names a test for each fault, and each named test exists."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs/operate/faults.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what happens")]


def test_every_fault_names_a_test_that_exists() -> None:
    """The last column of each row is `file::function`, below tests/."""
    assert len(ROWS) >= 25
    for row in ROWS:
        found = re.search(r"\| `([\w/]+\.py)::(test_\w+)` \|$", row)
        assert found, row
        assert f"def {found[2]}(" in (TESTS / found[1]).read_text(encoding="utf-8"), found[0]


def test_every_test_of_faults_stands_on_the_page() -> None:
    """A fault that is tested is also told."""
    for file in (TESTS / "integration/faults").glob("test_*.py"):
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"{file.name}::{name}" in PAGE, name
