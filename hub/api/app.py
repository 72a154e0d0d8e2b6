"""The application: every router, guarded, with problems for errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.access import policy
from hub.api import (
    agencies,
    cases,
    catalogue,
    event_types,
    events,
    exports,
    health,
    indicators,
    journeys,
    ledger,
    obligations,
    parked,
    problems,
    schema_registry,
)
from hub.api.state import State

ROUTERS = (
    agencies,
    cases,
    catalogue,
    event_types,
    events,
    exports,
    indicators,
    journeys,
    ledger,
    obligations,
    parked,
    health,
    schema_registry,
)


def create(state: State, started: Callable[[], None] = lambda: None) -> FastAPI:
    """Return the application over a state; `started` is called once it serves."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.watch.start()
        started()
        yield

    app = FastAPI(
        title="Peyvand",
        summary="An event-driven interoperability hub between government agency systems",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from another origin
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,
        dependencies=[Depends(_known_parameters)],
    )
    app.state.hub = state
    for module in ROUTERS:
        app.include_router(module.router)
    problems.install(app)
    app.add_middleware(Guard)
    return app


class Guard:
    """Lets a request pass that this machine sent to this machine; refuses others with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = _refusal(request)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        await problems.response(problems.language_of(request), refusal)(scope, receive, send)


def _refusal(request: Request) -> str | None:
    if not policy.may_ask_as(request.headers.get("host", "")):
        return "misdirected"
    if not policy.may_read(request.client.host if request.client else None):
        return "forbidden"
    return None


def _known_parameters(request: Request) -> None:
    """Refuse a parameter that the route does not know: a misspelt filter would silently filter nothing."""
    route = request.scope["route"]
    known = {each.alias for each in route.dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "this route has no such parameter"} for name in unknown]
        )
