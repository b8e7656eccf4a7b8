"""Workers that die, hang or cannot start, without a server around them."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from genrelens import errors
from genrelens.errors import (
    DeadlineError,
    InvalidModelError,
    ModelNotFoundError,
    NotReadyError,
    OverloadedError,
    WorkerError,
)
from genrelens.model import zoo
from genrelens.web.core.logs import LOG_FIELDS
from genrelens.web.core.metrics import Metrics
from genrelens.web.core.settings import Settings
from genrelens.web.workers.messages import Job
from genrelens.web.workers.pool import WorkerPool
from genrelens.web.workers.process import error_from
from tests.support.processes import children, run_coroutine


@asynccontextmanager
async def pool_of(model: Path, **settings: Any) -> AsyncIterator[tuple[WorkerPool, int]]:
    """A pool with one worker, and that worker's process id."""
    pool = WorkerPool(Settings(models=(str(model),), **settings), Metrics())
    before = set(children(os.getpid()))
    await pool.start()
    try:
        [worker] = set(children(os.getpid())) - before
        yield pool, worker
    finally:
        await pool.stop()
    assert set(children(os.getpid())) <= before


@pytest.fixture
def job(song: Path) -> Job:
    return Job(path=str(song), name="a song", model="tilt")


def test_a_worker_that_hangs_is_killed_and_replaced(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file, file_seconds=0.5) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            with pytest.raises(DeadlineError, match=r"a song was not done within 0\.5 s"):
                await pool.run(job, "a")
            assert (await pool.run(job, "a")).result
            assert not Path(f"/proc/{worker}").exists()

    run_coroutine(scene())


def test_who_waits_for_a_worker_that_dies_gets_the_next(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            first = asyncio.create_task(pool.run(job, "a"))
            others = [asyncio.create_task(pool.run(job, "a")) for _ in range(3)]
            await asyncio.sleep(0.1)
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(WorkerError, match="a song made its process die"):
                await first
            assert all(outcome.result for outcome in await asyncio.gather(*others))

    run_coroutine(scene())


def test_a_worker_that_dies_idle_costs_nothing(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file) as (pool, worker):
            os.kill(worker, signal.SIGKILL)
            while pool.ready:
                await asyncio.sleep(0.01)
            assert (await pool.run(job, "a")).result
            assert pool.ready

    run_coroutine(scene())


def test_a_worker_that_dies_unseen_costs_nothing(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file) as (pool, worker):
            os.kill(worker, signal.SIGKILL)
            while worker in children(os.getpid()):
                time.sleep(0.01)  # and not asyncio's, which would see it
            assert pool.ready
            assert (await pool.run(job, "a")).result

    run_coroutine(scene())


def test_who_is_judged_when_the_server_ends_is_not_blamed(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            asked = asyncio.create_task(pool.run(job, "a"))
            await asyncio.sleep(0.1)
            await pool.stop()
            with pytest.raises(NotReadyError, match="the server ends"):
                await asked

    run_coroutine(scene())


def test_what_a_worker_says_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("genrelens.web.workers.process._COMMAND", (sys.executable, "-c", "1 / 0"))
    with pytest.raises(WorkerError):
        run_coroutine(_start("lens")())
    told = [getattr(record, LOG_FIELDS) for record in caplog.records if "says something" in record.message]
    assert all(one["pid"] > 0 for one in told)
    assert "ZeroDivisionError" in "".join(one["said"] for one in told)  # it may come in pieces


def test_one_who_asks_for_much_is_not_all_that_is_served(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            done: list[str] = []

            async def ask(client: str) -> None:
                await pool.run(job, client)
                done.append(client)

            asked = [asyncio.create_task(ask(client)) for client in ("a", "a", "a", "a", "b")]
            await asyncio.sleep(0.1)
            os.kill(worker, signal.SIGCONT)
            await asyncio.gather(*asked)
            assert done.index("b") <= 2

    run_coroutine(scene())


def test_who_waits_too_long_is_turned_away(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file, wait_seconds=0.2) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            first = asyncio.create_task(pool.run(job, "a"))
            await asyncio.sleep(0)
            with pytest.raises(OverloadedError, match="a song waited"):
                await pool.run(job, "a")
            os.kill(worker, signal.SIGCONT)
            assert (await first).result

    run_coroutine(scene())


def test_a_job_that_nobody_waits_for_any_more_does_not_answer_the_next(model_file: Path, job: Job) -> None:
    async def scene() -> None:
        async with pool_of(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            left = asyncio.create_task(pool.run(job, "a"))
            await asyncio.sleep(0.1)
            left.cancel()
            other = job.model_copy(update={"name": "another"})
            outcome = await pool.run(other, "b")
            assert outcome.result
            assert outcome.result["path"] == "another"

    run_coroutine(scene())


def test_a_worker_that_wants_more_memory_than_it_may_have_ends_alone(song: Path) -> None:
    job = Job(path=str(song), name="a song", model="lens")  # whose net wants more than any worker has left over

    async def scene() -> None:
        async with pool_of(zoo.find("lens"), worker_mb=1) as (pool, worker):
            with pytest.raises(WorkerError, match="more memory than the 1 MB"):
                await pool.run(job, "a")
            with pytest.raises(WorkerError):
                await pool.run(job, "a")
            assert not Path(f"/proc/{worker}").exists()

    run_coroutine(scene())


def _start(*models: str) -> Callable[[], Coroutine[Any, Any, None]]:
    async def scene() -> None:
        pool = WorkerPool(Settings(models=models), Metrics())
        try:
            await pool.start()
        finally:
            await pool.stop()

    return scene


def test_a_model_that_cannot_be_had_is_told_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"missing\.onnx does not exist"):
        run_coroutine(_start(str(tmp_path / "missing.onnx"))())


@pytest.mark.parametrize("script", ["", "print('x' * 1000)", "import sys; sys.stdout.write('\\0' * 3 + '\\x02[]')"])
def test_a_worker_that_talks_nonsense_is_not_taken_on(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelens.web.workers.process._COMMAND", (sys.executable, "-c", script))
    with pytest.raises(WorkerError):
        run_coroutine(_start("lens")())


def test_two_models_of_one_name_are_refused(model_file: Path) -> None:
    with pytest.raises(InvalidModelError, match="two models are called 'tilt'"):
        run_coroutine(_start(str(model_file), str(model_file))())


def test_errors_come_back_as_what_they_were() -> None:
    from genrelens.prediction import Failure

    error = error_from(Failure.from_error("a", errors.TooShortError("too short")))
    assert type(error) is errors.TooShortError
    assert str(error) == "too short"
