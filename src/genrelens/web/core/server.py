"""A server from its first moment to its last: it listens, tells where, and ends when it is told to."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from genrelens.web.core.app import make_app
from genrelens.web.core.connections import limited
from genrelens.web.core.logs import log_json
from genrelens.web.core.settings import Settings

_BACKLOG = 128  # connections that wait; where descriptors run out, asyncio tells so as many times a second
_LARGEST_MESSAGE = 1 << 18  # bytes that a websocket takes at once: 0.7 s at 48 kHz in stereo
_MOST_MESSAGES = 2  # that wait in a websocket; uvicorn's newer protocol holds one


def run(settings: Settings, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first, within `shutdown_seconds`.

    Args:
        settings: of the server.
        host: an address to listen on.
        port: the same; 0 for any that is free.
        announce: told the address when the server can be reached.

    Raises:
        OSError: the address cannot be listened on.
        ModelError: a model cannot be found or used.
        WorkerError: no worker process can be started.
    """
    log_json()
    with contextlib.suppress(KeyboardInterrupt):  # what uvicorn ends with, having done all that it should
        asyncio.run(_run(settings, host, port, announce))


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves an app."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        backlog=_BACKLOG,
        http=limited(settings),
        ws_max_size=_LARGEST_MESSAGE,
        ws_max_queue=_MOST_MESSAGES,
        ws_per_message_deflate=False,  # which makes samples hardly smaller
        timeout_graceful_shutdown=round(settings.shutdown_seconds),
    )


class _Server(uvicorn.Server):
    """Tells when it is there: from then on, signals are its own."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()


async def _run(settings: Settings, host: str, port: int, announce: Callable[[str], None]) -> None:
    app = make_app(settings)
    pool = app.state.services.pool
    with _listening(host, port) as listener:
        try:
            await pool.start()  # here, so that what is wrong with a model is told in words
            await _Server(configured(app, settings), lambda: announce(_address(listener))).serve(sockets=[listener])
        finally:
            await pool.stop()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        told = f"cannot listen on {host} port {port} ({error.strerror}); try another --port"
        raise OSError(error.errno, told) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
