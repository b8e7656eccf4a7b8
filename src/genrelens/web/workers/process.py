"""The server's handle of a worker process: start, run jobs, end."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import ClassVar, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from genrelens import errors
from genrelens.errors import DeadlineError, GenrelensError, WorkerError, display_name
from genrelens.prediction import Failure
from genrelens.web.core.telemetry import LOG_FIELDS
from genrelens.web.workers import messages

_COMMAND = (sys.executable, "-P", "-m")  # -P: never import from the current directory

_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # a worker uses one core; numpy's threads would only compete for it
    # glibc would retain ever more of the memory that broken files made it allocate: return large blocks (bytes).
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "4194304",
}

_READY = TypeAdapter(messages.WorkerReady)

Reply = TypeVar("Reply")

# Raised when a worker has exited, hangs (TimeoutError is an OSError) or sends malformed messages.
WORKER_FAULTS = (OSError, EOFError, ValidationError)

_LOG_CHUNK = 1 << 13  # bytes of stderr per log record

_START_SECONDS = 120.0  # to load the models
_EXIT_SECONDS = 2.0  # for an idle worker to exit by itself

_log = logging.getLogger(__name__)


class WorkerGoneError(BrokenPipeError):
    """The worker exited before it received the job."""


class WorkerProcess:
    """A process that has loaded its models and waits for jobs. Create one with `start`."""

    module: ClassVar[str] = "genrelens.web.workers.worker"  # what the process runs

    def __init__(self, process: Process, setup: messages.WorkerSetup) -> None:
        self._process = process
        self._setup = setup
        self._killed = False
        self._stderr_task = asyncio.create_task(self._log_stderr())
        self.models: tuple[messages.LoadedModel, ...] = ()

    @classmethod
    async def start(cls, setup: messages.WorkerSetup) -> Self:
        """Start a process and wait until it has loaded its models.

        Raises:
            ModelError: a model cannot be found or used.
            WorkerError: the process cannot be started, exits, or is not ready in time.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                cls.module,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=os.environ | _ENVIRONMENT,
                start_new_session=True,  # the server alone handles Ctrl-C
            )
        except OSError as error:
            raise WorkerError(f"a worker process cannot be started ({error.strerror}); free memory") from error
        worker = cls(process, setup)
        try:
            ready = await worker._exchange(messages.encode_message(setup), _READY, _START_SECONDS)
        except WORKER_FAULTS as error:
            raise WorkerError("a worker process failed before it was ready; see its output in the log") from error
        finally:
            if not worker.alive:
                await worker.wait()
        if ready.failure:
            await worker.end()
            raise error_from(ready.failure)
        worker.models = ready.models
        return worker

    @property
    def alive(self) -> bool:
        """Whether the process can take a job, now or after its current one."""
        return not self._killed and self._process.returncode is None

    async def run(self, job: messages.Job) -> messages.JobResult:
        """Run a job; the process is killed if this is cancelled or fails.

        Raises:
            WorkerGoneError: the process exited before it received the job.
            DeadlineError: the job took too long.
            WorkerError: the process died or sent a malformed result.
        """
        try:
            return await self._exchange(messages.encode_message(job), messages.JOB_RESULT, self._setup.file_seconds)
        except TimeoutError as error:
            raise DeadlineError(
                f"{display_name(job.name)} was not processed within {self._setup.file_seconds:g} s; send a shorter "
                "file or request fewer windows"
            ) from error
        except WorkerGoneError:
            raise
        except WORKER_FAULTS as error:
            raise WorkerError(
                f"{display_name(job.name)} crashed its worker process or exceeded the memory limit of "
                f"{self._setup.worker_mb} MB; leave it out"
            ) from error

    async def wait(self) -> None:
        """Wait until the process has exited, for whatever reason."""
        await self._process.wait()
        await asyncio.shield(self._stderr_task)

    async def end(self) -> None:
        """Ask the process to exit, and kill it if it does not."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_EXIT_SECONDS):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def kill(self) -> None:
        """Kill the process."""
        self._killed = True
        if self._process.returncode is None:
            self._process.kill()

    async def _log_stderr(self) -> None:
        """Log what the process writes to stderr, such as warnings or its traceback."""
        assert self._process.stderr
        while output := await self._process.stderr.read(_LOG_CHUNK):
            fields = {"pid": self._process.pid, "stderr": output.decode("utf-8", "replace")}
            _log.warning("output of a worker process", extra={LOG_FIELDS: fields})

    async def _exchange(self, message: bytes, reply: TypeAdapter[Reply], seconds: float) -> Reply:
        """Send a message and return the reply, or kill the process: else its reply could be taken for the next one."""
        try:
            async with asyncio.timeout(seconds):
                return reply.validate_json(await self._transfer(message))
        except BaseException:
            self.kill()
            raise

    async def _transfer(self, message: bytes) -> bytes:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(message)
        if self._process.stdin.is_closing():  # checked before any await: later, this message may be the cause
            raise WorkerGoneError
        await self._process.stdin.drain()
        return await messages.receive_message(self._process.stdout)


def error_from(failure: Failure) -> GenrelensError:
    """Return the error that a failure describes; a WorkerError if its type is unknown."""
    kind = errors.by_name(failure.error.type) or WorkerError
    return kind(failure.error.message)
