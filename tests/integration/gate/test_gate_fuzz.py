"""Ten thousand good and hostile events through the real gate: each is where its verdict says, whole."""

from __future__ import annotations

import pytest

from tests.fuzz.run import Line
from tests.fuzz.world import World

SEED = 1404
EVENTS = 10_000


@pytest.mark.slow
def test_ten_thousand_events_reach_the_verdict_stated_beforehand(hub):
    """The gate never stops; what is parked is parked whole; every good event behind it still arrives."""
    world = World("fuzz")
    registry = world.registry()
    hub.registry = type(hub.registry)(
        0,
        {**hub.registry.agencies, **registry.agencies},
        {**hub.registry.agreements, **registry.agreements},
    )
    hub.apply()
    gate = hub.start_gate()

    def alive():
        assert gate.poll() is None, hub.log()

    line = Line(hub.settings, world, SEED, alive)
    try:
        counts = line.batch(EVENTS // 2) + line.batch(EVENTS // 2)
    finally:
        line.close()
    assert line.judge.findings == []
    assert counts.total() == EVENTS
    assert {"too-large", "envelope", "source-mismatch", "frame", "unknown-schema", "decode", "invalid"} | {
        "not-allowed", "id-conflict",
    } == {reason for _, reason in counts} - {""}  # fmt: skip
    assert "a bug of the gate" not in hub.log()
