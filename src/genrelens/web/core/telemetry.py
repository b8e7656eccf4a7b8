"""Around each request: a number for it, a line in the log, and its place in the metrics."""

import logging
import time
import uuid
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrelens.web.core.logs import FIELDS
from genrelens.web.core.metrics import Metrics

REQUEST_ID = "X-Request-ID"

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_ANSWERS = ("http.response.start", "websocket.http.response.start")
_GONE = 499  # the client left before there was an answer; nginx's number for it

_log = logging.getLogger("genrelens.request")


@dataclass
class Tally:
    """What a request was about, as far as the log tells it: never what is in the files."""

    files: int = 0
    failed: int = 0
    audio_seconds: float = 0.0


class Telemetry:
    """Observes each request, and each websocket that is refused; leaves a number and a `Tally` in its state."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        number, tally, began = str(uuid.uuid4()), Tally(), time.perf_counter()
        scope.setdefault("state", {}).update(id=number, tally=tally)
        status = 0

        async def send_numbered(message: Message) -> None:
            nonlocal status
            if message["type"] in _ANSWERS:
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = number
            await send(message)

        try:
            await self._app(scope, receive, send_numbered)
        except ClientDisconnect:
            status = _GONE
        finally:
            if status or scope["type"] == "http":  # a websocket that is let in tells of itself when it ends
                self._observe(scope, status or _GONE, time.perf_counter() - began)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = _method(scope) if _method(scope) in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        _log.info("request", extra={FIELDS: _told(scope, status, seconds)})


def _method(scope: Scope) -> str:
    return str(scope.get("method", "GET"))  # as the handshake of a websocket is


def _told(scope: Scope, status: int, seconds: float) -> dict[str, object]:
    tally: Tally = scope["state"]["tally"]
    return {
        "id": scope["state"]["id"],
        "client": scope["client"][0] if scope.get("client") else None,
        "method": _method(scope),
        "path": scope["path"],
        "status": status,
        "ms": round(1000 * seconds, 1),
        "files": tally.files,
        "failed": tally.failed,
        "audio_seconds": round(tally.audio_seconds, 1),
    }
