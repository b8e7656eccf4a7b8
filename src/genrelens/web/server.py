"""The lifecycle of a server process: bind, announce, serve, shut down."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from genrelens.web.app import make_app
from genrelens.web.core.connections import limited_protocol
from genrelens.web.core.settings import Settings
from genrelens.web.core.telemetry import configure_logging

# Connections that wait to be accepted. When file descriptors run out, asyncio logs as many errors a second.
_BACKLOG = 128
_MAX_WEBSOCKET_MESSAGE = 1 << 18  # bytes: 0.7 s of stereo at 48 kHz
_WEBSOCKET_QUEUE = 2  # unread messages per WebSocket; uvicorn's newer protocol always holds one


def run(settings: Settings, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests in progress may finish within `shutdown_seconds`.

    Args:
        settings: settings of the server.
        host: IP address or host name to bind.
        port: port to bind; 0 picks a free one.
        announce: called with the URL once the server accepts requests.

    Raises:
        OSError: host and port cannot be bound.
        ModelError: a model cannot be found or used.
        WorkerError: no worker process can be started.
    """
    configure_logging()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it after a complete shutdown
        asyncio.run(_serve(settings, host, port, announce))


def uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return the configuration with which uvicorn serves an app."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        backlog=_BACKLOG,
        http=limited_protocol(settings),
        ws_max_size=_MAX_WEBSOCKET_MESSAGE,
        ws_max_queue=_WEBSOCKET_QUEUE,
        ws_per_message_deflate=False,  # float samples hardly compress
        timeout_graceful_shutdown=round(settings.shutdown_seconds),
    )


class _Server(uvicorn.Server):
    """A uvicorn server that calls back when it accepts requests; it handles signals from then on."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


async def _serve(settings: Settings, host: str, port: int, announce: Callable[[str], None]) -> None:
    app = make_app(settings)
    pool = app.state.services.pool
    with _bind(host, port) as listener:
        try:
            await pool.start()  # before uvicorn, which would log an error of a model as a traceback
            server = _Server(uvicorn_config(app, settings), lambda: announce(_url(listener)))
            await server.serve(sockets=[listener])
        finally:
            await pool.stop()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = f"cannot listen on {host} port {port} ({error.strerror}); try another --port"
        raise OSError(error.errno, message) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
