"""A pool of worker processes; a process that dies, hangs or exceeds its memory limit is replaced."""

import asyncio
import logging
from collections.abc import Iterable

from genrelens import errors
from genrelens.errors import GenrelensError, WorkerError, display_name
from genrelens.web.core.concurrency import FairQueue
from genrelens.web.core.settings import Settings
from genrelens.web.core.telemetry import Metrics
from genrelens.web.workers.messages import Job, JobResult, LoadedModel, WorkerSetup
from genrelens.web.workers.process import WorkerGoneError, WorkerProcess

_RESTART_DELAY = 1.0  # s after a failed start

_log = logging.getLogger(__name__)


class WorkerPool:
    """Workers that run one job each at a time; clients with waiting jobs take turns.

    The pool does not limit the number of waiting jobs; `genrelens.web.core.concurrency` does.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._setup = WorkerSetup.from_settings(settings)
        self._idle: FairQueue[WorkerProcess] = FairQueue()
        self._workers: set[WorkerProcess] = set()
        self._supervisors: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.models: dict[str, LoadedModel] = {}  # by name, the default first

    async def start(self) -> None:
        """Start the workers that are not running yet, and wait until they have loaded their models.

        Raises:
            ModelError: a model cannot be found or used, or two models have the same name.
            WorkerError: a worker cannot be started.
        """
        while len(self._supervisors) < self._settings.workers:
            worker = await WorkerProcess.start(self._setup)
            self._add(worker)
            self._supervisors.add(asyncio.create_task(self._supervise(worker)))
            self.models = _by_name(worker.models)

    @property
    def ready(self) -> bool:
        """Whether a worker is alive, idle or not."""
        return any(worker.alive for worker in self._workers)

    def require_model(self, name: str | None) -> LoadedModel:
        """Return the model of a name, or the default model for None.

        Raises:
            ModelNotFoundError: this server has no model of that name.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise errors.ModelNotFoundError(f"this server has no model {name!r}; it has {', '.join(self.models)}")
        return self.models[name]

    async def run(self, job: Job, client: str) -> JobResult:
        """Run a client's job on the next free worker.

        Raises:
            OverloadedError: no worker became free in time.
            WorkerError: the worker died or took too long.
            NotReadyError: the server is shutting down.
        """
        while True:
            worker = await self._acquire(job, client)
            try:
                return await worker.run(job)
            except WorkerGoneError:
                continue  # it died idle, not because of this job
            except WorkerError as error:
                if self._stopping:
                    raise errors.NotReadyError("the server is shutting down; try again when it is back") from error
                raise
            finally:
                if worker.alive:
                    self._idle.release(worker)

    async def stop(self) -> None:
        """End all workers."""
        self._stopping = True
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        self._supervisors.clear()
        await asyncio.gather(*(worker.end() for worker in self._workers))
        self._workers.clear()

    async def _acquire(self, job: Job, client: str) -> WorkerProcess:
        with self._metrics.files_waiting.track_inprogress():
            try:
                async with asyncio.timeout(self._settings.wait_seconds):
                    while not (worker := await self._idle.acquire(client)).alive:
                        pass
                    return worker
            except TimeoutError as error:
                raise errors.OverloadedError(
                    f"{display_name(job.name)} waited {self._settings.wait_seconds:g} s for a free worker; "
                    "try again later"
                ) from error

    async def _supervise(self, worker: WorkerProcess) -> None:
        """Replace a worker whenever it exits."""
        while True:
            await worker.wait()
            self._workers.discard(worker)
            self._metrics.workers_lost.inc()
            _log.warning("a worker process exited; starting another")
            worker = await self._start_replacement()
            self._add(worker)

    async def _start_replacement(self) -> WorkerProcess:
        while True:
            try:
                return await WorkerProcess.start(self._setup)
            except GenrelensError:
                _log.exception("a worker process could not be started; trying again")
                await asyncio.sleep(_RESTART_DELAY)

    def _add(self, worker: WorkerProcess) -> None:
        self._workers.add(worker)
        self._idle.release(worker)


def _by_name(models: Iterable[LoadedModel]) -> dict[str, LoadedModel]:
    named: dict[str, LoadedModel] = {}
    for model in models:
        if model.name in named:
            raise errors.InvalidModelError(f"two models are named {model.name!r}; serve only one of them")
        named[model.name] = model
    return named
