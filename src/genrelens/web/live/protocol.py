"""The protocol of `/v1/live`: the messages of clients, and the exchange with one client."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import Field, SecretStr, ValidationError

from genrelens import errors
from genrelens.audio.ring_buffer import RingBuffer
from genrelens.errors import GenrelensError
from genrelens.records import FrozenModel
from genrelens.web.core.problems import Problem
from genrelens.web.core.settings import LiveLimits
from genrelens.web.live.client import LiveSession

_SAMPLE_BYTES = 4
_BATCH_SECONDS = 0.1  # audio processed together: smaller batches cost more for the same predictions
_MAX_MESSAGE_SECONDS = 2.0  # audio in one message
_MAX_BACKLOG_BYTES = 3 << 19  # unprocessed audio: 4 s of stereo at 48 kHz


class Hello(FrozenModel):
    """The first message of a client; browsers, which cannot set a header, send their API key in it."""

    rate: Annotated[int, Field(ge=4_000, le=192_000)]
    channels: Annotated[int, Field(ge=1, le=2)] = 1
    model: str | None = None
    key: SecretStr | None = None

    @property
    def token(self) -> str:
        """The API key, or an empty string."""
        return self.key.get_secret_value() if self.key else ""

    def seconds(self, size: int) -> float:
        """Return the duration in seconds of `size` bytes of samples."""
        return size / (_SAMPLE_BYTES * self.channels * self.rate)


class Control(FrozenModel):
    """A later message of a client: pause, resume or stop."""

    pause: bool = False
    stop: bool = False


ClientMessage = TypeVar("ClientMessage", Hello, Control)


class LiveConnection:
    """The exchange with one client: receives audio while earlier audio is being processed.

    Args:
        websocket: the accepted connection.
        limits: limits of sessions.
        count_audio: called with the seconds of audio that were processed.
    """

    def __init__(self, websocket: WebSocket, limits: LiveLimits, count_audio: Callable[[float], None]) -> None:
        self.websocket = websocket
        self.id: str = websocket.state.id
        self.audio_seconds = 0.0  # processed
        self.missed_seconds = 0.0  # dropped
        self._limits = limits
        self._count_audio = count_audio
        self._audio_arrived = asyncio.Event()
        self._paused = False

    async def receive_hello(self) -> Hello:
        """Wait for the first message.

        Raises:
            MalformedUploadError: the message is not a valid hello.
            SlowUploadError: no message arrives in time.
        """
        message = await self._receive(self._limits.hello_seconds)
        if not isinstance(message, str):
            raise errors.MalformedUploadError("the first message must be JSON with the sampling rate (`rate`)")
        return _parse(Hello, message)

    async def run(self, hello: Hello, session: LiveSession) -> None:
        """Classify audio until the client stops.

        Raises:
            TooLongError: the session exceeds its maximum duration.
            GenrelensError: the client sends invalid messages, no audio for too long, or the live worker fails.
        """
        await self._send(*session.ready)
        backlog_seconds = min(self._limits.backlog_seconds, hello.seconds(_MAX_BACKLOG_BYTES))
        backlog: RingBuffer[bytes] = RingBuffer(backlog_seconds)
        try:
            async with asyncio.timeout(self._limits.session_seconds):
                await _run_until_first(
                    self._receive_audio(hello, backlog), self._send_predictions(hello, backlog, session)
                )
        except TimeoutError as error:
            raise errors.TooLongError(
                f"the session reached its maximum duration of {self._limits.session_seconds:g} s; connect again"
            ) from error

    async def close_with_problem(self, error: GenrelensError, code: int) -> None:
        """Send an error as a problem, and close the connection with a code."""
        problem = Problem.from_error(error, self.id)
        with contextlib.suppress(WebSocketDisconnect):
            await self._send({"problem": problem.model_dump(exclude_none=True)})
            await self.websocket.close(code, problem.title)

    async def _receive_audio(self, hello: Hello, backlog: RingBuffer[bytes]) -> None:
        """Buffer audio until the client stops. Only audio, or the end of a pause, postpones the idle timeout."""
        last_audio = last_activity = time.monotonic()
        while True:
            if self._paused:
                deadline = last_audio + self._limits.paused_seconds
            else:
                deadline = last_activity + self._limits.idle_seconds
            message = await self._receive(deadline - time.monotonic())
            if isinstance(message, bytes):
                if self._buffer(message, hello, backlog):
                    last_audio = last_activity = time.monotonic()
                continue
            control = _parse(Control, message)
            if control.stop:
                return
            if self._paused and not control.pause:
                last_activity = time.monotonic()
            self._paused = control.pause

    async def _send_predictions(self, hello: Hello, backlog: RingBuffer[bytes], session: LiveSession) -> None:
        while True:
            await self._audio_arrived.wait()
            await asyncio.sleep(_BATCH_SECONDS)
            self._audio_arrived.clear()
            pieces, missed = backlog.take_all()
            samples = b"".join(pieces)
            await self._send(*await session.process_audio(samples, hello.rate, hello.channels, missed))
            seconds = hello.seconds(len(samples))
            self.audio_seconds += seconds
            self._count_audio(seconds)
            self.missed_seconds += missed

    def _buffer(self, samples: bytes, hello: Hello, backlog: RingBuffer[bytes]) -> bool:
        """Buffer samples unless the session is paused; return whether there was audio to buffer."""
        if len(samples) % (_SAMPLE_BYTES * hello.channels):
            raise errors.MalformedUploadError(
                f"a message of {len(samples)} bytes is not float32 samples of {hello.channels} channels; check both"
            )
        seconds = hello.seconds(len(samples))
        if seconds > _MAX_MESSAGE_SECONDS:
            raise errors.TooLargeError(
                f"a message has {seconds:.1f} s of audio, more than {_MAX_MESSAGE_SECONDS:g} s; send shorter messages"
            )
        if self._paused or not samples:
            return False
        backlog.put(samples, seconds)
        self._audio_arrived.set()
        return True

    async def _receive(self, timeout: float) -> str | bytes:
        """Wait `timeout` seconds for the next message; SlowUploadError if none arrives."""
        try:
            async with asyncio.timeout(timeout):
                message = await self.websocket.receive()
        except TimeoutError as error:
            raise errors.SlowUploadError("no audio arrived for too long; connect again") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        return text if isinstance(text, str) else bytes(message["bytes"])

    async def _send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.websocket.send_json(message)


def _parse(kind: type[ClientMessage], text: str) -> ClientMessage:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the message"
        raise errors.MalformedUploadError(f"{field} is invalid ({first['msg']}); see docs/live.md") from error


async def _run_until_first(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines concurrently until the first one returns or raises; cancel the others."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
