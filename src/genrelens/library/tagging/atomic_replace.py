"""Replacement of a file by a new one in a single step, preserving owner, permissions and extended attributes."""

import contextlib
import hashlib
import os
import secrets
import shutil
from pathlib import Path

from genrelens.errors import FileChangedError, TagsUnwritableError, display_name
from genrelens.library.catalog.tracks import FileStamp

_WRITE_BITS = 0o222


def partial_path(path: Path) -> Path:
    """Return a hidden path in the same directory, and so on the same disk, that no player takes for audio."""
    return path.with_name(f".genrelens-{secrets.token_hex(6)}.partial")


def create_partial(partial: Path) -> None:
    """Create the file to be written; until it has the old file's permissions, only its owner may read it."""
    partial.touch(0o600, exist_ok=False)


def check_writable(path: Path) -> None:
    """Reject read-only files, which their directory might still allow to replace, and read-only directories.

    Raises:
        TagsUnwritableError: the file or its directory is read-only.
        OSError: the file is missing.
    """
    name = display_name(path)
    if not path.stat().st_mode & _WRITE_BITS:
        raise TagsUnwritableError(f"{name} is read-only; make it writable, or leave it out")
    if not os.access(path.parent, os.W_OK):
        raise TagsUnwritableError(f"the folder of {name} is read-only; make it writable, or leave the file out")


def check_unchanged(path: Path, stamp: FileStamp, event: str) -> None:
    """Reject a file that was changed since an event, which the message names by a participle such as "classified".

    Raises:
        FileChangedError: the size or modification time of the file differs.
        OSError: the file is missing.
    """
    if FileStamp.from_path(path) != stamp:
        raise FileChangedError(f"{display_name(path)} was changed since it was {event}; scan and run again")


def copy_metadata(old: Path, new: Path, mtime_ns: int | None) -> None:
    """Copy owner, permissions and extended attributes of `old` to `new`, and flush `new` to disk.

    `new` gets the modification time `mtime_ns` in ns, or the present time if that is None.

    Raises:
        TagsUnwritableError: `new` would belong to another user or group.
        OSError: the metadata cannot be copied.
    """
    status = old.stat()
    for owner in ((-1, status.st_gid), (status.st_uid, -1)):  # a user who may not set the owner may still set the group
        with contextlib.suppress(PermissionError, AttributeError):  # not all systems have chown
            os.chown(new, *owner)
    new_status = new.stat()
    if (new_status.st_uid, new_status.st_gid) != (status.st_uid, status.st_gid):
        sentence = f"{display_name(old)} would no longer belong to its user or group"
        raise TagsUnwritableError(f"{sentence}; run this as its owner, or leave it out")
    shutil.copystat(old, new)
    if mtime_ns is None:
        os.utime(new)
    else:
        os.utime(new, ns=(status.st_atime_ns, mtime_ns))
    with new.open("rb") as file:
        os.fsync(file.fileno())


def replace(new: Path, old: Path) -> None:
    """Move `new` to `old`, durably even if the power fails.

    Raises:
        OSError: the system refuses; the old file is unchanged.
    """
    os.replace(new, old)  # noqa: PTH105 (a single call, which tests can stop at)
    with contextlib.suppress(OSError, AttributeError):  # not all systems can flush a directory
        directory = os.open(old.parent, os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
