"""An answer where all else fails."""

import logging

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrelens.web.core.logs import FIELDS
from genrelens.web.core.problems import unforeseen

_log = logging.getLogger(__name__)


class Unforeseen:
    """Tells a client that there was an error of ours, and the log which."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except ClientDisconnect:
            raise
        except Exception:
            if scope["type"] != "http":
                raise
            _log.exception("this should not have happened", extra={FIELDS: {"id": scope["state"]["id"]}})
            if not begun:
                await unforeseen(Request(scope))(scope, receive, send)
