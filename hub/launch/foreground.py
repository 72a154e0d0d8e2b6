"""The hub in the foreground of a terminal or a service manager."""

from __future__ import annotations

from rich.console import Console

from hub.launch.up import Hub, StoppedEarly
from hub.settings import Settings


def run_foreground(settings: Settings, console: Console, *, with_prometheus: bool = False) -> None:
    """Run the hub until SIGTERM or SIGINT, then stop it in order. Raises HubError where it cannot go on."""
    hub = Hub(settings, console, with_prometheus=with_prometheus)
    hub.catch_signals()
    try:
        with hub:
            _say_where(hub)
            hub.wait()
            hub.report.line("Stopping: what is in hand is finished first; Ctrl-C again hurries.")
    except StoppedEarly:
        hub.report.line("Stopped before the start was complete; the next start goes on from here.")
        return
    hub.report.line("Stopped. `hub up` on the same folder resumes.")


def _say_where(hub: Hub) -> None:
    report = hub.report
    report.line("")
    report.line("The hub is up.")
    report.line(f"  API       {hub.api_url}/v1/agencies  ·  health {hub.api_url}/readyz")
    report.line(f"  metrics   {hub.api_url}/metrics")
    if hub.prometheus_url:
        report.line(f"  Prometheus {hub.prometheus_url}/alerts  ·  graphs {hub.prometheus_url}/graph")
    report.line(f"  Kafka     {hub.settings.kafka.bootstrap}  (hub agency credentials CODE)")
    report.line(f"  data      {hub.data_dir}  (logs/ beside it; hub.env for clients)")
    report.line("Ctrl-C stops it in order.")
