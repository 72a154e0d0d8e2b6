"""Every metric of the hub, written only through `Metrics`; the only importer of prometheus_client.

Under `hub up` the processes share one folder (`PROMETHEUS_MULTIPROC_DIR`) and the API serves them together;
a process on its own serves its own. Names and labels are contract (docs/reference/metrics.md);
never an id or a person as label.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = CONTENT_TYPE_LATEST
_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The named places where a figure may be written."""

    def __init__(self) -> None:
        self._gate_events = Counter("hub_gate_events", "Events decided by the gate.", ["verdict", "reason"])
        self._gate_batch = Histogram(
            "hub_gate_batch_seconds", "Duration of one gate transaction.", buckets=_LATENCY_BUCKETS
        )
        self._end_to_end = Histogram(
            "hub_end_to_end_seconds",
            "From an event's append to the outbox until it is visible in the inboxes.",
            buckets=_LATENCY_BUCKETS,
        )
        self._dedupe_window = Gauge(
            "hub_gate_dedupe_window_seconds",
            "How far back a duplicate is recognised: the shortest reach over the gate's partitions.",
            multiprocess_mode="livemin",
        )
        self._gate_clock = Gauge(
            "hub_gate_clock_offset_seconds",
            "How far a gate's clock differs from the broker's, either way: the farthest.",
            multiprocess_mode="livemax",
        )
        self._registry_version = Gauge(
            "hub_gate_registry_version",
            "Version of the agency registry that the gate decides by.",
            multiprocess_mode="livemin",
        )
        self._projector_events = Counter(
            "hub_projector_events", "Deliveries written by the projector to PostgreSQL.", ["kind"]
        )
        self._projector_batch = Histogram(
            "hub_projector_batch_seconds", "Duration of one projector transaction.", buckets=_LATENCY_BUCKETS
        )
        self._sequence_faults = Counter(
            "hub_projector_sequence_faults", "Gaps and repeats of hub-seq that the projector met.", ["kind"]
        )
        self._parked_open = Gauge(
            "hub_parked_open",
            "Parked events that nobody has settled yet.",
            ["agency", "reason"],
            multiprocess_mode="mostrecent",
        )
        self._parked_oldest = Gauge(
            "hub_parked_oldest_seconds",
            "Age of the oldest parked event that is open.",
            ["agency", "reason"],
            multiprocess_mode="mostrecent",
        )
        self._deliveries = Gauge(
            "hub_route_deliveries",
            "Deliveries of a route by state.",
            ["route", "state"],
            multiprocess_mode="mostrecent",
        )
        self._services = Gauge(
            "hub_services", "Services in the catalogue by state.", ["state"], multiprocess_mode="mostrecent"
        )
        self._agencies = Gauge(
            "hub_agencies_connected",
            "Agencies that have published at least one event.",
            multiprocess_mode="mostrecent",
        )
        self._oldest_pending = Gauge(
            "hub_inbox_oldest_pending_seconds",
            "Age of the oldest delivery an agency has not committed past.",
            ["agency"],
            multiprocess_mode="mostrecent",
        )

    def parked(self, agency: str, reason: str, count: int, seconds: float) -> None:
        """Set how many of an agency's events of a class are parked and open, and the age of the oldest."""
        self._parked_open.labels(agency, reason).set(count)
        self._parked_oldest.labels(agency, reason).set(seconds)

    def gate_decided(self, verdict: str, reason: str, count: int) -> None:
        """Count events by verdict; `reason` is empty unless parked."""
        self._gate_events.labels(verdict, reason).inc(count)

    def gate_batch(self, seconds: float) -> None:
        """Observe the duration of one gate transaction."""
        self._gate_batch.observe(seconds)

    def end_to_end(self, seconds: Iterable[float]) -> None:
        """Observe append-to-visible times."""
        for value in seconds:
            self._end_to_end.observe(value)

    def dedupe_window(self, seconds: float) -> None:
        """Set the reach of duplicate recognition."""
        self._dedupe_window.set(seconds)

    def gate_clock_offset(self, seconds: float) -> None:
        """Set how far this gate's clock differs from the broker's, as a positive number."""
        self._gate_clock.set(seconds)

    def registry_version(self, version: int) -> None:
        """Set the version of the agency registry in force."""
        self._registry_version.set(version)

    def projected(self, kind: str, count: int) -> None:
        """Count rows written, by kind: `feed`, `catalogue`; and deliveries `parked`."""
        self._projector_events.labels(kind).inc(count)

    def projector_batch(self, seconds: float) -> None:
        """Observe the duration of one projector transaction."""
        self._projector_batch.observe(seconds)

    def sequence_fault(self, kind: str) -> None:
        """Count one fault of hub-seq, by kind: `gap`, `repeat`."""
        self._sequence_faults.labels(kind).inc()

    def route_deliveries(self, route: str, states: Mapping[str, int]) -> None:
        """Set the ledger terms of one route."""
        for state, count in states.items():
            self._deliveries.labels(route, state).set(count)

    def services(self, states: Mapping[str, int]) -> None:
        """Set the catalogue's services by state."""
        for state, count in states.items():
            self._services.labels(state).set(count)

    def agencies_connected(self, count: int) -> None:
        """Set how many agencies have published."""
        self._agencies.set(count)

    def oldest_pending(self, agency: str, seconds: float) -> None:
        """Set the age of an agency's oldest pending delivery; 0 when none waits."""
        self._oldest_pending.labels(agency).set(seconds)


@cache
def metrics() -> Metrics:
    """Return the process's metrics."""
    return Metrics()


def exposition() -> bytes:
    """Return the metrics in Prometheus text format: of all processes where they share a folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def serve(port: int) -> None:
    """Serve this process's metrics on loopback; 0 does nothing."""
    if port:
        start_http_server(port, addr="127.0.0.1")


def process_ended(pid: int, folder: Path) -> None:
    """Forget the live gauges of a process that has ended; `folder` is what the processes share."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
