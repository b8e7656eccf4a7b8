"""A search on two easy genres: what it finds, what it forgets, who may share it."""

import contextlib
import csv
import itertools
import sqlite3
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback
from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.errors import RecipeError, TrainingError
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.fit.fit import TrainingOptions, fit
from genrelens.train.fit.history import read_history
from genrelens.train.fit.run import TrainingRequest
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import read_recipe, apply_overrides
from genrelens.train.search import study
from genrelens.train.search import tune as module
from genrelens.train.search.tune import TuningResult, tune
from tests.support.recipes import make_recipe

SEARCH: dict[str, Any] = {
    "train.lr": {"low": 1e-4, "high": 0.1, "log": True},
    "augment.time_masks": {"low": 0, "high": 3},
    "net.width": {"choices": [4, 8]},
}


def searching(search: dict[str, Any] = SEARCH, **changes: Any) -> Recipe:
    recipe = make_recipe(**{"augment": dict.fromkeys(make_recipe().augment.model_fields_set, 0), **changes})
    return Recipe.model_validate({**recipe.model_dump(exclude_unset=True), "tune": search})


def request_for(genres: Path, tmp_path: Path, recipe: Recipe, name: str = "study") -> TrainingRequest:
    manner = TrainingOptions("cpu", tracker="none")
    return TrainingRequest(
        recipe, LoadingOptions(str(genres), tmp_path / "cache", processes=1), tmp_path / name, options=manner
    )


def run(request: TrainingRequest, count: int, processes: int = 1, objective: study.Objective = "loss") -> TuningResult:
    return tune(request, count, processes, objective, lambda _: None)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report: its pictures take longer than the trials."""
    monkeypatch.setattr(module, "write_report", lambda *_: None)


def test_a_search_finds_the_best_of_its_trials_and_writes_it_down(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, searching(train={"keep": "best"}))
    tuned = run(request, 3)
    values = [read_history(request.folder / "trials" / f"{number:04}").best for number in range(3)]
    losses = [epoch.valid_loss for epoch in values if epoch is not None and epoch.valid_loss is not None]
    assert [trial.value for trial in tuned.trials] == pytest.approx(losses)
    assert tuned.best.value == min(losses)
    assert sum(tuned.importances.values()) == pytest.approx(1)
    with (request.folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train.lr"]) for row in rows] == [trial.settings["train.lr"] for trial in tuned.trials]
    assert len({row["train.lr"] for row in rows}) == 3
    best = read_recipe(request.folder / "best.toml")
    assert best == apply_overrides(request.recipe, {**tuned.best.settings, "name": "small-tuned", "tune": {}})
    names = {file.name for file in request.folder.iterdir()}
    pictures = {"course.png", "epochs.png", "importances.png", "slices.png"}
    assert pictures | {"report.html", "study.db", "environment.json"} <= names
    page = (request.folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    assert not list(request.folder.rglob("*.ckpt"))


@pytest.mark.usefixtures("plain")
def test_a_second_call_goes_on_and_two_processes_share_a_study(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, searching())
    first = run(request, 1)
    second = run(request, 3, processes=2)
    assert second.trials[0] == first.trials[0]
    assert [trial.state for trial in second.trials] == ["complete"] * 3
    assert len({trial.settings["train.lr"] for trial in second.trials}) == 3  # none was tried twice
    assert run(request, 3).trials == second.trials


@pytest.mark.usefixtures("plain")
def test_two_searches_at_the_same_time_try_different_values(
    genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second command may begin when the first has not asked for a trial yet."""
    request = request_for(genres, tmp_path, searching())
    run(request, 1)
    real, calls = study.read_trials, itertools.count()
    monkeypatch.setattr(study, "read_trials", lambda search: real(search) if next(calls) else ())
    first, second = run(request, 1).trials
    assert first.settings["train.lr"] != second.settings["train.lr"]


