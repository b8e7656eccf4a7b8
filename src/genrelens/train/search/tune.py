"""Hyperparameter search: train with many settings and compare on *valid*; the best become a recipe."""

import csv
import io
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import tomli_w

from genrelens import workers
from genrelens.errors import GenrelensError, RecipeError, TrainingError, display_name
from genrelens.files import atomic_write, write_text
from genrelens.progress import Notify
from genrelens.train import networks
from genrelens.train.data.dataset import load_dataset
from genrelens.train.environment import describe_environment
from genrelens.train.fit.run import TrainingRequest
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides
from genrelens.train.search import study
from genrelens.train.search.report import TuningResult, write_report
from genrelens.train.search.study import Objective, Trial, TrialSetup

_TABLES = ("net", "train", "augment")  # tables whose keys may vary
_PREPARED = ("train.crops", "augment.expand", "augment.waveform")  # fixed: the data are prepared once for all trials


def tune(request: TrainingRequest, count: int, processes: int, objective: Objective, notify: Notify) -> TuningResult:
    """Search for better values of the keys in the recipe's table `tune`; *test* is never used.

    Writes study.db, trials.csv, best.toml, report.html with its pictures, and a folder per trial. A study of the
    same recipe, data and objective that is already in the folder is continued.

    Args:
        request: recipe, data and options, as in `train`; its folder is the folder of the study.
        count: target number of finished trials, counting earlier and pruned ones.
        processes: number of trials to run in parallel.
        objective: "loss" or "accuracy" on *valid*, of the weights that the recipe selects.
        notify: receives messages for the user.

    Raises:
        DataError: the data cannot be used, or leak between splits.
        RecipeError: [tune] is empty or names a key that cannot be tuned.
        TrainingError: the folder holds another study, or no trial was completed.
    """
    recipe, folder = request.recipe, request.folder
    _check_search_space(recipe, objective)
    data = load_dataset(recipe, request.loading, notify)
    train, valid = data.training_examples(recipe), data.examples("valid")
    for key, space in recipe.tune.items():
        for value in space.extremes:
            networks.build(apply_overrides(recipe, {key: value}).net, len(data.manifest.labels), recipe.input.shape)
    tracks = f"{len(train.inputs)} and {len(valid.inputs)} tracks"
    _claim_folder(folder, recipe, f"{data.manifest.name}, {tracks}, {objective}")
    threads = max(1, workers.available_cores() // processes) if processes > 1 else None
    setup = TrialSetup(recipe, folder, objective, request.options.accelerator, threads)
    with atomic_write(folder / study.EXAMPLES) as file:
        joblib.dump((train, valid), file)
    try:
        _run_trials(setup, count, processes, request, notify)
    finally:
        study.load_examples.cache_clear()
        (folder / study.EXAMPLES).unlink(missing_ok=True)
    return _write_results(setup)


def _check_search_space(recipe: Recipe, objective: Objective) -> None:
    if objective == "accuracy" and recipe.data.labels == "several":
        raise RecipeError(
            f"{recipe.name} has several labels per track, for which accuracy is not defined; use --objective loss"
        )
    if not recipe.tune:
        raise RecipeError(
            f'{recipe.name} has nothing to tune; list what may vary under [tune], such as "train.lr" = '
            "{ low = 1e-4, high = 1e-2, log = true }"
        )
    for key in recipe.tune:
        if key.partition(".")[0] not in _TABLES or key.startswith(_PREPARED):
            raise RecipeError(
                f"[tune] cannot vary {key}; it can vary the keys of {', '.join(_TABLES)}, except {', '.join(_PREPARED)}"
            )


def _claim_folder(folder: Path, recipe: Recipe, summary: str) -> None:
    """Create the folder of a study, or check that it belongs to this recipe, dataset and objective."""
    content = f"{summary}\n{recipe.model_dump_json(indent=1)}"
    file = folder / "study.txt"
    if file.exists() and file.read_text("utf-8") != content:
        raise TrainingError(
            f"{display_name(folder)} holds a study of another recipe, dataset or objective; choose another folder"
        )
    write_text(file, content)
    write_text(folder / "environment.json", describe_environment().model_dump_json(indent=1))


def _run_trials(setup: TrialSetup, count: int, processes: int, request: TrainingRequest, notify: Notify) -> None:
    earlier = study.read_trials(study.open_study(setup.folder, setup.objective))
    remaining = count - sum(trial.state in ("complete", "pruned") for trial in earlier)
    if remaining <= 0:
        notify(f"{display_name(setup.folder)} already has {count} trials; request more with --trials")
        return
    notify(f"Running {remaining} trials of {setup.recipe.name} ...")
    numbers = range(len(earlier), len(earlier) + remaining)
    with request.loading.progress_bars("Trials", remaining) as progress:
        for _, outcome in workers.map_in_order(partial(study.run_trial, setup=setup), numbers, processes):
            notify(_describe(outcome, setup.objective))
            progress()


def _describe(outcome: Trial | GenrelensError, objective: Objective) -> str:
    if isinstance(outcome, GenrelensError):
        return f"A trial crashed: {outcome}"
    if outcome.value is None:
        return f"Trial {outcome.number} failed: {outcome.error}"
    values = {key: f"{value:.3g}" if isinstance(value, float) else value for key, value in outcome.settings.items()}
    settings = ", ".join(f"{key} {value}" for key, value in values.items())
    pruned = ", pruned" if outcome.state == "pruned" else ""
    return f"Trial {outcome.number}: {study.TITLES[objective]} {outcome.value:.3f}{pruned} ({settings})"


def _write_results(setup: TrialSetup) -> TuningResult:
    """Write trials.csv, best.toml and report.html, and return the result."""
    recipe, folder = setup.recipe, setup.folder
    opened = study.open_study(folder, setup.objective)
    trials = study.read_trials(opened)
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    if not complete:
        reason = next((trial.error for trial in trials if trial.error), "all were interrupted or pruned")
        raise TrainingError(f"no trial was completed ({reason}); change [tune] in the recipe, or run more trials")
    sign = 1 if setup.objective == "loss" else -1
    best = min(complete, key=lambda trial: sign * (trial.value or 0.0))
    result = TuningResult(folder, setup.objective, best, trials, study.parameter_importances(opened))
    write_text(folder / "trials.csv", _trials_csv(trials, list(recipe.tune)))
    tuned = apply_overrides(recipe, {**best.settings, "name": f"{recipe.name}-tuned"})
    content = tuned.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"tune"})
    origin = f"{recipe.name} with the values of trial {best.number}: {study.TITLES[setup.objective]} {best.value:.4f}"
    write_text(folder / "best.toml", f"# {origin}\n{tomli_w.dumps(content)}")
    write_report(recipe, result)
    return result


def _trials_csv(trials: tuple[Trial, ...], keys: list[str]) -> str:
    rows: list[list[Any]] = [["number", "state", "value", *keys, "seconds", "error"]]
    for trial in trials:
        values = [trial.settings.get(key) for key in keys]
        rows.append([trial.number, trial.state, trial.value, *values, trial.seconds, trial.error])
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    return table.getvalue()
