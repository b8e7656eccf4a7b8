import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genrelens.classifier import Classifier
from genrelens.errors import LeakError, RecipeError, SplitError, TrainingError
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.fit import trainer
from genrelens.train.fit.run import TrainingRequest, train
from genrelens.train.fit.trainer import TrainingOptions
from genrelens.train.recipes.recipe import NetworkTable, Recipe
from tests.support.audio import encode
from tests.support.recipes import make_recipe
from tests.support.training import InjectedError


def request_for(genres: Path, tmp_path: Path, recipe: Recipe, name: str = "run") -> TrainingRequest:
    return TrainingRequest(
        recipe=recipe,
        loading=LoadingOptions(str(genres), tmp_path / "cache", processes=1),
        folder=tmp_path / name,
        options=TrainingOptions("cpu", tracker="none"),
    )


def with_data(request: TrainingRequest, data: str) -> TrainingRequest:
    """Return the request with another dataset."""
    return replace(request, loading=replace(request.loading, data=data))


def train_single_label(request: TrainingRequest) -> Evaluation:
    """Train on tracks with one label each, and return the evaluation on *valid*."""
    evaluation = train(request, lambda _: None).evaluation
    assert isinstance(evaluation, Evaluation)
    return evaluation


@pytest.fixture(scope="module")
def trained(genres: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingRequest, Evaluation]:
    """A training that is long enough to separate the two genres."""
    recipe = make_recipe(train={"epochs": 12}, net={"branches": 2})
    request = request_for(genres, tmp_path_factory.mktemp("trained"), recipe)
    return request, train_single_label(request)


def test_a_training_learns_the_genres_and_writes_the_documented_files(
    trained: tuple[TrainingRequest, Evaluation], genres: Path
) -> None:
    request, result = trained
    assert result.metrics.accuracy.value == 1
    names = {file.name for file in request.folder.iterdir()}
    documented = {"recipe.json", "environment.json", "metrics.jsonl", "history.json", "history.csv", "best.ckpt"}
    assert names == documented | {"last.ckpt", "model.onnx", "valid.json"}
    assert Recipe.model_validate_json((request.folder / "recipe.json").read_text()) == request.recipe
    assert Evaluation.model_validate_json((request.folder / "valid.json").read_text()) == result
    classifier = Classifier(request.folder / "model.onnx")
    for genre in ("high", "low"):
        for file in (genres / genre).iterdir():
            assert classifier.predict(file).genre == genre


def test_the_card_states_the_provenance_of_the_model(trained: tuple[TrainingRequest, Evaluation]) -> None:
    request, result = trained
    card = Classifier(request.folder / "model.onnx").card
    assert card.labels == ("high", "low")
    assert card.input == request.recipe.input
    assert (card.training.recipe, card.training.split, card.training.seed) == ("small", "stratified", 1)
    assert card.training.tracks + result.metrics.tracks < 24
    assert card.parameters > 100


def test_validation_in_training_agrees_with_the_exported_model(trained: tuple[TrainingRequest, Evaluation]) -> None:
    """Training validates from log-mels in torch, and users predict from audio with the exported file."""
    request, result = trained
    with (request.folder / "metrics.jsonl").open() as lines:
        losses = [row["valid_loss"] for row in map(json.loads, lines) if "valid_loss" in row]
    assert len(losses) == 12
    calibration = Classifier(request.folder / "model.onnx").card.calibration
    assert calibration is not None
    assert calibration.log_loss[0] == pytest.approx(losses[-1], abs=0.02)
    assert result.metrics.log_loss == pytest.approx(calibration.log_loss[1], abs=0.02)


def test_a_training_calibrates_on_valid(trained: tuple[TrainingRequest, Evaluation]) -> None:
    request, result = trained
    card = Classifier(request.folder / "model.onnx").card
    assert card.calibration is not None
    assert card.calibration.tracks == result.metrics.tracks
    before, after = card.calibration.log_loss
    assert after <= before
    assert card.temperature != 1.0
    assert card.detector is None  # too few tracks to fit one


