"""A `genrelens serve` process for benchmarks: its URL, and the memory of it and its workers."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cgroup import Group, memory_limit


@dataclass(frozen=True)
class Memory:
    """Memory of a server and its workers in MB, summed over processes (RSS, which counts shared pages repeatedly).

    Attributes:
        now: current memory.
        peak: sum of the peaks of all processes.
        group: peak of all processes together in their control group, page cache included; None without a group.
    """

    now: float
    peak: float
    group: float | None = None


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    pid: int
    group: Group | None = None

    def memory(self) -> Memory:
        """Return the memory of all its processes."""
        pids = [self.pid, *_children(self.pid)]
        return Memory(
            now=sum(_kilobytes(pid, "VmRSS:") for pid in pids) / 1024,
            peak=sum(_kilobytes(pid, "VmHWM:") for pid in pids) / 1024,
            group=self.group.peak() if self.group else None,
        )


@contextlib.contextmanager
def serve(*options: str, limit_mb: int | None = None) -> Iterator[Served]:
    """Serve on a free port while the block runs, optionally with a memory limit in MB (only on Linux)."""
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0", *options]
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(memory_limit(limit_mb)) if limit_mb else None
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
    line = f"PPid:\t{parent}\n"
    found = []
    for process in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        try:
            if line in Path(f"/proc/{process}/status").read_text():
                found.append(int(process))
        except OSError:  # the process has exited
            continue
    return found


def _kilobytes(pid: int, key: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)
