import asyncio
from collections.abc import Coroutine
from typing import Any

from genrelens.web.workers.fair_queue import FairQueue
from tests.support.processes import run_coroutine


async def waiting(*coroutines: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await asyncio.sleep(0)
    return tasks


def test_clients_take_turns_and_each_is_served_in_its_order() -> None:
    async def scene() -> None:
        turns: FairQueue[str] = FairQueue()
        served = []

        async def ask(client: str, what: str) -> None:
            thing = await turns.take(client)
            served.append(what)
            turns.give(thing)

        tasks = await waiting(*(ask("a", f"a{n}") for n in range(3)), ask("b", "b0"), ask("c", "c0"), ask("b", "b1"))
        turns.give("a thing")
        await asyncio.gather(*tasks)
        assert served == ["a0", "b0", "c0", "a1", "b1", "a2"]
        assert await turns.take("d") == "a thing"

    run_coroutine(scene())


def test_who_leaves_takes_nothing_along() -> None:
    async def scene() -> None:
        turns: FairQueue[str] = FairQueue()
        left, late, stays = await waiting(*(turns.take("a") for _ in range(3)))
        left.cancel()
        turns.give("a thing")
        late.cancel()  # it has been given the thing, and does not know yet
        assert await asyncio.wait_for(stays, 5) == "a thing"

    run_coroutine(scene())
