"""Limits on concurrent work, and fair sharing of what is left between clients."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from genrelens.errors import OverloadedError, ShareExceededError

Resource = TypeVar("Resource")


class ConcurrencyLimiter:
    """Admits a limited number of operations in total and per client; further ones are refused, not queued.

    Args:
        limit: concurrent operations in total; 0 disables them.
        share: concurrent operations of one client.
        noun: plural noun for the operations in error messages, such as "requests".
    """

    def __init__(self, limit: int, share: int, noun: str) -> None:
        self._limit = limit
        self._share = share
        self._noun = noun
        self._active: Counter[str] = Counter()

    @contextlib.contextmanager
    def slot(self, client: str) -> Iterator[None]:
        """Occupy a slot of a client within the block.

        Raises:
            ShareExceededError: the client occupies its whole share.
            OverloadedError: all slots are occupied.
        """
        if not self._limit:
            raise OverloadedError(f"{self._noun} are disabled on this server; contact its operator")
        if self._active[client] >= self._share:
            raise ShareExceededError(f"you already have {self._share} {self._noun} in progress; wait for one to finish")
        if self._active.total() >= self._limit:
            raise OverloadedError(f"the server is at its limit of {self._limit} {self._noun}; try again soon")
        self._active[client] += 1
        try:
            yield
        finally:
            self._active[client] -= 1
            self._active += Counter()  # drop clients with a count of zero


class FairQueue(Generic[Resource]):
    """Hands out resources to waiting clients round-robin; each client is served first come, first served."""

    def __init__(self) -> None:
        self._free: deque[Resource] = deque()
        self._waiting: dict[str, deque[asyncio.Future[Resource]]] = {}  # in order of their turns

    async def acquire(self, client: str) -> Resource:
        """Wait for a resource; it belongs to the caller until it is released."""
        if self._free:
            return self._free.popleft()
        waiter: asyncio.Future[Resource] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the resource arrived after the cancellation
                self.release(waiter.result())
            raise

    def release(self, resource: Resource) -> None:
        """Pass a resource to the next client in turn, or keep it until one asks."""
        while self._waiting:
            client, waiters = next(iter(self._waiting.items()))
            del self._waiting[client]
            waiter = waiters.popleft()
            if waiters:
                self._waiting[client] = waiters  # at the end: the other clients come first
            if not waiter.done():  # else it was cancelled
                waiter.set_result(resource)
                return
        self._free.append(resource)
