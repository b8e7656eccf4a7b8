"""A new file that takes an old one's place at once, with its owner, rights and attributes."""

import contextlib
import hashlib
import os
import secrets
import shutil
from pathlib import Path

from genrelens.errors import FileChangedError, TagsUnwritableError, display_name
from genrelens.library.catalog.tracks import FileStamp

_WRITABLE = 0o222


def partial_of(path: Path) -> Path:
    """A hidden name beside a file, on the same disk, that no player takes for audio."""
    return path.with_name(f".genrelens-{secrets.token_hex(6)}.partial")


def begin(partial: Path) -> None:
    """Make the file to be written, which nobody else may read before it has the old one's rights.

    Raises:
        OSError: it cannot be made.
    """
    partial.touch(0o600, exist_ok=False)


def refuse_read_only(path: Path) -> None:
    """Leave a file alone that is read-only, though its folder might allow to replace it; or whose folder is.

    Raises:
        TagsUnwritableError: nobody may write it, or we may not write beside it.
        OSError: it is not there.
    """
    if not path.stat().st_mode & _WRITABLE:
        raise TagsUnwritableError(f"{display_name(path)} is read-only; allow to write it, or leave it out")
    if not os.access(path.parent, os.W_OK):
        raise TagsUnwritableError(f"the folder of {display_name(path)} is read-only; allow to write into it, or leave it out")


def refuse_changed(path: Path, stamp: FileStamp, since: str) -> None:
    """Leave a file alone that is not as it was.

    Raises:
        FileChangedError: it has another size or time.
        OSError: it is not there.
    """
    if FileStamp.from_path(path) != stamp:
        raise FileChangedError(f"{display_name(path)} was changed since it was {since}; scan and run again")


def take_over(old: Path, new: Path, mtime_ns: int | None) -> None:
    """Give a new file the old one's owner, rights and attributes, and a time (now, if none); and see it on the disk.

    Raises:
        TagsUnwritableError: it would belong to another user or group.
        OSError: it cannot be done.
    """
    status = old.stat()
    for owner in ((-1, status.st_gid), (status.st_uid, -1)):  # who may not give a file away may still set its group
        with contextlib.suppress(PermissionError, AttributeError):  # which not all systems have
            os.chown(new, *owner)
    given = new.stat()
    if (given.st_uid, given.st_gid) != (status.st_uid, status.st_gid):
        raise TagsUnwritableError(
            f"{display_name(old)} would no longer belong to its user or group; do this as its owner, or leave it out"
        )
    shutil.copystat(old, new)
    if mtime_ns is None:
        os.utime(new)
    else:
        os.utime(new, ns=(status.st_atime_ns, mtime_ns))
    with new.open("rb") as file:
        os.fsync(file.fileno())


def swap(new: Path, old: Path) -> None:
    """Let a new file take the old one's place, for good even if the power fails.

    Raises:
        OSError: it cannot be done; the old file is as it was.
    """
    os.replace(new, old)  # noqa: PTH105 (one call, which tests can stop at)
    with contextlib.suppress(OSError, AttributeError):  # not all systems can do this to a folder
        folder = os.open(old.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a whole file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
