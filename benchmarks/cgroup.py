"""A Linux control group that limits the total memory of its processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MOUNTED = Path("/sys/fs/cgroup")
_MB = 1 << 20


@dataclass(frozen=True)
class Group:
    """A control group, in version 1 or 2 of the kernel's interface.

    Attributes:
        folder: directory of the group.
        peak_file: file with the peak memory in bytes, page cache included.
        limit_file: file with the memory limit in bytes.
    """

    folder: Path
    peak_file: str
    limit_file: str

    def join(self) -> None:
        """Add this process to the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self) -> float:
        """Return the peak memory in MB."""
        return int((self.folder / self.peak_file).read_text()) / _MB


@contextmanager
def memory_limit(megabytes: int) -> Iterator[Group]:
    """Create a group with a memory limit; needs root, or a delegated part of the cgroup tree."""
    name = f"genrelens-{os.getpid()}"
    if (_MOUNTED / "memory").is_dir():
        group = Group(_MOUNTED / "memory" / name, "memory.max_usage_in_bytes", "memory.limit_in_bytes")
    else:
        group = Group(_MOUNTED / name, "memory.peak", "memory.max")
    group.folder.mkdir()
    try:
        (group.folder / group.limit_file).write_text(str(megabytes * _MB))
        yield group
    finally:
        group.folder.rmdir()
