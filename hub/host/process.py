"""What every process of the hub shares: logging, stopping on SIGTERM, and saying that it is ready."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from hub import settings as settings_module
from hub.errors import HubError
from hub.settings import Settings

READY_FILE = "HUB_READY_FILE"
"""Environment variable naming the file that a process writes once it is ready; the launcher waits for it."""


class Stop:
    """Whether this process was asked to stop; `wait` sleeps until then."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, *_: object) -> None:
        """Ask to stop; safe in a signal handler."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; return whether a stop was asked for."""
        return self._event.wait(seconds)


def ready() -> None:
    """Tell the launcher, if there is one, that this process does its work now."""
    path = os.environ.get(READY_FILE)
    if path:
        Path(path).write_text(str(os.getpid()), encoding="ascii")


def configure_logging(level: str) -> None:
    """Log as one JSON object a line on stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def run(name: str, main: Callable[[Settings, Stop], None]) -> None:
    """Run a process's main function until it returns or SIGTERM or SIGINT arrives; exit 0, 1 or 2."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.set)
    signal.signal(signal.SIGINT, stop.set)
    try:
        settings = settings_module.load()
        configure_logging(settings.log_level)
        structlog.contextvars.bind_contextvars(process=name, pid=os.getpid())
        main(settings, stop)
    except HubError as error:
        structlog.get_logger().error("stopped", error=str(error), retriable=error.retriable)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last place that can log it
        structlog.get_logger().exception("failed")
        sys.exit(1)
    finally:
        # It is ending: asked once more to stop, it still ends with the exit code that tells why.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
