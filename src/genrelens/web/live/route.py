"""`/v1/live`: a websocket that takes samples and tells twice a second what they are."""

import contextlib
import logging

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from genrelens.errors import GenrelensError
from genrelens.web.core.auth import client_of, require_key, token_of
from genrelens.web.core.concurrency import Gate
from genrelens.web.core.logs import FIELDS
from genrelens.web.core.problems import error_problem, status_for
from genrelens.web.core.services import Services
from genrelens.web.live.client import Ear
from genrelens.web.live.protocol import Talk
from genrelens.web.routes.predictions import model_name
from genrelens.web.workers.messages import Setup

_CLOSED = 4000  # a websocket that ends with a problem is closed with this and its status

_log = logging.getLogger("genrelens.live")


class Live:
    """All sessions of a server."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.limits = limits = services.settings.live
        self.ear = Ear(Setup(**services.settings.model_dump(include=set(Setup.model_fields))))
        self._door = Gate(limits.greetings, max(1, limits.greetings // 4), "greetings")
        self._gate = Gate(limits.sessions, limits.share, "live sessions")

    async def attend(self, websocket: WebSocket) -> None:
        """Serve a client until it leaves or there is a problem, which it is told."""
        with contextlib.ExitStack() as door:
            try:
                door.enter_context(self._door.entered(client_of(websocket, "", ())))
            except GenrelensError as error:
                await websocket.send_denial_response(error_problem(websocket, error))
            else:
                await self._attend(websocket, door)

    async def _attend(self, websocket: WebSocket, door: contextlib.ExitStack) -> None:
        await websocket.accept()
        talk = Talk(websocket, self.limits, self.services.metrics.audio.inc)
        code = 1011  # an error of ours
        try:
            await self._serve(talk, door)
            code = 1000
            await websocket.close()
        except WebSocketDisconnect as gone:
            code = gone.code
        except GenrelensError as error:
            code = _CLOSED + status_for(type(error))
            await talk.tell_problem(error, code)
        finally:
            self._observe(talk, code)

    async def _serve(self, talk: Talk, door: contextlib.ExitStack) -> None:
        hello = await talk.greeted()
        door.close()  # it stands there no longer
        token, keys = hello.token or token_of(talk.websocket), self.services.settings.api_keys
        require_key(token, keys)
        model = model_name(self.services, hello.model)
        client = client_of(talk.websocket, token, keys)
        with self._gate.entered(client), self.services.metrics.sessions.track_inprogress():
            async with self.ear.session(model) as session:
                await talk.go_on(hello, session)

    def _observe(self, talk: Talk, code: int) -> None:
        told = {
            "id": talk.number,
            "client": talk.websocket.client.host if talk.websocket.client else None,
            "path": talk.websocket.url.path,
            "code": code,
            "audio_seconds": round(talk.heard, 1),
            "missed_seconds": round(talk.missed, 1),
        }
        _log.info("session", extra={FIELDS: told})


def add_live(app: FastAPI, services: Services) -> None:
    """Have an app listen."""
    app.state.live = Live(services)

    @app.websocket("/v1/live")
    async def live(websocket: WebSocket) -> None:
        await app.state.live.attend(websocket)
