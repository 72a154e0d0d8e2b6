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
from prometheus_client.samples import Sample

CONTENT_TYPE = CONTENT_TYPE_LATEST
# An hour, a working day, a day, and on to a year.
_WORK_BUCKETS = (60, 600, 3600, 28800, 86400, 259200, 604800, 1209600, 2592000, 7776000, 15552000, 31536000)
_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class _LateGauge(Gauge):
    """A gauge without labels that is not there before it is set: 0 would be read as a figure.

    Every gauge without labels is one: each process knows all families, and the least over the processes
    (`livemin`) would be the 0 of one that never had a figure to give.
    """

    _shown = False

    def _metric_init(self) -> None:
        """Make no value yet: where processes share a folder, making it would already show it."""

    def set(self, value: float) -> None:
        """Set the figure, and show it from now on."""
        if not self._shown:
            super()._metric_init()
            self._shown = True
        super().set(value)

    def _child_samples(self) -> Iterable[Sample]:
        return super()._child_samples() if self._shown else ()


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
        self._dedupe_window = _LateGauge(
            "hub_gate_dedupe_window_seconds",
            "How far back a duplicate is recognised: the shortest reach over the gate's partitions.",
            multiprocess_mode="livemin",
        )
        self._gate_clock = _LateGauge(
            "hub_gate_clock_offset_seconds",
            "How far a gate's clock differs from the broker's, either way: the farthest.",
            multiprocess_mode="livemax",
        )
        self._registry_version = _LateGauge(
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
        self._agencies = _LateGauge(
            "hub_agencies_connected",
            "Agencies that have published at least one event.",
            multiprocess_mode="mostrecent",
        )
        self._cases = Gauge(
            "hub_cases",
            "Cases by journey and state; stuck ones are open without an event for too long.",
            ["journey", "state"],
            multiprocess_mode="mostrecent",
        )
        self._case_events = Counter(
            "hub_case_events", "Deliveries of supervision's inbox that were folded, by kind.", ["kind"]
        )
        self._case_batch = Histogram(
            "hub_case_batch_seconds", "Duration of one transaction of cases.", buckets=_LATENCY_BUCKETS
        )
        self._case_steps = Histogram(
            "hub_case_step_seconds",
            "From a step's beginning to its completion, of steps completed while this process looked on.",
            ["journey", "step"],
            buckets=_WORK_BUCKETS,
        )
        self._handoffs = Histogram(
            "hub_handoff_seconds",
            "From the passing of a case to the first event of who holds it then, by holder.",
            ["holder"],
            buckets=_WORK_BUCKETS,
        )
        self._handovers = Gauge(
            "hub_handovers",
            "Hand-overs of work inside an agency's cases, by level: unit, person.",
            ["agency", "level"],
            multiprocess_mode="mostrecent",
        )
        self._case_clock = _LateGauge(
            "hub_case_clock_timestamp_seconds",
            "The programme's clock, by which deadlines are judged: the partition farthest behind.",
            multiprocess_mode="livemin",
        )
        self._case_sequence_faults = Counter(
            "hub_case_sequence_faults", "Gaps and repeats of hub-seq that cases met.", ["kind"]
        )
        self._notices_unsent = _LateGauge(
            "hub_notices_unsent",
            "Events of agency hub that cases came to and that are not on its outbox yet.",
            multiprocess_mode="mostrecent",
        )
        self._islands = _LateGauge(
            "hub_islands",
            "Sets of agencies strongly connected by what flowed in the period.",
            multiprocess_mode="mostrecent",
        )
        self._obligations = Gauge(
            "hub_obligations",
            "Obligations to the programme by owner and state.",
            ["agency", "state"],
            multiprocess_mode="mostrecent",
        )
        self._realisation = Gauge(
            "hub_programme_realisation_ratio",
            "Share of an agency's obligations that are fulfilled; agency `all`: of everybody's.",
            ["agency"],
            multiprocess_mode="mostrecent",
        )
        self._satisfaction = Gauge(
            "hub_satisfaction_ratio",
            "Mean rating of a service between its worst (0) and its best (1) possible.",
            ["service"],
            multiprocess_mode="mostrecent",
        )
        self._figures_refreshed = _LateGauge(
            "hub_indicators_last_refresh_timestamp_seconds",
            "When the figures were last refreshed, seconds since 1970.",
            multiprocess_mode="mostrecent",
        )
        self._disk_free = _LateGauge(
            "hub_disk_free_bytes",
            "Free space on the disk of the hub's data folder.",
            multiprocess_mode="mostrecent",
        )
        self._oldest_pending = Gauge(
            "hub_inbox_oldest_pending_seconds",
            "Age of the oldest delivery an agency has not committed past.",
            ["agency"],
            multiprocess_mode="mostrecent",
        )
        self._route_faults = Gauge(
            "hub_route_unaccounted_events",
            "Faults of a route's deliveries by kind, mended or not.",
            ["route", "kind"],
            multiprocess_mode="mostrecent",
        )
        self._route_repaired = Gauge(
            "hub_route_repaired_events",
            "Faults of a route's deliveries that were mended, by kind.",
            ["route", "kind"],
            multiprocess_mode="mostrecent",
        )
        self._intake_faults = Gauge(
            "hub_intake_unaccounted_events",
            "Faults of an agency's parked events and receipts by kind, mended or not.",
            ["agency", "kind"],
            multiprocess_mode="mostrecent",
        )
        self._intake_repaired = Gauge(
            "hub_intake_repaired_events",
            "Faults of an agency's parked events and receipts that were mended, by kind.",
            ["agency", "kind"],
            multiprocess_mode="mostrecent",
        )
        self._expired_unread = Gauge(
            "hub_intake_expired_unread_events",
            "Places of an agency's outbox that retention removed before the gate read them.",
            ["agency"],
            multiprocess_mode="mostrecent",
        )
        self._audit_complete = _LateGauge(
            "hub_audit_last_complete_timestamp_seconds",
            "When the audit last judged a cut whole, seconds since 1970.",
            multiprocess_mode="mostrecent",
        )
        self._audit_lag = _LateGauge(
            "hub_audit_cut_lag_seconds",
            "Age of the last cut that the audit judged whole.",
            multiprocess_mode="mostrecent",
        )
        # There from the start, so that the first fault is a rise from 0 and not a series that appears.
        for kind in ("gap", "repeat"):
            self._sequence_faults.labels(kind)
            self._case_sequence_faults.labels(kind)

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

    def cases(self, journey: str, states: Mapping[str, int]) -> None:
        """Set how many cases of a journey are in each state."""
        for state, count in states.items():
            self._cases.labels(journey, state).set(count)

    def case_events(self, kind: str, count: int) -> None:
        """Count deliveries by kind: case, programme, tick, parked."""
        self._case_events.labels(kind).inc(count)

    def case_batch(self, seconds: float) -> None:
        """Record the duration of a transaction of cases."""
        self._case_batch.observe(seconds)

    def case_step(self, journey: str, step: str, seconds: float) -> None:
        """Record how long a completed step took."""
        self._case_steps.labels(journey, step).observe(seconds)

    def handoff(self, holder: str, seconds: float) -> None:
        """Record how long a case waited for its new holder."""
        self._handoffs.labels(holder).observe(seconds)

    def handovers(self, agency: str, level: str, count: int) -> None:
        """Set how often work passed inside an agency's cases, from unit to unit or person to person."""
        self._handovers.labels(agency, level).set(count)

    def case_clock(self, moment: float) -> None:
        """Set the programme's clock, seconds since 1970."""
        self._case_clock.set(moment)

    def case_sequence_fault(self, kind: str) -> None:
        """Count a gap or repeat of hub-seq in supervision's inbox."""
        self._case_sequence_faults.labels(kind).inc()

    def notices_unsent(self, count: int) -> None:
        """Set how many notices wait to be published."""
        self._notices_unsent.set(count)

    def islands(self, count: int) -> None:
        """Set how many islands there are."""
        self._islands.set(count)

    def obligations(self, agency: str, states: Mapping[str, int]) -> None:
        """Set how many obligations of an agency are in each state."""
        for state, count in states.items():
            self._obligations.labels(agency, state).set(count)

    def realisation(self, agency: str, ratio: float) -> None:
        """Set the share of an agency's obligations that are fulfilled; `all` for everybody's."""
        self._realisation.labels(agency).set(ratio)

    def satisfaction(self, service: str, ratio: float) -> None:
        """Set the mean rating of a service, 0 to 1."""
        self._satisfaction.labels(service).set(ratio)

    def figures_refreshed(self, moment: float) -> None:
        """Set when the figures were last refreshed, seconds since 1970."""
        self._figures_refreshed.set(moment)

    def disk_free(self, count: int) -> None:
        """Set the free space of the data folder's disk, bytes."""
        self._disk_free.set(count)

    def oldest_pending(self, agency: str, seconds: float) -> None:
        """Set the age of an agency's oldest pending delivery; 0 when none waits."""
        self._oldest_pending.labels(agency).set(seconds)

    def route_faults(self, route: str, found: Mapping[str, int], repaired: Mapping[str, int]) -> None:
        """Set the faults of a route by kind, and how many of these were mended."""
        for kind, count in found.items():
            self._route_faults.labels(route, kind).set(count)
            self._route_repaired.labels(route, kind).set(repaired.get(kind, 0))

    def intake_faults(self, agency: str, found: Mapping[str, int], repaired: Mapping[str, int]) -> None:
        """Set the faults of an agency's parked events and receipts by kind, and how many were mended."""
        for kind, count in found.items():
            self._intake_faults.labels(agency, kind).set(count)
            self._intake_repaired.labels(agency, kind).set(repaired.get(kind, 0))

    def expired_unread(self, agency: str, count: int) -> None:
        """Set how many places of an agency's outbox retention removed before the gate read them."""
        self._expired_unread.labels(agency).set(count)

    def audit_complete(self, moment: float) -> None:
        """Set when the audit last judged a cut whole, in seconds since 1970."""
        self._audit_complete.set(moment)

    def audit_lag(self, seconds: float) -> None:
        """Set the age of the last cut that was judged whole."""
        self._audit_lag.set(seconds)


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


def serve(port: int, host: str = "127.0.0.1") -> None:
    """Serve this process's metrics; port 0 does nothing."""
    if port:
        start_http_server(port, addr=host)


def process_ended(pid: int, folder: Path) -> None:
    """Forget the live gauges of a process that has ended; `folder` is what the processes share."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