def test_a_track_that_changes_genre_midway_has_segments_of_both(
    trained: tuple[TrainingRequest, Evaluation], tmp_path: Path
) -> None:
    request, _ = trained
    rng = np.random.default_rng(1)
    time = np.arange(6 * 11_025) / 11_025
    wave = 0.3 * np.sin(2 * np.pi * np.where(time < 3, 150, 5_000) * time) + 0.02 * rng.standard_normal(len(time))
    file = encode(tmp_path / "both.wav", wave[None], codec="pcm_s16le", rate=11_025)
    prediction = Classifier(request.folder / "model.onnx").predict(file, windows="all")
    labels = {segment.start: segment.scores[0].label for segment in prediction.segments}
    assert {label for start, label in labels.items() if start <= 2.0} == {"low"}
    assert {label for start, label in labels.items() if start >= 3.0} == {"high"}
    assert prediction.confidence < min(
        segment.scores[0].score for segment in prediction.segments if segment.start != 2.5
    )


def test_a_resumed_training_ends_like_an_uninterrupted_one(
    genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(train={"epochs": 4})
    uninterrupted = request_for(genres, tmp_path, recipe, "uninterrupted")
    train(uninterrupted, lambda _: None)

    interrupted = request_for(genres, tmp_path, recipe, "interrupted")

    class FailingDataModule(trainer.TrackDataModule):
        def _epoch(self) -> int:
            if super()._epoch() == 2:
                raise InjectedError
            return super()._epoch()

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "TrackDataModule", FailingDataModule)
        with pytest.raises(InjectedError):
            train(interrupted, lambda _: None)
    train(replace(interrupted, resume=True), lambda _: None)

    first, second = (
        torch.load(folder / "last.ckpt", weights_only=False)["state_dict"]
        for folder in (uninterrupted.folder, interrupted.folder)
    )
    for name, weights in first.items():
        torch.testing.assert_close(second[name], weights, atol=1e-6, rtol=1e-5)


def test_a_run_directory_is_not_used_twice(trained: tuple[TrainingRequest, Evaluation]) -> None:
    request, _ = trained
    with pytest.raises(TrainingError, match="already holds a training run; continue it with --resume"):
        train(request, lambda _: None)
    other = replace(request, recipe=make_recipe(seed=9), resume=True)
    with pytest.raises(TrainingError, match="was started with another recipe"):
        train(other, lambda _: None)


