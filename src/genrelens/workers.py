"""A function over many items in worker processes: in order, in bounded memory, whatever an item does."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Generic, TypeVar

from genrelens.errors import GenrelensError, WorkerError, display_name

Item = TypeVar("Item")
Result = TypeVar("Result")

_Begun = tuple[Item, "Future[Result | GenrelensError]"]

_AHEAD = 4  # items that are under way for each process


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[tuple[Item, Result | GenrelensError]]:
    """Yield each item with what `function` makes of it, in the order of the items.

    A GenrelensError that the function raises is yielded as the result. An item that kills its process
    (a hostile file, memory run out) yields a WorkerError, and the others go on. With one process, all
    is done in the caller's.

    Args:
        function: importable by name, as are its arguments and results by pickle.
        items: read no further than a few ahead of what was yielded.
        processes: at least 1.
    """
    if processes == 1:
        for item in items:
            yield item, _attempt(function, item)
        return
    yield from _flow(function, items, processes, in_order=True)


def map_unordered(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[tuple[Item, Result | GenrelensError]]:
    """As `map_in_order`, but each item as soon as it is done; and a single process is one beside the caller's, too."""
    yield from _flow(function, items, processes, in_order=False)


def _flow(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int, *, in_order: bool
) -> Iterator[tuple[Item, Result | GenrelensError]]:
    crew: _Crew[Item, Result] = _Crew(function, processes)
    waiting: deque[_Begun[Item, Result]] = deque()
    source = iter(items)
    try:
        while True:
            waiting.extend((item, crew.submit(item)) for item in islice(source, processes * _AHEAD - len(waiting)))
            if not waiting:
                return
            item, future = chosen = waiting[0] if in_order else _finished(waiting)
            waiting.remove(chosen)
            try:
                yield item, future.result()
            except BrokenProcessPool:  # this item's doing, or that of one beside it
                yield item, crew.alone(item)
                waiting = deque((other, crew.again(other, begun)) for other, begun in waiting)
    finally:
        crew.dismiss()


def _finished(waiting: "deque[_Begun[Item, Result]]") -> "_Begun[Item, Result]":
    wait([future for _, future in waiting], return_when=FIRST_COMPLETED)
    return next(begun for begun in waiting if begun[1].done())


def available_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Crew(Generic[Item, Result]):
    """A process pool that can be made anew."""

    def __init__(self, function: Callable[[Item], Result], processes: int) -> None:
        self._function = function
        self._processes = processes
        self._pool = self._hire(processes)

    def submit(self, item: Item) -> "Future[Result | GenrelensError]":
        with _interrupts_held():  # processes may start here, and Ctrl-C is for the parent alone to handle
            try:
                return self._pool.submit(_attempt, self._function, item)
            except BrokenProcessPool:  # an item before this one's doing, which its result will tell
                self._pool = self._hire(self._processes)
                return self._pool.submit(_attempt, self._function, item)

    def alone(self, item: Item) -> "Result | GenrelensError":
        """Run an item where it can harm no other; then the pool is fresh again."""
        self.dismiss()
        self._pool = self._hire(1)
        try:
            return self.submit(item).result()
        except BrokenProcessPool:
            return WorkerError(f"{display_name(item)} made its process die (or memory ran out); leave it out or try it alone")
        finally:
            self.dismiss()
            self._pool = self._hire(self._processes)

    def again(self, item: Item, begun: "Future[Result | GenrelensError]") -> "Future[Result | GenrelensError]":
        """Keep a result that was reached, or submit the item again."""
        finished = begun.done() and not begun.cancelled() and begun.exception() is None
        return begun if finished else self.submit(item)

    def dismiss(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _hire(self, processes: int) -> ProcessPoolExecutor:
        # Workers inherit this: each has one core, and numpy's own threads would only get in each other's way.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _leave_with_parent)


def _attempt(function: Callable[[Item], Result], item: Item) -> Result | GenrelensError:
    try:
        return function(item)
    except GenrelensError as error:
        return error


def _leave_with_parent() -> None:
    """End this worker when its parent is gone, however it went: nobody waits for the work any more."""

    def follow() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold SIGINT back: processes started meanwhile inherit that, and the parent gets it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
