"""From which pages the server may be asked.

A browser lets any page send a form or open a websocket to anywhere, this machine included; it tells which page did.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from genrelens.errors import ForeignPageError
from genrelens.web.core.problems import error_problem


class KnownOrigins:
    """Turns away what a page from elsewhere asks, unless its origin is one of these."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or not."""
        if scope["type"] == "lifespan" or self._knows(HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return
        error = ForeignPageError("pages from elsewhere may not ask this server; start it with --cors to let one")
        await error_problem(HTTPConnection(scope), error)(scope, receive, send)

    def _knows(self, connection: HTTPConnection) -> bool:
        origin = connection.headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == connection.headers.get("host")
        return own or origin in self._origins or "*" in self._origins
