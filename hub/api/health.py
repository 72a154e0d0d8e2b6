"""`/livez`, `/readyz`, `/metrics`, and the help pages that problem types point to."""

from __future__ import annotations

import contextlib
import shutil
from html import escape
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from hub.api.problems import KINDS, ProblemError
from hub.api.state import Hub
from hub.errors import HubError
from hub.metrics import CONTENT_TYPE, exposition, metrics
from hub.store.engine import ping

router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive")
def livez() -> dict[str, str]:
    """Answer as long as the process does; nothing else is asked."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can it serve")
def readyz(hub: Hub) -> dict[str, Any]:
    """Ask Kafka and PostgreSQL now, and whether the agency registry was read; 503 names what is missing."""
    checks = {
        "kafka": hub.kafka_answers(),
        "postgresql": _store_answers(hub),
        "registry": hub.watch.registry is not None,
    }
    missing = sorted(name for name, well in checks.items() if not well)
    if missing:
        raise ProblemError("not-ready", f"Missing: {', '.join(missing)}.", missing=missing)
    return {"status": "ready", "checks": checks}


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def metrics_(hub: Hub) -> Response:
    """Serve the metrics of every process of the hub, in Prometheus text format."""
    with contextlib.suppress(OSError):
        metrics().disk_free(shutil.disk_usage(hub.settings.data_dir).free)
    return Response(exposition(), media_type=CONTENT_TYPE)


@router.get("/help/problems/{name}", summary="What a problem means", response_class=HTMLResponse)
def problem(name: str) -> HTMLResponse:
    """Explain the meaning of one problem type, in Persian and English."""
    kind = KINDS.get(name)
    if kind is None:
        raise ProblemError("not-found", "No problem type has this name.")
    return HTMLResponse(
        '<!doctype html><html lang="fa" dir="rtl"><meta charset="utf-8">'
        f"<title>{escape(kind.title_fa)}</title>"
        f"<h1>{escape(kind.title_fa)} (<bdi>{kind.status}</bdi>)</h1><p>{escape(kind.advice_fa)}</p>"
        f'<div lang="en" dir="ltr"><h2>{escape(kind.title_en)}</h2><p>{escape(kind.advice_en)}</p></div>'
        "</html>",
        headers={"Content-Security-Policy": "default-src 'none'"},
    )


def _store_answers(hub: Hub) -> bool:
    try:
        ping(hub.engine)
    except HubError:
        return False
    return True
