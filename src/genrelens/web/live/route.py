"""`/v1/live`: a WebSocket that receives samples and sends a prediction twice a second."""

import contextlib
import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from genrelens.errors import GenrelensError
from genrelens.web.core.auth import bearer_token, client_id, require_key
from genrelens.web.core.concurrency import ConcurrencyLimiter
from genrelens.web.core.problems import error_response, error_status
from genrelens.web.core.telemetry import LOG_FIELDS
from genrelens.web.live.client import LiveClient
from genrelens.web.live.protocol import LiveConnection
from genrelens.web.services import Services
from genrelens.web.workers.messages import WorkerSetup

# WebSocket close codes (RFC 6455); a problem closes the connection with 4000 plus its status.
_NORMAL, _INTERNAL_ERROR, _PROBLEM = 1000, 1011, 4000

_log = logging.getLogger("genrelens.live")


class LiveService:
    """The live sessions of a server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = limits = services.settings.live
        self._client = LiveClient(WorkerSetup.from_settings(services.settings))
        self._handshakes = ConcurrencyLimiter(limits.max_handshakes, max(1, limits.max_handshakes // 4), "handshakes")
        self._sessions = ConcurrencyLimiter(limits.max_sessions, limits.max_share, "live sessions")

    async def handle(self, websocket: WebSocket) -> None:
        """Serve a client until it disconnects or an error occurs, which it receives as a problem."""
        with contextlib.ExitStack() as handshake:
            try:
                handshake.enter_context(self._handshakes.slot(client_id(websocket, "", ())))
            except GenrelensError as error:
                await websocket.send_denial_response(error_response(websocket, error))
            else:
                await self._accept(websocket, handshake)

    async def _accept(self, websocket: WebSocket, handshake: contextlib.ExitStack) -> None:
        await websocket.accept()
        connection = LiveConnection(websocket, self._limits, self._services.metrics.audio_seconds.inc)
        code = _INTERNAL_ERROR
        try:
            await self._run_session(connection, handshake)
            code = _NORMAL
            await websocket.close()
        except WebSocketDisconnect as disconnect:
            code = disconnect.code
        except GenrelensError as error:
            code = _PROBLEM + error_status(type(error))
            await connection.close_with_problem(error, code)
        finally:
            _log_session(connection, code)

    async def _run_session(self, connection: LiveConnection, handshake: contextlib.ExitStack) -> None:
        hello = await connection.receive_hello()
        handshake.close()
        token, keys = hello.token or bearer_token(connection.websocket), self._services.settings.api_keys
        require_key(token, keys)
        model = self._services.pool.require_model(hello.model)
        client = client_id(connection.websocket, token, keys)
        with self._sessions.slot(client), self._services.metrics.live_sessions.track_inprogress():
            async with self._client.session(model.name) as session:
                await connection.run(hello, session)


def add_live(app: FastAPI, services: Services) -> None:
    """Add the route to an app."""
    service = LiveService(services)

    @app.websocket("/v1/live")
    async def live(websocket: WebSocket) -> None:
        await service.handle(websocket)


def _log_session(connection: LiveConnection, code: int) -> None:
    websocket = connection.websocket
    fields = {
        "id": connection.id,
        "client": websocket.client.host if websocket.client else None,
        "path": websocket.url.path,
        "code": code,
        "audio_seconds": round(connection.audio_seconds, 1),
        "missed_seconds": round(connection.missed_seconds, 1),
    }
    _log.info("session", extra={LOG_FIELDS: fields})
