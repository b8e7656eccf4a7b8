"""Connections: how many there may be, and how long one may be without a request."""

import asyncio
import uuid

import h11
from starlette.requests import HTTPConnection
from uvicorn.protocols.http.h11_impl import H11Protocol

from genrelens.errors import OverloadedError, RequestError, ShareExceededError
from genrelens.web.core.problems import error_problem
from genrelens.web.core.settings import Settings


def limited(settings: Settings) -> type[H11Protocol]:
    """What uvicorn speaks HTTP with, within the limits of these settings."""

    class Limited(_LimitedProtocol):
        most = settings.max_connections
        patience = settings.header_seconds

    return Limited


class _LimitedProtocol(H11Protocol):
    """Closes a connection on which no whole request comes; uvicorn waits for the first byte alone."""

    most: int
    patience: float  # s
    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        error = self._refusal()
        if error:
            self._refuse(error)
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Have it closed in time, unless a request is being answered or it has become a websocket."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._calm()
        elif self._alarm is None:
            self._alarm = self.loop.call_later(self.patience, self.transport.close)

    def _calm(self) -> None:
        if self._alarm:
            self._alarm.cancel()
        self._alarm = None

    def _refusal(self) -> RequestError | None:
        """Why this connection is one too many, if it is; uvicorn keeps those that there are, websockets too."""
        own = [_host(other) for other in self.connections].count(_host(self))
        if own > max(1, self.most // 2):
            return ShareExceededError(f"{own - 1} connections come from your address; close some")
        if len(self.connections) > self.most:
            return OverloadedError(f"{self.most} connections are open, and no more can be taken; try again soon")
        return None

    def _refuse(self, error: RequestError) -> None:
        """Answer before anything is asked."""
        answer = error_problem(HTTPConnection({"type": "http", "headers": [], "state": {"id": uuid.uuid4()}}), error)
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _host(protocol: object) -> str:
    client = getattr(protocol, "client", None)
    return str(client[0]) if client else ""
