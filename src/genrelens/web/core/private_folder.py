"""A private folder that goes with its process, or with the next one if that was killed."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "genrelens-uploads-"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder in TMPDIR that no one else can read, while the block runs.

    It is locked, so that what lies there without a lock is known to be left over, and is removed first.
    """
    _remove_left()
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = _lock(folder, waits=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked_folder() -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock(folder, waits=True)
        if folder.exists():  # else another server that starts has taken it for left over, before it was locked
            return folder, lock


def _lock(folder: Path, *, waits: bool) -> int | None:
    """Keep others from a folder of ours until this is closed; None if it cannot be had, or never on Windows."""
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
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
