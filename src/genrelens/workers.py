"""Parallel map over worker processes: ordered, in bounded memory, and isolated from items that kill a process."""

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

Results = Iterator[tuple[Item, Result | GenrelensError]]
_Pending = Future[Result | GenrelensError]
_Submitted = tuple[Item, _Pending[Result]]

_ITEMS_PER_PROCESS = 4  # submitted ahead of the results


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Results[Item, Result]:
    """Yield each item with the result of `function`, in the order of the items.

    A GenrelensError raised by the function is yielded as the result. An item that kills its process (a hostile
    file, exhausted memory) yields a WorkerError, and the others continue. With one process, everything runs in
    the calling process.

    Args:
        function: importable by name; its arguments and results can be pickled.
        items: read only a few items ahead of the results.
        processes: number of processes, at least 1.
    """
    if processes == 1:
        for item in items:
            yield item, _call(function, item)
        return
    yield from _map(function, items, processes, in_order=True)


def map_unordered(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Results[Item, Result]:
    """Like `map_in_order`, but yield each item as soon as it is done, and start a process even if it is only one."""
    yield from _map(function, items, processes, in_order=False)


def _map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int, *, in_order: bool
) -> Results[Item, Result]:
    pool: _RestartablePool[Item, Result] = _RestartablePool(function, processes)
    pending: deque[_Submitted[Item, Result]] = deque()
    source = iter(items)
    try:
        while True:
            free = processes * _ITEMS_PER_PROCESS - len(pending)
            pending.extend((item, pool.submit(item)) for item in islice(source, free))
            if not pending:
                return
            if not in_order:
                wait([future for _, future in pending], return_when=FIRST_COMPLETED)
            item, future = submitted = next(each for each in pending if in_order or each[1].done())
            pending.remove(submitted)
            try:
                yield item, future.result()
            except BrokenProcessPool:  # caused by this item, or by one that ran at the same time
                yield item, pool.run_isolated(item)
                pending = deque((other, pool.resubmit(other, future)) for other, future in pending)
    finally:
        pool.shutdown()


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _RestartablePool(Generic[Item, Result]):
    """A process pool that is restarted when a worker process dies."""

    def __init__(self, function: Callable[[Item], Result], processes: int) -> None:
        self._function = function
        self._processes = processes
        self._pool = self._start(processes)

    def submit(self, item: Item) -> _Pending[Result]:
        with _sigint_blocked():  # worker processes may be started here, and only the parent should handle Ctrl-C
            try:
                return self._pool.submit(_call, self._function, item)
            except BrokenProcessPool:  # caused by an earlier item, whose future raises the same
                self._pool = self._start(self._processes)
                return self._pool.submit(_call, self._function, item)

    def run_isolated(self, item: Item) -> Result | GenrelensError:
        """Run an item in a pool of its own, so that it cannot affect others; then restart the shared pool."""
        self.shutdown()
        self._pool = self._start(1)
        try:
            return self.submit(item).result()
        except BrokenProcessPool:
            crash = f"{display_name(item)} crashed its worker process (or memory ran out)"
            return WorkerError(f"{crash}; leave it out or try it alone")
        finally:
            self.shutdown()
            self._pool = self._start(self._processes)

    def resubmit(self, item: Item, future: _Pending[Result]) -> _Pending[Result]:
        """Return the future if it has a result, or submit the item again."""
        succeeded = future.done() and not future.cancelled() and future.exception() is None
        return future if succeeded else self.submit(item)

    def shutdown(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, processes: int) -> ProcessPoolExecutor:
        # Inherited by the workers: each has one core, for which the threads of numpy would only compete.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _exit_with_parent)


def _call(function: Callable[[Item], Result], item: Item) -> Result | GenrelensError:
    try:
        return function(item)
    except GenrelensError as error:
        return error


def _exit_with_parent() -> None:
    """Exit this worker process when its parent exits, however that happens: nobody collects the results any more."""

    def watch_parent() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=watch_parent, daemon=True).start()


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT: processes started meanwhile inherit the block, and the parent receives the signal afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
