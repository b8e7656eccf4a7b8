"""What a training ran on: machine, library versions, commit and command, for environment.json."""

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
from pydantic import BaseModel, ConfigDict

import genrelens
from genrelens import workers

_PACKAGES = (
    "genrelens",
    "torch",
    "lightning",
    "numpy",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "av",
    "soxr",
    "librosa",
    "audiomentations",
    "optuna",
)
_PATH = re.compile(r"(?<![\w.~-])/[^:]*")  # from the root on, also behind "gtzan:" or "--run="


class Environment(BaseModel):
    """The machine and the software of a training, as they were when it began or was last resumed.

    Attributes:
        platform, processor, cores: of the machine; cores are those that the process may use.
        memory: in GiB; none where the system does not tell.
        accelerators: the names of its GPUs.
        python: its version.
        packages: the versions of the libraries that figures depend on.
        commit: of GenreLens, if it runs from a git checkout; "-dirty" if that has changes.
        date: in UTC.
        command: the command line; of paths from the root on, the last part only.
    """

    model_config = ConfigDict(frozen=True)

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
    """Describe this machine and this process, begun with `arguments`."""
    return Environment(
        platform=platform.platform(),
        processor=_processor(),
        cores=workers.available_cores(),
        memory=_memory(),
        accelerators=tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())),
        python=platform.python_version(),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
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


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    source = Path(genrelens.__file__)
    try:
        # An installed copy may lie in somebody else's checkout.
        _git(source.parent, "ls-files", "--error-unmatch", source.name)
        return _git(source.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, timeout=10
    )
    return done.stdout.strip()


def _command(arguments: Sequence[str]) -> str:
    name, *others = arguments
    return " ".join(
        [Path(name).stem, *(_PATH.sub(lambda path: f".../{Path(path[0]).name}", other) for other in others)]
    )
