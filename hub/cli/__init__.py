"""The command `hub`: thin; each module holds one word's commands and calls the rooms.

A HubError becomes one sentence on stderr and its exit code (hub/errors.py); a traceback is a bug.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from hub.errors import HubError  # noqa: PLC0415 - keeps `hub` quick to start

    try:
        from hub.cli.app import app  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.exit(f"hub: {error.name} is not installed: this wants `pip install peyvand[hub,embedded]`.")
    try:
        app()
    except HubError as error:
        sys.stderr.write(f"hub: {error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
