"""`/v1/ledger`: both sums, as the audit has proved them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hub.api.state import Hub
from hub.store import read_models

router = APIRouter(tags=["ledger"])


@router.get("/v1/ledger", summary="The ledger")
def ledger(hub: Hub) -> dict[str, Any]:
    """Give intake per source partition, deliveries per route, faults by kind, whether all is accounted for.

    The same shape as `hub ledger --json`: figures as of the audit's last complete cut (`as_of`, `age_seconds`
    old), plus `sequence_faults`: breaks in hub-seq that the projector met. 503 before the first cut.
    """
    return hub.sheet() | {"sequence_faults": read_models.sequence_faults(hub.engine)}
