"""What is said between a client of `/v1/live` and the server."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from genrelens import errors
from genrelens.audio.ring_buffer import RingBuffer
from genrelens.errors import GenrelensError
from genrelens.web.core.problems import Problem, error_status, problem_title, problem_type
from genrelens.web.core.settings import LiveLimits
from genrelens.web.live.client import LiveSession

_SAMPLE = 4  # bytes
_GATHERED = 0.1  # s of audio that are heard together: less would be more work for the same answers
_LONGEST_MESSAGE = 2.0  # s of audio
_MOST_WAITING = 3 << 19  # bytes that may wait to be heard: 4 s at 48 kHz in stereo


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hello(_Message):
    """What a client says first; browsers, which cannot send a header, give their key here."""

    rate: Annotated[int, Field(ge=4_000, le=192_000)]
    channels: Annotated[int, Field(ge=1, le=2)] = 1
    model: str | None = None
    key: SecretStr | None = None

    @property
    def token(self) -> str:
        """The key; empty if there is none."""
        return self.key.get_secret_value() if self.key else ""

    def seconds(self, samples: int) -> float:
        """How long so many bytes of samples last."""
        return samples / (_SAMPLE * self.channels * self.rate)


class Control(_Message):
    """What a client may say later: whether to pause, or that it wants no more."""

    pause: bool = False
    stop: bool = False


Said = TypeVar("Said", bound=_Message)


class LiveConnection:
    """What is said between one client and the server: audio is taken in while what came before is heard."""

    def __init__(self, websocket: WebSocket, limits: LiveLimits, count: Callable[[float], None]) -> None:
        self.websocket = websocket
        self._count = count  # is told of seconds that were heard
        self.number: str = websocket.state.id
        self.heard = self.missed = 0.0  # s
        self._limits = limits
        self._arrived = asyncio.Event()
        self._paused = False

    async def greeted(self) -> Hello:
        """Wait for the first message.

        Raises:
            MalformedUploadError: it is no greeting.
            SlowUploadError: it does not come.
        """
        first = await self._received(self._limits.greeting_seconds)
        if not isinstance(first, str):
            raise errors.MalformedUploadError("the first message must be JSON with the rate of the samples")
        return _parsed(Hello, first)

    async def go_on(self, hello: Hello, session: LiveSession) -> None:
        """Listen until the client wants no more."""
        await self._send(*session.greeting)
        backlog: RingBuffer[bytes] = RingBuffer(min(self._limits.behind_seconds, hello.seconds(_MOST_WAITING)))
        try:
            async with asyncio.timeout(self._limits.longest_seconds):
                await _first_of(self._take_in(hello, backlog), self._tell(hello, backlog, session))
        except TimeoutError as error:
            raise errors.TooLongError(
                f"a session may last {self._limits.longest_seconds:g} s, and this one has; connect again"
            ) from error

    async def tell_problem(self, error: GenrelensError, code: int) -> None:
        """Tell what is wrong, and close."""
        kind = type(error)
        problem = Problem(
            type=problem_type(kind),
            title=problem_title(kind),
            status=error_status(kind),
            detail=str(error),
            instance=f"urn:uuid:{self.number}",
        )
        with contextlib.suppress(WebSocketDisconnect):
            await self._send({"problem": problem.model_dump(exclude_none=True)})
            await self.websocket.close(code, problem.title)

    async def _take_in(self, hello: Hello, backlog: RingBuffer[bytes]) -> None:
        """Receive audio, which alone shows that somebody is there; what else is said does not put off the end."""
        heard = went_on = time.monotonic()
        while True:
            ends = heard + self._limits.paused_seconds if self._paused else went_on + self._limits.idle_seconds
            message = await self._received(ends - time.monotonic())
            if isinstance(message, bytes):
                if self._put(message, hello, backlog):
                    heard = went_on = time.monotonic()
                continue
            control = _parsed(Control, message)
            if control.stop:
                return
            if self._paused and not control.pause:
                went_on = time.monotonic()
            self._paused = control.pause

    async def _tell(self, hello: Hello, backlog: RingBuffer[bytes], session: LiveSession) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_GATHERED)
            self._arrived.clear()
            pieces, missed = backlog.take_all()
            samples = b"".join(pieces)
            await self._send(*await session.hear(samples, hello.rate, hello.channels, missed))
            seconds = hello.seconds(len(samples))
            self.heard += seconds
            self._count(seconds)
            self.missed += missed

    def _put(self, samples: bytes, hello: Hello, backlog: RingBuffer[bytes]) -> bool:
        """Have samples wait to be heard; whether they shall be."""
        if len(samples) % (_SAMPLE * hello.channels):
            raise errors.MalformedUploadError(
                f"a message of {len(samples)} bytes is not float32 samples of {hello.channels} channels; check both"
            )
        seconds = hello.seconds(len(samples))
        if seconds > _LONGEST_MESSAGE:
            raise errors.TooLargeError(
                f"a message has {seconds:.1f} s of audio, more than {_LONGEST_MESSAGE:g}; send shorter pieces"
            )
        if self._paused or not samples:
            return False
        backlog.put(samples, seconds)
        self._arrived.set()
        return True

    async def _received(self, patience: float) -> str | bytes:
        """The next message.

        Raises:
            SlowUploadError: there is none in time.
            WebSocketDisconnect: the client is gone.
        """
        try:
            async with asyncio.timeout(patience):
                message = await self.websocket.receive()
        except TimeoutError as error:
            raise errors.SlowUploadError("nothing has come for too long; connect again") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        return text if isinstance(text, str) else bytes(message["bytes"])

    async def _send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.websocket.send_json(message)


def _parsed(kind: type[Said], text: str) -> Said:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the message"
        raise errors.MalformedUploadError(f"{where} cannot be used ({first['msg']}); see docs/live.md") from error


async def _first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all of these until the first one ends, and end as it does."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
