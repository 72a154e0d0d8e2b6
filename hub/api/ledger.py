"""`/v1/ledger`: both sums, as the watch last counted them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hub.api.state import Hub
from hub.store import read_models

router = APIRouter(tags=["ledger"])


@router.get("/v1/ledger", summary="The ledger")
def ledger(hub: Hub) -> dict[str, Any]:
    """Give intake per source partition, deliveries per route, and whether the sums hold.

    Every term is counted by itself. The same shape as `hub ledger --json`, plus `sequence_faults`: breaks in
    hub-seq that the projector met.
    """
    return hub.sheet().to_json() | {"sequence_faults": read_models.sequence_faults(hub.engine)}
