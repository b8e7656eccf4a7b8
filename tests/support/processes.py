"""Helpers for tests that start or wait for processes."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar


def restore_interrupts() -> None:
    """Let a new process end by Ctrl-C, as at a terminal: what is run in the background inherits that it does not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


Result = TypeVar("Result")


PATIENCE = 60.0  # s for what should take no time


def run_coroutine(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in a thread of its own: the browser of other tests keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, coroutine).result()


def children(parent: int) -> list[int]:
    """The process ids of a process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, own_parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it is gone meanwhile
            continue
        if int(own_parent) == parent and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "this should have come true"
        time.sleep(0.02)
