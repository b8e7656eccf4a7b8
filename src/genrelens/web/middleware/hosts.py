"""Under which names the server may be asked."""

from collections.abc import Collection

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from genrelens.errors import WrongHostError
from genrelens.web.core.problems import error_problem

_HEALTH = ("/healthz", "/readyz")  # asked by what looks after the server, which knows it by a number


class KnownHosts:
    """Turns away who asks under another name, as a page does whose own name was made to point here."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or not."""
        if scope["type"] == "lifespan" or scope["path"] in _HEALTH or self._knows(HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return
        known = ", ".join(sorted(self._hosts))
        error = WrongHostError(f"this server answers to {known}; start it with --allowed-host to add a name")
        await error_problem(HTTPConnection(scope), error)(scope, receive, send)

    def _knows(self, connection: HTTPConnection) -> bool:
        return name_of(connection.headers.get("host", "")) in self._hosts


def name_of(host: str) -> str:
    """A host without its port: "example.org:80" is example.org, "[::1]:80" is ::1."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name.strip("[]").lower()
