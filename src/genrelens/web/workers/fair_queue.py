"""Who is next where several clients wait for the same: each has its turn, however much it asks for."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Turns(Generic[Thing]):
    """Things that are free, and those who wait for one: the clients in turn, each in the order in which it asked."""

    def __init__(self) -> None:
        self._free: deque[Thing] = deque()
        self._waiting: dict[str, deque[asyncio.Future[Thing]]] = {}  # the client whose turn it is first

    async def take(self, client: str) -> Thing:
        """Wait for a thing; it is the caller's until it is given back."""
        if self._free:
            return self._free.popleft()
        place: asyncio.Future[Thing] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it came, too late
                self.give(place.result())
            raise

    def give(self, thing: Thing) -> None:
        """Let the next have it."""
        while self._waiting:
            client, places = next(iter(self._waiting.items()))
            del self._waiting[client]
            place = places.popleft()
            if places:
                self._waiting[client] = places
            if not place.done():  # else nobody waits there any more
                place.set_result(thing)
                return
        self._free.append(thing)
