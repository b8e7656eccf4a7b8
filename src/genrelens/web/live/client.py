"""The server's end of the process that listens: it is there for as long as anybody is listened to."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from genrelens.errors import GenrelensError, ListenerLostError, WorkerError
from genrelens.web.live.messages import Begin, End, Hear, Instruction, Told
from genrelens.web.workers.messages import Setup, packed
from genrelens.web.workers.process import FAULTS, WorkerProcess, error_of

_ANSWERING = 10.0  # s in which a few seconds of audio must be judged

Messages = tuple[dict[str, Any], ...]


class ListeningProcess(WorkerProcess):
    """Does one thing at a time for all who ask, in the order in which they do."""

    module = "genrelens.web.live.worker"

    def __init__(self, process: asyncio.subprocess.Process, setup: Setup) -> None:
        super().__init__(process, setup)
        self.sessions: set[int] = set()
        self._turn = asyncio.Lock()
        self._asked: set[asyncio.Task[Messages]] = set()

    async def tell(self, instruction: Instruction, *samples: bytes) -> Messages:
        """Tell it something, with samples where there are some to hear.

        Who is cancelled meanwhile leaves no answer behind that another would take for his.

        Raises:
            ListenerLostError: the process is gone, or too slow and was killed.
            GenrelensError: it cannot do that.
        """
        task = asyncio.create_task(self._tell(packed(instruction) + b"".join(map(packed, samples))))
        self._asked.add(task)
        task.add_done_callback(self._answered)
        return await asyncio.shield(task)

    async def _tell(self, message: bytes) -> Messages:
        async with self._turn:
            try:
                async with asyncio.timeout(_ANSWERING):
                    told = Told.model_validate_json(await self._exchange(message))
            except (*FAULTS, WorkerError) as error:
                self.kill()  # else the next would read what is left of this
                raise ListenerLostError("what listened to you has come to an end; connect again") from error
        if told.failure:
            raise error_of(told.failure)
        return told.messages

    def _answered(self, task: "asyncio.Task[Messages]") -> None:
        self._asked.discard(task)
        if not task.cancelled():
            task.exception()  # is known, even if nobody waits for it any more


@dataclass(frozen=True)
class Session:
    """One of those who are listened to; `greeting` is what it is told first."""

    number: int
    greeting: Messages
    process: ListeningProcess

    async def hear(self, samples: bytes, rate: int, channels: int, missed: float) -> Messages:
        """Have samples heard; returns what is told of them."""
        instruction = Hear(session=self.number, rate=rate, channels=channels, missed=missed)
        return await self.process.tell(instruction, samples)


class Ear:
    """Starts the process that listens with the first session, and ends it with the last."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._numbers = itertools.count()
        self._starting = asyncio.Lock()
        self._process: ListeningProcess | None = None

    @contextlib.asynccontextmanager
    async def session(self, model: str) -> AsyncIterator[Session]:
        """Have a model listen while the block runs.

        Raises:
            ListenerLostError: no process can be started.
            ModelError: this model does not hear.
        """
        number = next(self._numbers)
        process = await self._joined(number)
        try:
            yield Session(number, await process.tell(Begin(session=number, model=model)), process)
        finally:
            await self._left(process, number)

    async def _joined(self, number: int) -> ListeningProcess:
        async with self._starting:
            if self._process is None or not self._process.alive:
                try:
                    self._process = await ListeningProcess.start(self._setup)
                except WorkerError as error:
                    raise ListenerLostError("the process that listens does not start; try again soon") from error
            self._process.sessions.add(number)
            return self._process

    async def _left(self, process: ListeningProcess, number: int) -> None:
        process.sessions.discard(number)
        if process.sessions:
            with contextlib.suppress(GenrelensError):
                await process.tell(End(session=number))
            return
        if self._process is process:
            self._process = None
        await process.end()
