"""The hub's own processes as parts, by the settings: what `hub up` starts and the benchmarks measure."""

from __future__ import annotations

from pathlib import Path

from hub.launch.allocator import allocator_environment
from hub.launch.environment import child_environment
from hub.launch.parts import METRICS_FOLDER, ProcessPart
from hub.settings import Settings


def process_parts(settings: Settings, metrics: Path) -> list[ProcessPart]:
    """Return every process of the hub, not started: the gates, then what comes behind them, then the API.

    `metrics` is the folder, empty, through which they share their metrics.
    """
    # An administrator's login for an external Kafka is ours alone: each process has its own principal.
    kafka = settings.kafka.model_copy(update={"username": None, "password": None})
    common = {
        **child_environment(settings.model_copy(update={"kafka": kafka})),
        **allocator_environment(),
        METRICS_FOLDER: str(metrics),
    }
    folder = settings.data_dir
    gates = [
        ProcessPart(f"gate-{slot}", "streams.gate", folder, common | {"HUB_GATE__SLOT": str(slot)})
        for slot in range(settings.gate.count)
    ]
    others = [
        ProcessPart(name, f"streams.{name}", folder, common)
        for name in ("projector", "audit", "cases", "indicators")
    ]
    return [*gates, *others, ProcessPart("api", "hub.api", folder, common)]
