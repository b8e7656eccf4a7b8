"""Tests with real worker processes that die, hang or cannot start."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from genrelens.errors import (
    DeadlineError,
    InvalidModelError,
    ModelNotFoundError,
    NotReadyError,
    OverloadedError,
    WorkerError,
)
from genrelens.model import zoo
from genrelens.web.core.settings import Settings
from genrelens.web.core.telemetry import LOG_FIELDS, Metrics
from genrelens.web.workers.messages import Job, Result
from genrelens.web.workers.pool import WorkerPool
from tests.support.processes import children, run_coroutine


@asynccontextmanager
async def run_pool(model: Path, **settings: Any) -> AsyncIterator[tuple[WorkerPool, int]]:
    """Run a pool with one worker; yields it with the worker's process id."""
    pool = WorkerPool(Settings(models=(str(model),), **settings), Metrics())
    before = set(children(os.getpid()))
    await pool.start()
    try:
        [worker] = set(children(os.getpid())) - before
        yield pool, worker
    finally:
        await pool.stop()
    assert set(children(os.getpid())) <= before


async def start_and_stop(*models: str) -> None:
    pool = WorkerPool(Settings(models=models), Metrics())
    try:
        await pool.start()
    finally:
        await pool.stop()


@pytest.fixture
def job(song: Path) -> Job:
    return Job(path=str(song), name="a song", model="tilt")


def test_a_worker_that_hangs_is_killed_and_replaced(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file, file_seconds=0.5) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            with pytest.raises(DeadlineError, match=r"a song was not processed within 0\.5 s"):
                await pool.run(job, "a")
            assert isinstance(await pool.run(job, "a"), Result)
            assert not Path(f"/proc/{worker}").exists()

    run_coroutine(scenario())


def test_only_the_job_of_a_worker_that_dies_fails(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            first = asyncio.create_task(pool.run(job, "a"))
            others = [asyncio.create_task(pool.run(job, "a")) for _ in range(3)]
            await asyncio.sleep(0.1)
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(WorkerError, match="a song crashed its worker process"):
                await first
            assert all(isinstance(result, Result) for result in await asyncio.gather(*others))

    run_coroutine(scenario())


def test_a_worker_that_dies_idle_is_replaced(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, worker):
            os.kill(worker, signal.SIGKILL)
            while pool.ready:
                await asyncio.sleep(0.01)
            assert isinstance(await pool.run(job, "a"), Result)
            assert pool.ready

    run_coroutine(scenario())


def test_a_job_does_not_fail_if_its_worker_died_unnoticed(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, worker):
            os.kill(worker, signal.SIGKILL)
            while worker in children(os.getpid()):
                time.sleep(0.01)  # not asyncio's, which would notice
            assert pool.ready
            assert isinstance(await pool.run(job, "a"), Result)

    run_coroutine(scenario())


def test_a_job_that_a_shutdown_interrupts_is_not_blamed(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            run = asyncio.create_task(pool.run(job, "a"))
            await asyncio.sleep(0.1)
            await pool.stop()
            with pytest.raises(NotReadyError, match="the server is shutting down"):
                await run

    run_coroutine(scenario())


def test_stderr_of_a_worker_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("genrelens.web.workers.process._COMMAND", (sys.executable, "-c", "1 / 0"))
    with pytest.raises(WorkerError):
        run_coroutine(start_and_stop("lens"))
    records = [getattr(record, LOG_FIELDS) for record in caplog.records if "output of a worker" in record.message]
    assert all(record["pid"] > 0 for record in records)
    assert "ZeroDivisionError" in "".join(record["stderr"] for record in records)  # it may arrive in pieces


def test_a_client_with_many_jobs_does_not_delay_the_others(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            finished: list[str] = []

            async def run(client: str) -> None:
                await pool.run(job, client)
                finished.append(client)

            runs = [asyncio.create_task(run(client)) for client in ("a", "a", "a", "a", "b")]
            await asyncio.sleep(0.1)
            os.kill(worker, signal.SIGCONT)
            await asyncio.gather(*runs)
            assert finished.index("b") <= 2

    run_coroutine(scenario())


def test_a_job_that_waits_too_long_is_refused(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file, wait_seconds=0.2) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            first = asyncio.create_task(pool.run(job, "a"))
            await asyncio.sleep(0)
            with pytest.raises(OverloadedError, match="a song waited"):
                await pool.run(job, "a")
            os.kill(worker, signal.SIGCONT)
            assert isinstance(await first, Result)

    run_coroutine(scenario())


def test_the_result_of_a_cancelled_job_is_not_taken_for_the_next(model_file: Path, job: Job) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, worker):
            os.kill(worker, signal.SIGSTOP)
            cancelled = asyncio.create_task(pool.run(job, "a"))
            await asyncio.sleep(0.1)
            cancelled.cancel()
            result = await pool.run(job.model_copy(update={"name": "another"}), "b")
            assert isinstance(result, Result)
            assert result.path == "another"

    run_coroutine(scenario())


def test_a_worker_that_exceeds_its_memory_limit_fails_alone(song: Path) -> None:
    job = Job(path=str(song), name="a song", model="lens")  # which needs more than any process has left over

    async def scenario() -> None:
        async with run_pool(zoo.find("lens"), worker_mb=1) as (pool, worker):
            with pytest.raises(WorkerError, match="memory limit of 1 MB"):
                await pool.run(job, "a")
            with pytest.raises(WorkerError):
                await pool.run(job, "a")
            assert not Path(f"/proc/{worker}").exists()

    run_coroutine(scenario())


def test_the_error_of_a_missing_model_is_raised_unchanged(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"missing\.onnx does not exist"):
        run_coroutine(start_and_stop(str(tmp_path / "missing.onnx")))


@pytest.mark.parametrize("script", ["", "print('x' * 1000)", "import sys; sys.stdout.write('\\0' * 3 + '\\x02[]')"])
def test_a_worker_with_malformed_messages_is_refused(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelens.web.workers.process._COMMAND", (sys.executable, "-c", script))
    with pytest.raises(WorkerError):
        run_coroutine(start_and_stop("lens"))


def test_two_models_of_the_same_name_are_refused(model_file: Path) -> None:
    with pytest.raises(InvalidModelError, match="two models are named 'tilt'"):
        run_coroutine(start_and_stop(str(model_file), str(model_file)))


def test_an_unknown_model_is_reported_with_the_known_ones(model_file: Path) -> None:
    async def scenario() -> None:
        async with run_pool(model_file) as (pool, _):
            assert pool.require_model(None).name == pool.require_model("tilt").name == "tilt"
            with pytest.raises(ModelNotFoundError, match="no model 'bach'; it has tilt"):
                pool.require_model("bach")

    run_coroutine(scenario())
