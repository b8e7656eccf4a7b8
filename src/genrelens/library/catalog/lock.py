"""One run at a time."""

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from genrelens.errors import LibraryBusyError, display_name
from genrelens.library.catalog.catalog import Catalog


@contextlib.contextmanager
def catalog_lock(catalog: Catalog, work: str) -> Iterator[None]:
    """Be the only one that does this work on a catalog; the system lifts the lock however a process ends.

    Args:
        catalog: beside which a file says that it is locked.
        work: a word, such as "run". Different work is done side by side.

    Raises:
        LibraryBusyError: another process does it.
    """
    lock = FileLock(catalog.path.with_name(f"{catalog.path.name}.{work}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LibraryBusyError(
            f"another `genrelens library {work}` uses {display_name(catalog.path)}; wait for it, or end it"
        ) from error
    try:
        yield
    finally:
        lock.release()
