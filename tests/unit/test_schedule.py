"""The order of a run names what exists, and keeps together what shares a broker."""

from __future__ import annotations

from pathlib import Path

from tests.schedule import LONGEST_FIRST, TOGETHER, rank, scope

ROOT = Path(__file__).parents[2]


def test_every_part_of_the_order_exists():
    """A renamed folder would silently lose its place."""
    assert [each for each in (*LONGEST_FIRST, *TOGETHER) if not (ROOT / each).exists()] == []


def test_the_demo_comes_first_and_what_is_not_named_last():
    """The longest single test must not begin when the other process has nothing left."""
    nodes = ["tests/unit/gate/test_x.py::a", "tests/integration/test_sdk.py::b", "tests/e2e/test_demo.py::c"]
    assert sorted(nodes, key=rank) == nodes[::-1]


def test_a_folder_with_a_broker_of_its_own_stays_in_one_process():
    """Other tests stay with their file."""
    assert scope("tests/integration/gate/test_a.py::x") == scope("tests/integration/gate/test_b.py::y[1]")
    assert scope("tests/integration/cases/test_live.py::x[a::b]") == "tests/integration/cases/test_live.py"
