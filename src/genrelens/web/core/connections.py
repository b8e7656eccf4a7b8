"""Limits on connections: their number, and the time that one may stay open without a request."""

import asyncio
import uuid

import h11
from starlette.requests import HTTPConnection
from uvicorn.protocols.http.h11_impl import H11Protocol

from genrelens.errors import OverloadedError, RequestError, ShareExceededError
from genrelens.web.core.problems import error_response
from genrelens.web.core.settings import Settings


def limited_protocol(settings: Settings) -> type[H11Protocol]:
    """Return an HTTP protocol class for uvicorn that enforces the connection limits of these settings."""

    class Limited(_LimitedProtocol):
        max_connections = settings.max_connections
        header_seconds = settings.header_seconds

    return Limited


class _LimitedProtocol(H11Protocol):
    """Closes connections that do not complete a request in time; uvicorn only waits for the first byte."""

    max_connections: int
    header_seconds: float
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        error = self._limit_error()
        if error:
            self._refuse(error)
        else:
            self._update_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._update_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def _update_timer(self) -> None:
        """Run the timer unless a request is being answered or the connection has become a WebSocket."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._cancel_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.header_seconds, self.transport.close)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def _limit_error(self) -> RequestError | None:
        """Return why this connection exceeds a limit, if it does; uvicorn's set includes WebSockets."""
        count = [_host(other) for other in self.connections].count(_host(self))
        if count > max(1, self.max_connections // 2):
            return ShareExceededError(f"your IP address already has {count - 1} connections; close some")
        if len(self.connections) > self.max_connections:
            return OverloadedError(f"the server is at its limit of {self.max_connections} connections; try again soon")
        return None

    def _refuse(self, error: RequestError) -> None:
        """Respond with a problem before any request has been received, and close the connection."""
        scope = {"type": "http", "headers": [], "state": {"id": uuid.uuid4()}}
        response = error_response(HTTPConnection(scope), error)
        headers = [*response.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=response.status_code, headers=headers),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _host(protocol: object) -> str:
    client = getattr(protocol, "client", None)
    return str(client[0]) if client else ""
