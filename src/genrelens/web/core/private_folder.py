"""A private temporary folder that is removed with its process, or by the next one if the process was killed."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "genrelens-uploads-"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Create a folder in TMPDIR that only this user can read, and remove it at the end of the block.

    The folder stays locked meanwhile. One without a lock was left behind by a killed process and is removed first.
    """
    _remove_stale_folders()
    folder, lock = _create_locked()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_stale_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = _lock(folder, block=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _create_locked() -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock(folder, block=True)
        if folder.exists():  # else another starting server removed it as stale before it was locked
            return folder, lock


def _lock(folder: Path, *, block: bool) -> int | None:
    """Lock a folder of this user until the returned descriptor is closed.

    Returns:
        The descriptor, or None if another process holds the lock or the system has no such locks (Windows).
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        return None
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(lock).st_uid == os.getuid():
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if block else fcntl.LOCK_NB))
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
