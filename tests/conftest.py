"""Settings and fixtures for all tests."""

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

from tests.support.audio import RATE, encode, tone
from tests.support.models import make_model
from tests.support.paths import DATA, TESTS

if TYPE_CHECKING:
    from tests.support.server import Server

# Tests of code that needs more than the base install, and what it needs.
_NEEDS = {
    "train": "torch",
    "cli/studio": "torch",
    "project/test_documents.py": "cogapp",
    "library/cluster": "ray",
    "cli/library/test_cluster.py": "ray",
}

# Rooms whose tests start no server, browser or training; they are marked `quick`, but for the slowest files.
_QUICK = ("audio", "explain", "features", "library", "model")
_SLOW = ("audio/test_decoder.py", "library/classify/test_run.py", "library/cluster", "test_workers.py")

# Functions of libraries that run for seconds, and that coverage would slow down for nothing.
_UNTRACED = (("torch.onnx", "export"), ("matplotlib.figure", "Figure.savefig"))

collect_ignore = [path for path, library in _NEEDS.items() if find_spec(library) is None]


def pytest_configure() -> None:
    """Let hypothesis take its time: a busy machine would miss its deadline."""
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import nothing but the quick rooms for `-m quick`."""
    if config.option.markexpr != "quick" or not collection_path.is_relative_to(TESTS):
        return None
    place = collection_path.relative_to(TESTS)
    return True if place.parts and not _may_be_quick(place) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick tests, and skip the tests whose recordings are missing."""
    for item in items:
        if _may_be_quick(item.path.relative_to(TESTS)):
            item.add_marker("quick")
        if not DATA.is_dir() and item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="the recordings are missing"))


def _may_be_quick(place: Path) -> bool:
    """Whether a path below tests/ is a quick room, or a file of the top level."""
    is_top_level = len(place.parts) == 1 and place.suffix != ""
    return (is_top_level or place.parts[0] in _QUICK) and not any(place.is_relative_to(slow) for slow in _SLOW)


@pytest.fixture(autouse=True)
def _one_torch_thread() -> Iterator[None]:
    """Reset the number of torch's threads: sums depend on it in their last digits."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _untraced_libraries() -> Iterator[None]:
    """Suspend coverage inside `_UNTRACED`."""
    if sys.gettrace() is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for module, name in _UNTRACED:
            if find_spec(module.partition(".")[0]):
                *classes, function = name.split(".")
                owner: Any = import_module(module)
                for part in classes:
                    owner = getattr(owner, part)
                patch.setattr(owner, function, _untraced(getattr(owner, function)))
        yield


def _untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(trace)
            _resume()

    def _resume() -> None:
        """Trigger a call event: the tracer would otherwise miss that the caller continues."""

    return call


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a 16-bit wav of a tone: wav("a.wav", hz=440, seconds=3)."""

    def make(name: str = "tone.wav", hz: float = 440.0, seconds: float = 3.0, rate: int = RATE) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return encode(file, tone(hz, seconds, rate), codec="pcm_s16le", rate=rate)

    return make


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model that classifies tones as "low" or "high"."""
    return make_model(tmp_path_factory.mktemp("models") / "tilt.onnx")


@pytest.fixture(scope="session")
def genres(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset folder of two easy genres, 12 tracks each: low and high tones in noise, wav and flac."""
    folder = tmp_path_factory.mktemp("genres")
    rng = np.random.default_rng(0)
    for genre, lowest in (("high", 3_000), ("low", 100)):
        (folder / genre).mkdir()
        for number in range(12):
            hz = lowest * (1 + rng.random())
            wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(3 * 11_025) / 11_025) + 0.02 * rng.standard_normal(33_075)
            name, codec = (f"{number}.wav", "pcm_s16le") if number % 2 else (f"{number}.flac", "flac")
            encode(folder / genre / name, wave[None], codec=codec, rate=11_025)
    return folder


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wav of two seconds of a low tone."""
    return encode(tmp_path_factory.mktemp("songs") / "low.wav", tone(110, 2.0, 22_050), codec="pcm_s16le", rate=22_050)


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that is not audio."""
    file = tmp_path_factory.mktemp("texts") / "notes.txt"
    file.write_text("These are words, not music. " * 10)
    return file


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator["Server"]:
    """Run `genrelens serve` with default settings and the small model."""
    from tests.support.server import serve_process  # costs half a second, which quick tests save

    with serve_process(tmp_path_factory.mktemp("spool"), "--model", str(model_file)) as running:
        yield running
