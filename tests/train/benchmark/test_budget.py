from pathlib import Path

import pytest

from genrelens.train.benchmark import budget
from genrelens.train.benchmark.protocols import split_windows
from genrelens.train.data.dataset import load_inputs, read_recipe_manifest
from tests.support.benchmark import make_inputs
from tests.support.recipes import make_recipe


def test_small_budget_reduces_the_epochs(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_recipe(train={"epochs": 50, "crops": "all"})
    manifest = read_recipe_manifest(recipe, str(genres))
    log_mels = load_inputs(manifest.tracks, recipe, make_inputs(genres, tmp_path).sound).inputs
    assert recipe.input.kind == "sound"
    data = split_windows(manifest, log_mels, recipe.input, seed=1)
    monkeypatch.setattr(budget, "seconds_per_step", lambda *_: 1.0)
    steps = 84 // 4  # training windows in batches of four
    validation = 18 / 4 / 3
    fitted = budget.fit_to_budget(recipe, data, 10 * steps + 8 * validation + 1).train
    assert (fitted.epochs, fitted.validate_every) == (10, 2)
    assert budget.fit_to_budget(recipe, data, 1.0).train.epochs == 1
    assert budget.fit_to_budget(recipe, data, 1e6).train.epochs == 50
