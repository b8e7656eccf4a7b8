"""Worker processes that are always there: who dies, hangs or grows too large is replaced."""

import asyncio
import logging
from collections.abc import Iterable

from genrelens.errors import (
    GenrelensError,
    InvalidModelError,
    NotReadyError,
    OverloadedError,
    WorkerError,
    display_name,
)
from genrelens.web.core.metrics import Metrics
from genrelens.web.core.settings import Settings
from genrelens.web.workers.fair_queue import FairQueue
from genrelens.web.workers.messages import Job, LoadedModel, Outcome, WorkerSetup
from genrelens.web.workers.process import WorkerGoneError, WorkerProcess

_PAUSE = 1.0  # s before a worker is started again that did not start

_log = logging.getLogger(__name__)


class WorkerPool:
    """Workers, one job each at a time; where jobs wait, clients take turns.

    How many jobs can wait is for `genrelens.web.core.concurrency` to say.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._setup = WorkerSetup(**settings.model_dump(include=set(WorkerSetup.model_fields)))
        self._idle: FairQueue[WorkerProcess] = FairQueue()
        self._workers: set[WorkerProcess] = set()
        self._posts: set[asyncio.Task[None]] = set()
        self._ending = False
        self.offers: dict[str, LoadedModel] = {}  # by name, the default first

    async def start(self) -> None:
        """Start the workers, unless that is done; returns when they have their models.

        Raises:
            ModelError: a model cannot be found or used, or two have one name.
            WorkerError: a worker does not start.
        """
        while len(self._posts) < self._settings.workers:
            worker = await WorkerProcess.start(self._setup)
            self._take_on(worker)
            self._posts.add(asyncio.create_task(self._keep_filled(worker)))
            self.offers = _by_name(worker.offers)

    @property
    def ready(self) -> bool:
        """Whether a worker is there that can be asked, at once or when it has done its job."""
        return any(worker.alive for worker in self._workers)

    async def run(self, job: Job, client: str) -> Outcome:
        """Have a client's job done by the next worker that is free.

        Raises:
            OverloadedError: none became free in time.
            WorkerError: the worker died or took too long over it.
            NotReadyError: the server ends.
        """
        while True:
            worker = await self._next(job, client)
            try:
                return await worker.ask(job)
            except WorkerGoneError:
                continue  # it died while it waited; this job has no part in that
            except WorkerError as error:
                if self._ending:
                    raise NotReadyError("the server ends; ask again when it is back") from error
                raise
            finally:
                if worker.alive:
                    self._idle.give(worker)

    async def stop(self) -> None:
        """End all workers."""
        self._ending = True
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)
        self._posts.clear()
        await asyncio.gather(*(worker.end() for worker in self._workers))
        self._workers.clear()

    async def _next(self, job: Job, client: str) -> WorkerProcess:
        with self._metrics.waiting.track_inprogress():
            try:
                async with asyncio.timeout(self._settings.wait_seconds):
                    while not (worker := await self._idle.take(client)).alive:
                        pass
                    return worker
            except TimeoutError as error:
                raise OverloadedError(
                    f"{display_name(job.name)} waited {self._settings.wait_seconds:g} s and no worker was free; try later"
                ) from error

    async def _keep_filled(self, worker: WorkerProcess) -> None:
        """See to it that this worker, or another in its place, is there."""
        while True:
            await worker.gone()
            self._workers.discard(worker)
            self._metrics.workers_lost.inc()
            _log.warning("a worker process is gone; another takes its place")
            worker = await self._replacement()
            self._take_on(worker)

    async def _replacement(self) -> WorkerProcess:
        while True:
            try:
                return await WorkerProcess.start(self._setup)
            except GenrelensError:
                _log.exception("no worker process could be started; it is tried again")
                await asyncio.sleep(_PAUSE)

    def _take_on(self, worker: WorkerProcess) -> None:
        self._workers.add(worker)
        self._idle.give(worker)


def _by_name(offers: Iterable[LoadedModel]) -> dict[str, LoadedModel]:
    named: dict[str, LoadedModel] = {}
    for offer in offers:
        if offer.name in named:
            raise InvalidModelError(f"two models are called {offer.name!r}; offer one of them")
        named[offer.name] = offer
    return named
