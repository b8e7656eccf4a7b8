"""Audio and models that the tests make for themselves."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from matplotlib.figure import Figure

from tests.support.audio import RATE, encode, tone
from tests.support.models import make_model
from tests.support.paths import DATA


def pytest_configure() -> None:
    """Tests share the cores among them: one thread for each, and for what it starts."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    settings.register_profile("untimed", deadline=None)  # how long an example takes, a busy machine tells
    settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs recordings where there are none."""
    if not DATA.is_dir():
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason="the recordings are not here"))


@pytest.fixture(autouse=True)
def _the_same_threads_for_each() -> Iterator[None]:
    """Put back what a benchmark or a search set: sums depend on it in their last digits."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_not_watched() -> Iterator[None]:
    """Coverage nearly doubles the time of what a library does for seconds, and nothing of it is ours."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((torch.onnx, "export"), (Figure, "savefig")):
            patch.setattr(owner, name, _unwatched(getattr(owner, name)))
        yield


def _unwatched(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        watch = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(watch)
            _begin()

    def _begin() -> None:
        """The watch sees calls first: without one, it would miss that the caller goes on."""

    return call


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    """Make a 16-bit wav of a tone: wav("a.wav", hz=440, seconds=3)."""

    def make(name: str = "tone.wav", hz: float = 440.0, seconds: float = 3.0, rate: int = RATE) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return encode(file, tone(hz, seconds, rate), codec="pcm_s16le", rate=rate)

    return make


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, "low" against "high"."""
    return make_model(tmp_path_factory.mktemp("models") / "tilt.onnx")


@pytest.fixture(scope="session")
def genres(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two easy genres, 12 tracks each: low and high tones in noise, wav and flac."""
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
