"""Helpers for tests that start or wait for processes."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar


def restore_interrupts() -> None:
    """Make a new process react to Ctrl-C as at a terminal: processes of a background job ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


Result = TypeVar("Result")


PATIENCE = 60.0  # s before a condition that should hold at once counts as failed


def run_coroutine(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in another thread: the browser of other tests keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()


def children(parent: int) -> list[int]:
    """Return the process ids of the children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, own_parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # the process has exited meanwhile
            continue
        if int(own_parent) == parent and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it does not hold within `PATIENCE`.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the condition does not hold"
        time.sleep(0.02)
