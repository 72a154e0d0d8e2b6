"""Run the API: `python -m hub.api`."""

from __future__ import annotations

from hub.api.server import main
from hub.host.process import run

if __name__ == "__main__":
    run("api", main)
