"""The API's process: binds its address, serves until asked to stop."""

from __future__ import annotations

import errno
import socket

import structlog
import uvicorn

from hub.access import policy
from hub.api import app as application
from hub.api import state as state_module
from hub.errors import ConfigError, StartError
from hub.host.process import Stop, ready
from hub.metrics import metrics, serve
from hub.settings import Settings
from hub.store.engine import engine

_BACKLOG = 128


def main(settings: Settings, stop: Stop) -> None:
    """Serve until SIGTERM; ConfigError for an address that others can reach, StartError for a taken port."""
    policy.check_bind(settings.api.host)
    listener = _listen(settings.api.host, settings.api.port)
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    metrics()  # every family is there from the first scrape on
    serve(settings.metrics.port, settings.metrics.host)
    database = engine(settings, pool_size=10)
    state = state_module.make(settings, database, stop)

    def started() -> None:
        structlog.get_logger().info("listening", url=url)
        ready()

    app = application.create(state, started)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        stop.set()
        state.watch.join(10)
        database.dispose()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} on {host} is taken.",
                do="End what listens there, or set HUB_API__PORT (0: any free one).",
            ) from None
        raise ConfigError(f"HUB_API__HOST={host} cannot be bound: {error.strerror}.") from None
    return listener
