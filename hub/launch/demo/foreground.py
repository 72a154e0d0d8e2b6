"""The demo in the foreground of a terminal: the hub comes up, the demo runs, the page is shown."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from typing import Any, Protocol

from rich.console import Console

from hub.launch.demo import page, replay, replay_page
from hub.launch.demo.replay import Replay
from hub.launch.demo.run import run
from hub.launch.up import Hub
from hub.settings import Settings


class Found(Protocol):
    """What a run of the demo found."""

    @property
    def holds(self) -> bool:
        """Say whether all is well."""

    def line(self) -> dict[str, Any]:
        """Return the figures of the last line."""


def run_demo(settings: Settings, progress: Console, results: Console, *, once: bool, days: int) -> int:
    """Run the demo; return the exit code. Raises HubError when the hub or the demo cannot go on."""

    def course(hub: Hub) -> Found:
        result = run(hub.settings, progress, days=days)
        page.show(result, results, hub.api_url)
        return result

    return _foreground(settings, progress, results, course, once=once)


def run_replay(
    settings: Settings, replay_: Replay, progress: Console, results: Console, *, once: bool, days: int
) -> int:
    """Replay a log of anybody's; return the exit code. Raises HubError as `run_demo`."""

    def course(hub: Hub) -> Found:
        found = replay.run(hub.settings, replay_, progress, days=days)
        replay_page.show(found, results, hub.api_url)
        return found

    wanted = settings.model_copy(update={"registry_dir": replay_.registry_dir})
    return _foreground(wanted, progress, results, course, once=once)


def _foreground(
    settings: Settings, progress: Console, results: Console, course: Callable[[Hub], Found], *, once: bool
) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The replay tells the clock itself, in event time.
    cases = settings.cases.model_copy(update={"tick_seconds": 0.0})
    hub = Hub(settings.model_copy(update={"cases": cases}), progress)
    try:
        with hub:
            found = course(hub)
            if not once:
                if not results.is_terminal:
                    _line(found)
                results.print("\nThe hub stays up. Ctrl-C stops it in order.")
                hub.catch_signals()
                hub.wait()
    except KeyboardInterrupt:
        progress.print("Stopped; the next run on this folder goes on from here.")
        return 1
    if once:
        _line(found)
    return 0 if found.holds else 1


def _line(found: Found) -> None:
    """Write the figures for programs: the last line, or where the hub stays up in a pipe, before it waits."""
    sys.stdout.write(json.dumps(found.line(), ensure_ascii=False) + "\n")
    sys.stdout.flush()
