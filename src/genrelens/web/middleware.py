"""ASGI middleware, from the outermost to the innermost."""

import logging
import time
import uuid
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrelens.errors import ForeignPageError, RequestError, WrongHostError
from genrelens.web.core.problems import error_response, internal_error_response
from genrelens.web.core.telemetry import LOG_FIELDS, Metrics, RequestStats

REQUEST_ID = "X-Request-ID"

# The page creates `blob:` URLs for chosen files, to play and to save them; it loads nothing from other origins.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",  # a foreign <audio> sends no Origin that could be checked
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), display-capture=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_RESPONSE_STARTS = ("http.response.start", "websocket.http.response.start")
_CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that disconnected before the response

_HEALTH_CHECKS = ("/healthz", "/readyz")  # orchestrators call these by IP address

_log = logging.getLogger(__name__)
_request_log = logging.getLogger("genrelens.request")


class SecurityHeaders:
    """Adds security headers to each response, and forbids caching of API responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_SECURITY_HEADERS)
                headers["Cache-Control"] = "no-store" if scope["path"].startswith("/v1/") else "no-cache"
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class Telemetry:
    """Logs and counts each request, and each refused WebSocket handshake.

    The request's state receives its `id`, and `stats` for the routes to fill.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id, start = str(uuid.uuid4()), time.perf_counter()
        scope.setdefault("state", {}).update(id=request_id, stats=RequestStats())
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in _RESPONSE_STARTS:
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = _CLIENT_CLOSED_REQUEST
        finally:
            if status or scope["type"] == "http":  # an accepted WebSocket logs itself at its end
                self._observe(scope, status or _CLIENT_CLOSED_REQUEST, time.perf_counter() - start)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        method = str(scope.get("method", "GET"))  # a WebSocket handshake is a GET
        route = getattr(scope.get("route"), "path", "none")
        stats: RequestStats = scope["state"]["stats"]
        self._metrics.requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        fields = {
            "id": scope["state"]["id"],
            "client": scope["client"][0] if scope.get("client") else None,
            "method": method,
            "path": scope["path"],
            "status": status,
            "ms": round(1000 * seconds, 1),
            "files": stats.files,
            "failed": stats.failed,
            "audio_seconds": round(stats.audio_seconds, 1),
        }
        _request_log.info("request", extra={LOG_FIELDS: fields})


class TrustedSources:
    """Refuses requests for other host names, and requests from pages of other origins.

    The former prevents DNS rebinding: a page whose own host name was made to resolve to this server. For the latter,
    CORS does not suffice: a browser lets any page submit a form or open a WebSocket to any server, including one on
    the user's own machine, and only reports the page in the Origin header.

    Args:
        app: the next app.
        hosts: accepted names in the Host header; none accepts all.
        origins: accepted origins other than the server's own; "*" accepts all.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        error = None if scope["type"] == "lifespan" else self._find_error(HTTPConnection(scope))
        if error is None:
            await self._app(scope, receive, send)
        else:
            await error_response(HTTPConnection(scope), error)(scope, receive, send)

    def _find_error(self, connection: HTTPConnection) -> RequestError | None:
        host, origin = connection.headers.get("host", ""), connection.headers.get("origin")
        if self._hosts and host_name(host) not in self._hosts and connection.scope["path"] not in _HEALTH_CHECKS:
            allowed = ", ".join(sorted(self._hosts))
            return WrongHostError(f"this server accepts the host names {allowed}; add others with --allowed-host")
        if origin is None or urlsplit(origin).netloc == host or {origin, "*"} & {*self._origins}:
            return None
        return ForeignPageError("requests from other origins are not allowed; start the server with --cors ORIGIN")


def host_name(host: str) -> str:
    """Return a host without its port: example.org for "example.org:80", ::1 for "[::1]:80"."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name.strip("[]").lower()


class InternalErrors:
    """Logs unexpected exceptions, and responds to them with a problem that reveals no details."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        response_started = False

        async def send_observed(message: Message) -> None:
            nonlocal response_started
            response_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except ClientDisconnect:
            raise
        except Exception:
            if scope["type"] != "http":
                raise
            _log.exception("unexpected error", extra={LOG_FIELDS: {"id": scope["state"]["id"]}})
            if not response_started:
                await internal_error_response(Request(scope))(scope, receive, send)
