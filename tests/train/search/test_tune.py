"""Hyperparameter search on two genres that are easy to separate."""

import contextlib
import csv
import itertools
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback

from genrelens.errors import RecipeError, TrainingError
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.fit.record import read_history
from genrelens.train.fit.run import TrainingRequest
from genrelens.train.fit.trainer import TrainingOptions, fit
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides, read_recipe
from genrelens.train.search import study
from genrelens.train.search import tune as tune_module
from genrelens.train.search.report import TuningResult
from genrelens.train.search.tune import tune
from tests.support.recipes import make_recipe

SPACES: dict[str, Any] = {
    "train.lr": {"low": 1e-4, "high": 0.1, "log": True},
    "augment.time_masks": {"low": 0, "high": 3},
    "net.width": {"choices": [4, 8]},
}


def make_search(spaces: dict[str, Any] = SPACES, **changes: Any) -> Recipe:
    recipe = make_recipe(**{"augment": dict.fromkeys(make_recipe().augment.model_fields_set, 0), **changes})
    return Recipe.model_validate({**recipe.model_dump(exclude_unset=True), "tune": spaces})


def request_for(genres: Path, tmp_path: Path, recipe: Recipe, name: str = "study") -> TrainingRequest:
    options = TrainingOptions("cpu", tracker="none")
    return TrainingRequest(
        recipe, LoadingOptions(str(genres), tmp_path / "cache", processes=1), tmp_path / name, options=options
    )


def run(request: TrainingRequest, count: int, processes: int = 1, objective: study.Objective = "loss") -> TuningResult:
    return tune(request, count, processes, objective, lambda _: None)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the report, whose figures take longer than the trials."""
    monkeypatch.setattr(tune_module, "write_report", lambda *_: None)


def test_a_search_writes_the_best_of_its_trials_as_a_recipe(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, make_search(train={"keep": "best"}))
    result = run(request, 3)
    values = [read_history(request.folder / "trials" / f"{number:04}").best for number in range(3)]
    losses = [epoch.valid_loss for epoch in values if epoch is not None and epoch.valid_loss is not None]
    assert [trial.value for trial in result.trials] == pytest.approx(losses)
    assert result.best.value == min(losses)
    assert sum(result.importances.values()) == pytest.approx(1)
    with (request.folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train.lr"]) for row in rows] == [trial.settings["train.lr"] for trial in result.trials]
    assert len({row["train.lr"] for row in rows}) == 3
    best = read_recipe(request.folder / "best.toml")
    assert best == apply_overrides(request.recipe, {**result.best.settings, "name": "small-tuned", "tune": {}})
    names = {file.name for file in request.folder.iterdir()}
    pictures = {"course.png", "epochs.png", "importances.png", "slices.png"}
    assert pictures | {"report.html", "study.db", "environment.json"} <= names
    page = (request.folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    assert not list(request.folder.rglob("*.ckpt"))


@pytest.mark.usefixtures("no_report")
def test_a_study_is_resumed_and_shared_by_two_processes(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, make_search())
    first = run(request, 1)
    second = run(request, 3, processes=2)
    assert second.trials[0] == first.trials[0]
    assert [trial.state for trial in second.trials] == ["complete"] * 3
    assert len({trial.settings["train.lr"] for trial in second.trials}) == 3  # no value is tried twice
    assert run(request, 3).trials == second.trials


@pytest.mark.usefixtures("no_report")
def test_simultaneous_searches_try_different_values(
    genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second command may start before the first has created a trial."""
    request = request_for(genres, tmp_path, make_search())
    run(request, 1)
    calls, read_trials = itertools.count(), study.read_trials
    monkeypatch.setattr(study, "read_trials", lambda opened: read_trials(opened) if next(calls) else ())
    first, second = run(request, 1).trials
    assert first.settings["train.lr"] != second.settings["train.lr"]


@pytest.mark.usefixtures("no_report")
def test_unpromising_trials_are_pruned(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_STARTUP_TRIALS", 1)
    recipe = make_search({"train.lr": {"choices": [3e-2, 1e-9]}}, train={"epochs": 6, "average": 0, "keep": "best"})
    result = run(request_for(genres, tmp_path, recipe), 5, objective="accuracy")
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert {trial.settings["train.lr"] for trial in pruned} == {1e-9}
    assert result.best.settings["train.lr"] == 3e-2
    assert result.best.value == max(trial.value for trial in result.trials if trial.value is not None)
    epochs = {len(read_history(tmp_path / "study" / "trials" / f"{trial.number:04}").epochs) for trial in pruned}
    assert max(epochs) < 6


@pytest.mark.usefixtures("no_report")
def test_non_finite_losses_are_pruned_and_impossible_trials_fail_with_a_reason(genres: Path, tmp_path: Path) -> None:
    recipe = make_search({"train.lr": {"choices": [1e-2, 1e30]}}, train={"warmup": 0})
    result = run(request_for(genres, tmp_path, recipe, "lost"), 4)
    assert {trial.state for trial in result.trials if trial.settings["train.lr"] == 1e30} == {"pruned"}
    recipe = make_search({"net.branches": {"choices": [8, 9]}})  # more than the batch of four windows has
    with pytest.raises(TrainingError, match=r"no trial was completed .*branches cannot share 4 windows"):
        run(request_for(genres, tmp_path, recipe, "impossible"), 1)


@pytest.mark.usefixtures("no_report")
def test_a_study_belongs_to_one_recipe_and_objective(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, make_search())
    run(request, 1)
    with pytest.raises(TrainingError, match="holds a study of another recipe, dataset or objective"):
        run(request, 2, objective="accuracy")
    with pytest.raises(TrainingError, match="holds a study of another recipe"):
        run(replace(request, recipe=make_search(seed=2)), 2)


class KilledError(BaseException):
    """An exception that no library handles, like a kill."""


class KillInThirdEpoch(Callback):
    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.current_epoch == 2:
            raise KilledError


def test_a_killed_trial_is_resumed(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_for(genres, tmp_path, make_search(train={"epochs": 4}))
    real: Any = fit
    with monkeypatch.context() as patched:
        patched.setattr(study, "fit", lambda *arguments: real(*arguments[:-1], [*arguments[-1], KillInThirdEpoch()]))
        with pytest.raises(KilledError):
            run(request, 1)
    folder = request.folder / "trials" / "0000"
    lines_before = (folder / "metrics.jsonl").read_text().splitlines()
    with contextlib.closing(sqlite3.connect(request.folder / "study.db")) as store, store:
        store.execute("UPDATE trial_heartbeats SET heartbeat = '2000-01-01 00:00:00'")
    result = run(request, 1)
    assert [trial.state for trial in result.trials] == ["failed", "complete"]
    assert result.trials[0].settings == result.trials[1].settings
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert len(lines_before) == 4
    assert lines[:4] == lines_before  # two epochs are not trained again
    assert len(read_history(folder).epochs) == 4


@pytest.mark.parametrize(
    ("spaces", "words"),
    [
        ({}, "small has nothing to tune; list what may vary under"),
        ({"data.split": {"choices": ["stratified", "given"]}}, r"\[tune\] cannot vary data.split"),
        ({"net.widht": {"low": 1, "high": 2}}, "does not accept widht"),
    ],
)
def test_an_impossible_search_space_is_refused(
    genres: Path, tmp_path: Path, spaces: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        run(request_for(genres, tmp_path, make_search(spaces)), 1)
    assert not (tmp_path / "study").exists()
