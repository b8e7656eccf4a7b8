"""The server's handle of the live worker, a process that runs while there are live sessions; and its messages."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from genrelens.errors import GenrelensError, ListenerLostError, WorkerError
from genrelens.prediction import Failure
from genrelens.records import FrozenModel
from genrelens.web.workers.messages import WorkerSetup, encode_message
from genrelens.web.workers.process import WORKER_FAULTS, WorkerProcess, error_from

_REPLY_SECONDS = 10.0  # to classify a few seconds of audio

Messages = tuple[dict[str, Any], ...]  # JSON objects for the client


class StartSession(FrozenModel):
    """Starts a session with a model."""

    kind: Literal["start"] = "start"
    session: int
    model: str


class AddAudio(FrozenModel):
    """Adds audio to a session; `missed` seconds were dropped before it.

    The samples follow as a message of their own: float32, little-endian, interleaved.
    """

    kind: Literal["audio"] = "audio"
    session: int
    rate: int
    channels: int
    missed: float


class EndSession(FrozenModel):
    """Ends a session."""

    kind: Literal["end"] = "end"
    session: int


Command = Annotated[StartSession | AddAudio | EndSession, Field(discriminator="kind")]


class LiveReply(FrozenModel):
    """The reply to a command: JSON objects to forward to the client, or the failure of the command."""

    messages: Messages = ()
    failure: Failure | None = None


_REPLY = TypeAdapter(LiveReply)


class LiveProcess(WorkerProcess):
    """A live worker: executes the commands of all sessions one at a time, in their order."""

    module = "genrelens.web.live.worker"

    def __init__(self, process: asyncio.subprocess.Process, setup: WorkerSetup) -> None:
        super().__init__(process, setup)
        self.sessions: set[int] = set()
        self._lock = asyncio.Lock()
        self._pending: set[asyncio.Task[Messages]] = set()

    async def send(self, command: Command, *samples: bytes) -> Messages:
        """Send a command, followed by samples if it has any, and return the messages for the client.

        If the caller is cancelled, the exchange still completes, so that its reply is not taken for the next one.

        Raises:
            ListenerLostError: the process exited, or was killed because it took too long.
            GenrelensError: the command failed.
        """
        task = asyncio.create_task(self._send(encode_message(command) + b"".join(map(encode_message, samples))))
        self._pending.add(task)
        task.add_done_callback(self._finish)
        return await asyncio.shield(task)

    async def _send(self, message: bytes) -> Messages:
        async with self._lock:
            try:
                reply = await self._exchange(message, _REPLY, _REPLY_SECONDS)
            except (*WORKER_FAULTS, WorkerError) as error:
                raise ListenerLostError("the live worker process exited; connect again") from error
        if reply.failure:
            raise error_from(reply.failure)
        return reply.messages

    def _finish(self, task: "asyncio.Task[Messages]") -> None:
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()  # mark it as retrieved: the caller may have been cancelled


@dataclass(frozen=True)
class LiveSession:
    """A session of a client; `ready` is its first message to the client."""

    number: int
    ready: Messages
    process: LiveProcess

    async def process_audio(self, samples: bytes, rate: int, channels: int, missed: float) -> Messages:
        """Classify the next samples and return the messages for the client; `missed` seconds were dropped before."""
        command = AddAudio(session=self.number, rate=rate, channels=channels, missed=missed)
        return await self.process.send(command, samples)


class LiveClient:
    """Starts the live worker with the first session and ends it with the last."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._numbers = itertools.count()
        self._start_lock = asyncio.Lock()
        self._process: LiveProcess | None = None

    @contextlib.asynccontextmanager
    async def session(self, model: str) -> AsyncIterator[LiveSession]:
        """Open a session with a model for the duration of the block.

        Raises:
            ListenerLostError: the process cannot be started.
            ModelError: the model does not classify audio.
        """
        number = next(self._numbers)
        process = await self._join(number)
        try:
            yield LiveSession(number, await process.send(StartSession(session=number, model=model)), process)
        finally:
            await self._leave(process, number)

    async def _join(self, number: int) -> LiveProcess:
        async with self._start_lock:
            if self._process is None or not self._process.alive:
                try:
                    self._process = await LiveProcess.start(self._setup)
                except WorkerError as error:
                    raise ListenerLostError("the live worker process could not be started; try again soon") from error
            self._process.sessions.add(number)
            return self._process

    async def _leave(self, process: LiveProcess, number: int) -> None:
        process.sessions.discard(number)
        if process.sessions:
            with contextlib.suppress(GenrelensError):
                await process.send(EndSession(session=number))
            return
        if self._process is process:
            self._process = None
        await process.end()
