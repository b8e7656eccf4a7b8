"""The server's end of a worker process: start it, ask it, end it."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import ClassVar, Self

from pydantic import ValidationError

from genrelens import errors
from genrelens.errors import DeadlineError, GenrelensError, WorkerError, display_name
from genrelens.prediction import Failure
from genrelens.web.core.logs import LOG_FIELDS
from genrelens.web.workers.messages import Job, LoadedModel, Outcome, WorkerReady, WorkerSetup, encode_message, receive_message

# -P: what lies in the folder in which the server was started is not imported.
_COMMAND = (sys.executable, "-P", "-m")

_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # a worker has one core, and numpy's own threads would only get in its way
    # glibc would keep ever more of the memory that broken files made it fetch; so it gives large blocks back (bytes).
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "4194304",
}

# What a worker that is gone, silent or out of its mind gives; a TimeoutError is an OSError.
WORKER_FAULTS = (OSError, EOFError, ValidationError)

_SAID = 1 << 13  # bytes that are logged at a time

_STARTING = 120.0  # s until the models must be loaded
_LEAVING = 2.0  # s that an idle worker may take to end

_log = logging.getLogger(__name__)


class WorkerGoneError(BrokenPipeError):
    """A worker was gone before it could be asked."""


class WorkerProcess:
    """A process that has its models loaded and waits for jobs. Get one by `start`."""

    module: ClassVar[str] = "genrelens.web.workers.worker"  # what it runs

    def __init__(self, process: Process, setup: WorkerSetup) -> None:
        self._process = process
        self._setup = setup
        self._killed = False
        self._listening = asyncio.create_task(self._log_what_is_said())
        self.offers: tuple[LoadedModel, ...] = ()

    @classmethod
    async def start(cls, setup: WorkerSetup) -> Self:
        """Start a process and wait until it has its models.

        Raises:
            ModelError: they cannot be found or used.
            WorkerError: the process does not start, or says nothing.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                cls.module,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=os.environ | _ENVIRONMENT,
                start_new_session=True,  # Ctrl-C in a terminal is for the server alone to handle
            )
        except OSError as error:
            raise WorkerError(f"a worker process cannot be started ({error.strerror}); free memory") from error
        worker = cls(process, setup)
        try:
            async with asyncio.timeout(_STARTING):
                ready = WorkerReady.model_validate_json(await worker._exchange(encode_message(setup)))
        except WORKER_FAULTS as error:
            await worker.end()
            raise WorkerError("a worker process failed before it was ready; see what it printed") from error
        except BaseException:
            worker.kill()
            await worker.gone()
            raise
        if ready.failure:
            await worker.end()
            raise error_from(ready.failure)
        worker.offers = ready.offers
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._killed and self._process.returncode is None

    async def ask(self, job: Job) -> Outcome:
        """Have a job done. Whatever comes between, the process does not live on with half a job.

        Raises:
            UnaskedError: it was gone before it could be asked.
            DeadlineError: it took too long, and was killed.
            WorkerError: it died.
        """
        try:
            async with asyncio.timeout(self._setup.file_seconds):
                return Outcome.model_validate_json(await self._exchange(encode_message(job)))
        except TimeoutError as error:
            self.kill()
            raise DeadlineError(
                f"{display_name(job.name)} was not done within {self._setup.file_seconds:g} s; send a shorter file, or "
                "ask for fewer windows"
            ) from error
        except WorkerGoneError:
            self.kill()
            raise
        except WORKER_FAULTS as error:
            self.kill()
            raise WorkerError(
                f"{display_name(job.name)} made its process die, or wanted more memory than the "
                f"{self._setup.worker_mb} MB that one file may have; leave it out"
            ) from error
        except BaseException:
            self.kill()
            raise

    async def gone(self) -> None:
        """Wait until the process has ended, however it came to that."""
        await self._process.wait()
        await asyncio.shield(self._listening)

    async def end(self) -> None:
        """Let the process leave, or make it."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_LEAVING):
                await self.gone()
        except TimeoutError:
            self.kill()
            await self.gone()

    def kill(self) -> None:
        """End the process at once."""
        self._killed = True
        if self._process.returncode is None:
            self._process.kill()

    async def _log_what_is_said(self) -> None:
        """What a process says on stderr, a warning or how it died, goes to the log as ours does."""
        assert self._process.stderr
        while said := await self._process.stderr.read(_SAID):
            told = {"pid": self.pid, "said": said.decode("utf-8", "replace")}
            _log.warning("a worker process says something", extra={LOG_FIELDS: told})

    async def _exchange(self, message: bytes) -> bytes:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(message)
        if self._process.stdin.is_closing():  # at once: later, it may have died of the message
            raise WorkerGoneError
        await self._process.stdin.drain()
        return await receive_message(self._process.stdout)


def error_from(failure: Failure) -> GenrelensError:
    """The error that a failure tells of."""
    kind = getattr(errors, failure.error.type, GenrelensError)
    error: GenrelensError = kind(failure.error.message)
    return error
