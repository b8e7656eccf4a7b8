"""A control group of Linux: processes that have no more memory than that together, and are ended if they want it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MOUNTED = Path("/sys/fs/cgroup")
_MB = 1 << 20


@dataclass(frozen=True)
class Group:
    """A group, as version 1 or 2 of the kernel's interface shows it.

    Attributes:
        folder: its own.
        most: the file that tells the most memory it ever had, page cache included, in bytes.
        limit: the file that says what it may have.
    """

    folder: Path
    most: str
    limit: str

    def join(self) -> None:
        """Put this process in."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self) -> float:
        """The most memory that it ever had, in MB."""
        return int((self.folder / self.most).read_text()) / _MB


@contextmanager
def limited(megabytes: int) -> Iterator[Group]:
    """A group that may have so much; needs to be root, or to have been given a part of the tree."""
    name = f"genrelens-{os.getpid()}"
    if (_MOUNTED / "memory").is_dir():
        group = Group(_MOUNTED / "memory" / name, "memory.max_usage_in_bytes", "memory.limit_in_bytes")
    else:
        group = Group(_MOUNTED / name, "memory.peak", "memory.max")
    group.folder.mkdir()
    try:
        (group.folder / group.limit).write_text(str(megabytes * _MB))
        yield group
    finally:
        group.folder.rmdir()
