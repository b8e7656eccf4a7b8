"""A small data set, and a recipe that is soon through."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrelens.train.fit import tracking
from genrelens.train.recipes.recipe import Recipe
from tests.conftest import encode


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


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody whom Weights & Biases does not know, on a machine without a network."""
    wandb = pytest.importorskip("wandb")
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(tracking, "_PATIENCE", 1.0)
    monkeypatch.setattr(builtins, "input", None)  # nothing may be asked
    wandb.teardown()


def make_recipe(**changes: Any) -> Recipe:
    """Two epochs of a narrow net on windows of a second; changes are tables or values."""
    tables: dict[str, Any] = {
        "name": "small",
        "summary": "A test.",
        "data": {"split": "stratified"},
        "input": {"window": 1.0, "hop": 0.5, "front_end": {"rate": 11_025, "n_fft": 512, "hop": 256}},
        "net": {"name": "lens", "stem": [2, 4], "width": 8, "depth": 1},
        "augment": {
            "stretch": 0.1,
            "shift": 1.0,
            "equaliser": 3.0,
            "tilt": 3.0,
            "low_pass": 0.2,
            "noise": 0.2,
            "time_masks": 1,
            "time_mask": 5,
            "band_masks": 1,
            "band_mask": 5,
        },
        "train": {"epochs": 2, "batch": 4, "lr": 1e-2, "mixup": 0.3, "average": 0.5, "label_smoothing": 0.1},
    }
    for key, value in changes.items():
        tables[key] = {**tables.get(key, {}), **value} if isinstance(value, dict) else value
    return Recipe.model_validate(tables)
