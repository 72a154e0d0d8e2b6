"""The dashboards as JSON files, by name."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from ops.grafana.cases import cases
from ops.grafana.flow import flow
from ops.grafana.ledger import ledger
from ops.grafana.programme import programme

FOLDER = Path(__file__).parent / "dashboards"


def documents() -> dict[str, str]:
    """Return file name -> text; the same code gives the same bytes."""
    boards = {"flow": flow(), "ledger": ledger(), "cases": cases(), "programme": programme()}
    return {
        f"{name}.json": json.dumps(
            board.build(), cls=JSONEncoder, ensure_ascii=False, sort_keys=True, indent=2
        )
        + "\n"
        for name, board in boards.items()
    }
