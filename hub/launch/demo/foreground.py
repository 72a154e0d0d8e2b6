"""The demo in the foreground of a terminal: the hub comes up, the demo runs, the page is shown."""

from __future__ import annotations

import json
import signal
import sys

from rich.console import Console

from hub.launch.demo import page, windows
from hub.launch.demo.run import run
from hub.launch.up import Hub
from hub.settings import Settings


def run_demo(
    settings: Settings, progress: Console, results: Console, *, once: bool, days: int = windows.DAYS
) -> int:
    """Run the demo; return the exit code. Raises HubError when the hub or the demo cannot go on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The replay tells the clock itself, in event time.
    cases = settings.cases.model_copy(update={"tick_seconds": 0.0})
    hub = Hub(settings.model_copy(update={"cases": cases}), progress)
    try:
        with hub:
            result = run(hub.settings, progress, days=days)
            page.show(result, results, hub.api_url)
            if not once:
                results.print("\nThe hub stays up. Ctrl-C stops it in order.")
                hub.catch_signals()
                hub.wait()
    except KeyboardInterrupt:
        progress.print("Stopped; the next run on this folder goes on from here.")
        return 1
    if once:
        sys.stdout.write(json.dumps(result.line()) + "\n")
        sys.stdout.flush()
    return 0 if result.holds else 1
