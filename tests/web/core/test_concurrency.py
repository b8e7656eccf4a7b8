import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from genrelens.errors import OverloadedError, ShareExceededError
from genrelens.web.core.concurrency import ConcurrencyLimiter, FairQueue
from tests.support.processes import run_coroutine


async def start(*coroutines: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Start coroutines, and let each run until it waits."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await asyncio.sleep(0)
    return tasks


def test_slots_are_limited_per_client_and_in_total() -> None:
    limiter = ConcurrencyLimiter(3, 2, "requests")
    with limiter.slot("a"), limiter.slot("a"):
        with pytest.raises(ShareExceededError), limiter.slot("a"):
            pass
        with limiter.slot("b"), pytest.raises(OverloadedError), limiter.slot("c"):
            pass
        with limiter.slot("c"):
            pass


def test_a_limit_of_zero_disables_the_operation() -> None:
    limiter = ConcurrencyLimiter(0, 4, "live sessions")
    with pytest.raises(OverloadedError, match="live sessions are disabled"), limiter.slot("a"):
        pass


def test_slots_are_released_after_an_exception() -> None:
    limiter = ConcurrencyLimiter(1, 1, "requests")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limiter.slot("a"):
            raise ZeroDivisionError
    with limiter.slot("a"):
        pass


def test_the_queue_serves_clients_in_turn_and_each_in_its_order() -> None:
    async def scenario() -> None:
        queue: FairQueue[str] = FairQueue()
        served = []

        async def use(client: str, job: str) -> None:
            resource = await queue.acquire(client)
            served.append(job)
            queue.release(resource)

        tasks = await start(*(use("a", f"a{n}") for n in range(3)), use("b", "b0"), use("c", "c0"), use("b", "b1"))
        queue.release("resource")
        await asyncio.gather(*tasks)
        assert served == ["a0", "b0", "c0", "a1", "b1", "a2"]
        assert await queue.acquire("d") == "resource"

    run_coroutine(scenario())


def test_a_cancelled_client_does_not_lose_the_resource() -> None:
    async def scenario() -> None:
        queue: FairQueue[str] = FairQueue()
        before, after, waiting = await start(*(queue.acquire("a") for _ in range(3)))
        before.cancel()
        queue.release("resource")
        after.cancel()  # the resource has been assigned to it, but it has not run since
        assert await asyncio.wait_for(waiting, 5) == "resource"

    run_coroutine(scenario())