@pytest.mark.usefixtures("plain")
def test_hopeless_trials_are_given_up(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_FIRST", 1)
    recipe = searching({"train.lr": {"choices": [3e-2, 1e-9]}}, train={"epochs": 6, "average": 0, "keep": "best"})
    tuned = run(request_for(genres, tmp_path, recipe), 5, objective="accuracy")
    given_up = [trial for trial in tuned.trials if trial.state == "pruned"]
    assert given_up
    assert {trial.settings["train.lr"] for trial in given_up} == {1e-9}
    assert tuned.best.settings["train.lr"] == 3e-2
    assert tuned.best.value == max(trial.value for trial in tuned.trials if trial.value is not None)
    epochs = {len(read_history(tmp_path / "study" / "trials" / f"{trial.number:04}").epochs) for trial in given_up}
    assert max(epochs) < 6


@pytest.mark.usefixtures("plain")
def test_lost_losses_are_pruned_and_impossible_trials_fail_with_a_reason(genres: Path, tmp_path: Path) -> None:
    recipe = searching({"train.lr": {"choices": [1e-2, 1e30]}}, train={"warmup": 0})
    tuned = run(request_for(genres, tmp_path, recipe, "lost"), 4)
    assert {trial.state for trial in tuned.trials if trial.settings["train.lr"] == 1e30} == {"pruned"}
    recipe = searching({"net.branches": {"choices": [8, 9]}})  # of batches of four
    with pytest.raises(TrainingError, match=r"no trial came to an end .*branches cannot share 4 windows"):
        run(request_for(genres, tmp_path, recipe, "impossible"), 1)


@pytest.mark.usefixtures("plain")
def test_a_study_is_of_one_recipe_and_objective(genres: Path, tmp_path: Path) -> None:
    request = request_for(genres, tmp_path, searching())
    run(request, 1)
    with pytest.raises(TrainingError, match="holds a study of another recipe, data set or objective"):
        run(request, 2, objective="accuracy")
    with pytest.raises(TrainingError, match="holds a study of another recipe"):
        run(replace(request, recipe=searching(seed=2)), 2)


class KilledError(BaseException):
    """Not even an error that a library would handle."""


class Kills(Callback):
    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.current_epoch == 2:
            raise KilledError


def test_a_trial_that_was_killed_is_gone_on_with(genres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_for(genres, tmp_path, searching(train={"epochs": 4}))
    real: Any = fit
    with monkeypatch.context() as patched:
        patched.setattr(module, "fit", lambda *arguments: real(*arguments[:-1], [*arguments[-1], Kills()]))
        with pytest.raises(KilledError):
            run(request, 1)
    folder = request.folder / "trials" / "0000"
    begun = (folder / "metrics.jsonl").read_text().splitlines()
    with contextlib.closing(sqlite3.connect(request.folder / "study.db")) as store, store:
        store.execute("UPDATE trial_heartbeats SET heartbeat = '2000-01-01 00:00:00'")
    tuned = run(request, 1)
    assert [trial.state for trial in tuned.trials] == ["failed", "complete"]
    assert tuned.trials[0].settings == tuned.trials[1].settings
    ended = (folder / "metrics.jsonl").read_text().splitlines()
    assert len(begun) == 4
    assert ended[:4] == begun  # two epochs were not trained again
    assert len(read_history(folder).epochs) == 4


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({}, "small has nothing to tune; say what may vary under"),
        ({"data.split": {"choices": ["stratified", "given"]}}, r"\[tune\] cannot vary data.split"),
        ({"net.widht": {"low": 1, "high": 2}}, "takes no widht"),
    ],
)
def test_what_cannot_be_sought(genres: Path, tmp_path: Path, search: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        run(request_for(genres, tmp_path, searching(search)), 1)
    assert not (tmp_path / "study").exists()


@pytest.mark.usefixtures("plain")
def test_from_the_command_line(genres: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    run(request_for(genres, tmp_path, searching()), 1)
    recipe = str(folder / "best.toml")
    with (folder / "best.toml").open("a") as file:
        file.write('\n[tune]\n"train.lr" = { low = 0.001, high = 0.1 }\n')
    common = ["--data", str(genres), "--cache", str(tmp_path / "cache"), "--threads", "1", "--accelerator", "cpu"]
    result = CliRunner().invoke(app, ["tune", recipe, "--trials", "1", "--study", str(tmp_path / "next"), *common])
    assert result.exit_code == 0, result.output
    assert "Trial 0: log loss on valid" in result.stderr
    assert "train.lr" in result.stdout
    assert f"best    {tmp_path / 'next' / 'best.toml'}" in result.stdout
    content = tomllib.loads((tmp_path / "next" / "best.toml").read_text())
    assert content["name"] == "small-tuned-tuned"
    assert "tune" not in content
