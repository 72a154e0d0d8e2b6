"""The reference of cases says what each note and each state means."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from hub.journeys import notes
from hub.journeys.rows import StepState

PAGE = (Path(__file__).resolve().parents[3] / "docs/reference/cases.md").read_text(encoding="utf-8")


def test_every_note_has_its_meaning_on_the_page():
    """One row for each, and no row for a note that does not exist."""
    table = PAGE.partition("## What odd events mean")[2]
    rows = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert rows == notes.ALL


def test_every_state_of_a_step_has_its_meaning_on_the_page():
    """As they stand in rows."""
    assert all(f"| `{state}` |" in PAGE for state in get_args(StepState))
