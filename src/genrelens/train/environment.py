"""The environment of a training run, for environment.json: machine, library versions, commit and command line."""

import contextlib
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from os import sysconf, sysconf_names
from pathlib import Path

import torch

import genrelens
from genrelens import workers
from genrelens.records import FrozenModel

_TRAINING_PACKAGES = ("genrelens", "torch", "lightning", "numpy", "scikit-learn", "onnx", "onnxruntime", "optuna")
_AUDIO_PACKAGES = ("av", "soxr", "librosa", "audiomentations")
_PATH = re.compile(r"(?<![\w.~-])/[^:]*")  # an absolute path, also after "gtzan:" or "--run="


class Environment(FrozenModel):
    """The machine and the software of a training run when it was started or last resumed.

    Attributes:
        platform: operating system and architecture.
        processor: name of the CPU.
        cores: CPU cores that the process may use.
        memory: main memory in GiB; None where the system does not report it.
        accelerators: names of the GPUs.
        python: version of Python.
        packages: versions of the libraries that affect results.
        commit: commit of GenreLens if it runs from a git checkout, with "-dirty" if there are uncommitted changes.
        date: UTC date and time, ISO 8601.
        command: the command line, with absolute paths shortened to their last component.
    """

    platform: str
    processor: str
    cores: int
    memory: float | None
    accelerators: tuple[str, ...]
    python: str
    packages: dict[str, str]
    commit: str | None
    date: str
    command: str


def describe_environment(arguments: Sequence[str] = sys.argv) -> Environment:
    """Describe this machine and this process, whose command line is `arguments`."""
    return Environment(
        platform=platform.platform(),
        processor=_processor(),
        cores=workers.available_cores(),
        memory=_memory(),
        accelerators=tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())),
        python=platform.python_version(),
        packages=_packages(),
        commit=_commit(),
        date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        command=_command(arguments),
    )


def _processor() -> str:
    try:
        names = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:  # not Linux
        names = None
    return names[1] if names else platform.processor() or platform.machine()


def _memory() -> float | None:
    if "SC_PHYS_PAGES" not in sysconf_names:
        return None
    return round(sysconf("SC_PHYS_PAGES") * sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _packages() -> dict[str, str]:
    versions = {}
    for name in (*_TRAINING_PACKAGES, *_AUDIO_PACKAGES):
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _commit() -> str | None:
    source = Path(genrelens.__file__)
    try:
        # An installed copy may be inside the checkout of another project.
        _git(source.parent, "ls-files", "--error-unmatch", source.name)
        return _git(source.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()


def _command(arguments: Sequence[str]) -> str:
    name, *others = arguments
    shortened = [_PATH.sub(lambda path: f".../{Path(path[0]).name}", other) for other in others]
    return " ".join([Path(name).stem, *shortened])
