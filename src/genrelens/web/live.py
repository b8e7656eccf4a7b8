"""`/v1/live`: a websocket that takes samples and tells twice a second what they are."""

import contextlib
import logging
from collections.abc import Iterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.web.ear import Ear
from genrelens.web.gate import Gate
from genrelens.web.keys import client_of, require_key, token_of
from genrelens.web.logs import FIELDS
from genrelens.web.messages import Setup
from genrelens.web.predictions import model_name
from genrelens.web.problems import status_for
from genrelens.web.services import Services
from genrelens.web.talk import Talk

_CLOSED = 4000  # a websocket that ends with a problem is closed with this and its status

_log = logging.getLogger("genrelens.live")


class Live:
    """All sessions of a server."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.limits = limits = services.settings.live
        self.ear = Ear(Setup(**services.settings.model_dump(include=set(Setup.model_fields))))
        self._gate = Gate(limits.sessions, limits.share)

    async def attend(self, websocket: WebSocket) -> None:
        """Serve a client until it leaves or there is a problem, which it is told."""
        await websocket.accept()
        talk = Talk(websocket, self.limits)
        code = 1011  # an error of ours
        try:
            await self._serve(talk)
            code = 1000
            await websocket.close()
        except WebSocketDisconnect as gone:
            code = gone.code
        except GenrelensError as error:
            code = _CLOSED + status_for(type(error))
            await talk.tell_problem(error, code)
        finally:
            self._observe(talk, code)

    async def _serve(self, talk: Talk) -> None:
        hello = await talk.greeted()
        token, keys = hello.token or token_of(talk.websocket), self.services.settings.api_keys
        require_key(token, keys)
        model = model_name(self.services, hello.model)
        with self._place(client_of(talk.websocket, token, keys)), self.services.metrics.sessions.track_inprogress():
            async with self.ear.session(model) as session:
                await talk.go_on(hello, session)

    @contextlib.contextmanager
    def _place(self, client: str) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._gate.entered(client))
            except (errors.ShareExceededError, errors.OverloadedError) as error:
                raise errors.ShareExceededError(
                    f"{self.limits.sessions} can be listened to at once, and {self.limits.share} of one client; "
                    "end one of yours, or try later"
                ) from error
            yield

    def _observe(self, talk: Talk, code: int) -> None:
        self.services.metrics.audio.inc(talk.heard)
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
