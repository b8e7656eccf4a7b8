import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from genrelens.classifier import Classifier
from genrelens.cli.main import app
from genrelens.errors import RecipeError, TrainingError
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.distillation.backbone import Embedder
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.fit.probe_run import ProbeRecord, ProbeRequest, train_probe
from genrelens.train.recipes.recipe import ProbeRecipe
from genrelens.train.recipes.recipe_file import read_any_recipe
from tests.support.models import make_card, make_model
from tests.support.recipes import make_recipe

CARD = """
name = "halves"
licence = "CC0"
origin = "these tests"
model = "halves.onnx"
embedding = "means"
input = { window = 1.0, hop = 0.5, front_end = { rate = 11025, n_fft = 512, hop = 256, n_mels = 16 } }
"""
RECIPE = """
name = "on-halves"
summary = "A test."
licence = "CC0"
backbone = "cards/halves.toml"
data = { split = "stratified" }
probe = { penalties = [1e-3, 1e-2], class_weights = "balanced" }
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recipe of a probe on the mean of each mel band over time, an inner tensor of the graph."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "cards").mkdir()
    (folder / "cards" / "halves.toml").write_text(CARD)
    (folder / "probe.toml").write_text(RECIPE)
    sound = make_recipe(input={"front_end": {"rate": 11_025, "n_fft": 512, "hop": 256, "n_mels": 16}}).input
    make_model(folder / "cards" / "halves.onnx", make_card(input=sound))
    return folder / "probe.toml"


def request_for(recipe: Path, genres: Path, folder: Path) -> ProbeRequest:
    content = read_any_recipe(recipe)
    assert isinstance(content, ProbeRecipe)
    return ProbeRequest(content, LoadingOptions(str(genres), folder / "cache", processes=1), folder / "run")


def test_trains_a_probe_that_predicts_from_audio(recipe: Path, genres: Path, tmp_path: Path) -> None:
    request = request_for(recipe, genres, tmp_path)
    result = train_probe(request, lambda _: None)
    assert result.metrics.accuracy.value == 1
    assert {file.name for file in request.folder.iterdir()} == {
        "environment.json",
        "model.onnx",
        "probe.json",
        "valid.json",
    }
    record = ProbeRecord.model_validate_json((request.folder / "probe.json").read_text())
    assert record.recipe == request.recipe
    classifier = Classifier(request.folder / "model.onnx")
    calibration = classifier.card.calibration
    assert calibration is not None
    assert min(trial.log_loss for trial in record.trials) == pytest.approx(calibration.log_loss[0], abs=0.02)
    assert calibration.log_loss[1] == pytest.approx(result.metrics.log_loss, abs=0.02)
    assert calibration.log_loss[1] < calibration.log_loss[0]
    assert Evaluation.model_validate_json((request.folder / "valid.json").read_text()) == result
    assert (classifier.card.parameters, classifier.card.licence) == (2 * 16 + 2, "CC0")
    assert [classifier.predict(genres / genre / "1.wav").genre for genre in ("high", "low")] == ["high", "low"]
    with pytest.raises(TrainingError, match="already contains a run"):
        train_probe(request, lambda _: None)


def test_caches_embeddings(recipe: Path, genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_probe(request_for(recipe, genres, tmp_path), lambda _: None)
    cached = list((tmp_path / "cache").glob("embeddings-*/*.npy"))
    assert np.load(cached[0]).shape == (5, 16)
    monkeypatch.setattr(Embedder, "__call__", lambda *_: pytest.fail("embedded again"))
    again = replace(request_for(recipe, genres, tmp_path), folder=tmp_path / "again")
    assert train_probe(again, lambda _: None).metrics.accuracy.value == 1


def test_trains_from_the_command_line(recipe: Path, genres: Path, tmp_path: Path) -> None:
    common = f"train {recipe} --data {genres} --cache {tmp_path / 'cache'} --threads 1 --quiet".split()
    result = CliRunner().invoke(app, [*common, "--run", str(tmp_path / "run"), "--seed", "2"])
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"model   {tmp_path / 'run' / 'model.onnx'}\n")
    assert json.loads((tmp_path / "run" / "probe.json").read_text())["recipe"]["seed"] == 2
    assert CliRunner().invoke(app, [*common, "--set", "train.lr=1"]).exit_code == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("penalties", "penalty"), r"probe\.toml: probe\.penalty is not a key"),
        (('split = "stratified"', 'split = "stratified", labels = "several"'), "a probe predicts one label per track"),
        (("halves.toml", "other.toml"), r"other\.toml cannot be read"),
    ],
)
def test_explains_mistakes(recipe: Path, change: tuple[str, str], words: str) -> None:
    wrong = recipe.with_name("wrong-probe.toml")
    wrong.write_text(RECIPE.replace(*change))
    with pytest.raises(RecipeError, match=words):
        read_any_recipe(wrong)