def test_early_stopping_selects_the_best_weights(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(
        train={"epochs": 40, "patience": 1, "keep": "best", "optimiser": "adam", "schedule": "constant", "average": 0}
    )
    request = request_for(genres, tmp_path, recipe)
    train_single_label(request)
    with (request.folder / "metrics.jsonl").open() as lines:
        losses = [row["valid_loss"] for row in map(json.loads, lines) if "valid_loss" in row]
    assert len(losses) < 40
    calibration = Classifier(request.folder / "model.onnx").card.calibration
    assert calibration is not None
    assert calibration.log_loss[0] == pytest.approx(min(losses), abs=0.02)


def test_the_last_checkpoint_is_of_the_last_epoch(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(train={"epochs": 5, "validate_every": 2, "lr": 0.3, "warmup": 0, "schedule": "constant"})
    request = request_for(genres, tmp_path, recipe)
    train(request, lambda _: None)
    assert torch.load(request.folder / "last.ckpt", weights_only=False)["epoch"] == 4
    assert torch.load(request.folder / "best.ckpt", weights_only=False)["epoch"] in (1, 3)


def test_an_unusable_dataset_does_not_claim_the_run_directory(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, make_recipe(train={"epochs": 1}))
    (tmp_path / "wrong.csv").write_text("path,label,split\nmissing.wav,a,train\ngone.wav,b,valid\n")
    given = make_recipe(train={"epochs": 1}, data={"split": "given"})
    with pytest.raises(SplitError, match="no tracks in train and valid"):
        train(replace(with_data(request, str(tmp_path / "wrong.csv")), recipe=given), lambda _: None)
    assert not request.folder.exists()
    train(request, lambda _: None)


def test_a_non_finite_loss_stops_the_training(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, make_recipe(train={"lr": 1e30, "warmup": 0, "epochs": 5}))
    with pytest.raises(TrainingError, match=r"the loss became nan in epoch \d, step \d+; lower train\.lr"):
        train(request, lambda _: None)


def test_leaks_are_refused_unless_allowed(genres: Path, tmp_path: Path) -> None:
    files = sorted(genres.rglob("*.*"))
    rows = [f"{file},{file.parent.name},,{'train' if n % 2 else 'valid'}" for n, file in enumerate(files)]
    copy = tmp_path / f"copy{files[0].suffix}"  # of a track in valid
    copy.write_bytes(files[0].read_bytes())
    rows.append(f"{copy},{files[0].parent.name},,train")
    manifest = tmp_path / "set.csv"
    manifest.write_text("\n".join(["path,label,group,split", *rows]))
    request = request_for(genres, tmp_path, make_recipe(data={"split": "given"}, train={"epochs": 1}))
    request = with_data(request, str(manifest))
    with pytest.raises(LeakError, match="1 group or recording is in more than one split: recording"):
        train(request, lambda _: None)
    messages: list[str] = []
    loading = replace(request.loading, allow_leak=True)
    train(replace(request, loading=loading, folder=tmp_path / "leaky"), messages.append)
    assert any("figures will be overestimates" in message for message in messages)


def test_unreadable_files_are_left_out_and_reported(genres: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for genre in ("low", "high"):
        (folder / genre).mkdir()
        for file in (genres / genre).iterdir():
            (folder / genre / file.name).write_bytes(file.read_bytes())
    (folder / "low" / "broken.wav").write_text("no audio")
    messages: list[str] = []
    train(request_for(folder, tmp_path, make_recipe(train={"epochs": 1})), messages.append)
    assert any("broken.wav is not audio" in message for message in messages)


def test_an_impossible_recipe_does_not_claim_the_run_directory(genres: Path, tmp_path: Path) -> None:
    for name, recipe, error, words in (
        ("a", make_recipe(net={"name": "lense"}), RecipeError, "unknown network 'lense'; did you mean lens"),
        ("b", make_recipe(net={"widht": 3}), RecipeError, "does not accept widht; it accepts .*width"),
        ("c", make_recipe(data={"split": "given"}), SplitError, "no tracks in train and valid"),
    ):
        with pytest.raises(error, match=words):
            train(request_for(genres, tmp_path, recipe, name), lambda _: None)
        assert not (tmp_path / name).exists()


def test_training_in_bf16_gives_finite_probabilities(genres: Path, tmp_path: Path) -> None:
    result = train_single_label(request_for(genres, tmp_path, make_recipe(train={"precision": "bf16"})))
    assert math.isfinite(result.metrics.log_loss)
    answers = json.loads((tmp_path / "run" / "valid.json").read_text())["answers"]
    assert np.array([answer["probabilities"] for answer in answers]).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_model_that_cannot_be_served_is_evaluated_but_not_exported(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(preprocess={"high": 4_000.0}, train={"epochs": 1})
    messages: list[str] = []
    request = request_for(genres, tmp_path, recipe)
    evaluation = train(request, messages.append).evaluation
    assert any(
        "Not exported, as [preprocess] needs libraries that are not available when serving" in message
        for message in messages
    )
    assert not (request.folder / "model.onnx").exists()
    assert isinstance(evaluation, Evaluation)
    assert evaluation == Evaluation.model_validate_json((request.folder / "valid.json").read_text())
    assert (request.folder / "best.ckpt").is_file()


def test_other_features_than_the_mel_are_trained_on_and_served(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(
        input={"features": ["mel", "mfcc", "tempogram", "chroma", "contrast", "tonnetz"], "layout": "concat"},
        train={"epochs": 6, "lr": 1e-2},
    )
    recipe = recipe.model_copy(update={"net": NetworkTable(name="vgg", channels=[4, 8], dense=[8, 8])})
    request = request_for(genres, tmp_path, recipe)
    evaluation = train(request, lambda _: None).evaluation
    with (request.folder / "history.json").open() as file:
        losses = [epoch["valid_loss"] for epoch in json.load(file)["epochs"]]
    card = Classifier(request.folder / "model.onnx").card
    assert card.calibration is not None
    assert card.calibration.log_loss[0] == pytest.approx(losses[-1], abs=0.05)
    assert evaluation.metrics.log_loss == pytest.approx(card.calibration.log_loss[1], abs=0.05)  # from audio
    assert card.audio_input.features == recipe.input.features  # type: ignore[union-attr]
