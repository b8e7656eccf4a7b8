"""A `genrelens serve` to measure: its address, and what it and its workers take."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cgroup import Group, limited


@dataclass(frozen=True)
class Memory:
    """Of a server and its workers, in MB: the sum of what each has, and of the most that each had.

    What they share is counted for each (RSS).

    Attributes:
        group: the most that all had at one time, as a control group counts it, with what the kernel keeps of files;
            if they are in one.
    """

    now: float
    peak: float
    group: float | None = None


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    url: str
    pid: int
    group: Group | None = None

    def memory(self) -> Memory:
        """Of all its processes."""
        family = [self.pid, *_children(self.pid)]
        return Memory(
            now=sum(_kilobytes(pid, "VmRSS:") for pid in family) / 1024,
            peak=sum(_kilobytes(pid, "VmHWM:") for pid in family) / 1024,
            group=self.group.peak() if self.group else None,
        )


@contextlib.contextmanager
def served(*options: str, limit_mb: int | None = None) -> Iterator[Served]:
    """Serve on a free port while the block runs, with no more memory than that for all its processes; Linux only."""
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0", *options]
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(limited(limit_mb)) if limit_mb else None
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=group.join if group else None,
        )
        assert process.stdout
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the server did not start; try `genrelens serve`")
            yield Served(line.split()[3], process.pid, group)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def _children(parent: int) -> list[int]:
    own = f"PPid:\t{parent}\n"
    found = []
    for process in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        try:
            if own in Path(f"/proc/{process}/status").read_text():
                found.append(int(process))
        except OSError:  # it is gone meanwhile
            continue
    return found


def _kilobytes(pid: int, key: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)
