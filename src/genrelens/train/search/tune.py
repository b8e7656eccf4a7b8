"""Hyperparameter search: many trainings with different settings, compared on *valid*; the best becomes a recipe."""

import csv
import io
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import joblib
import optuna
import tomli_w
import torch
from optuna_integration import PyTorchLightningPruningCallback

from genrelens import workers
from genrelens.errors import GenrelensError, RecipeError, TrainingError, display_name
from genrelens.files import atomic_write, write_text
from genrelens.progress import Notify
from genrelens.train import networks
from genrelens.train.data.batches import step_seed
from genrelens.train.data.dataset import Examples, load_dataset
from genrelens.train.environment import describe_environment
from genrelens.train.fit.record import read_history
from genrelens.train.fit.run import TrainingRequest
from genrelens.train.fit.task import NonFiniteLossError
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides
from genrelens.train.search.report import trial_folder, write_report
from genrelens.train.search.study import (
    METRIC_TITLES,
    METRICS,
    Objective,
    Trial,
    create_sampler,
    open_study,
    parameter_importances,
    read_trials,
    record_error,
    suggest_value,
    summarise_trial,
)

_TABLES = ("net", "train", "augment")  # tables that may vary: the data are prepared once for all trials,
_PREPARED = ("train.crops", "augment.expand", "augment.waveform")  # so these keys in them may not
_EXAMPLES = "tracks.joblib"


@dataclass(frozen=True)
class TuningResult:
    """The outcome of a search.

    Attributes:
        folder: the folder of the study.
        objective: the objective.
        best: the best complete trial.
        trials: all trials.
        importances: share of the objective's variance that each key explains, in descending order.
    """

    folder: Path
    objective: Objective
    best: Trial
    trials: tuple[Trial, ...]
    importances: dict[str, float]


@dataclass(frozen=True)
class _TrialSetup:
    """The settings that all trials share; sent to each worker process."""

    recipe: Recipe
    folder: Path
    objective: Objective
    accelerator: str
    threads: int | None


def tune(request: TrainingRequest, count: int, processes: int, objective: Objective, notify: Notify) -> TuningResult:
    """Search for better values of the keys in the recipe's table `tune`; *test* is never used.

    Writes study.db, trials.csv, best.toml, report.html with its pictures, and a folder per trial. A study of the
    same recipe, data and objective that is already in the folder is continued.

    Args:
        request: recipe, data and options as for a training; its folder is the folder of the study.
        count: total number of finished trials, including earlier and pruned ones.
        processes: number of trials to run in parallel.
        objective: "loss" or "accuracy" on *valid*, of the weights that the recipe selects.
        notify: receives messages for the user.

    Raises:
        DataError: the data cannot be used, or leak between splits.
        RecipeError: the recipe names nothing to vary, or something that cannot be varied.
        TrainingError: the folder holds another study, or no trial was completed.
    """
    recipe, folder = request.recipe, request.folder
    _check_search_space(recipe, objective)
    data = load_dataset(recipe, request.loading, notify)
    train, valid = data.training_examples(recipe), data.examples("valid")
    for settings in _extreme_settings(recipe):
        networks.build(apply_overrides(recipe, settings).net, len(data.manifest.labels), recipe.input.shape)
    _claim_folder(
        folder, recipe, f"{data.manifest.name}, {len(train.inputs)} and {len(valid.inputs)} tracks, {objective}"
    )
    threads = max(1, workers.available_cores() // processes) if processes > 1 else None
    setup = _TrialSetup(recipe, folder, objective, request.options.accelerator, threads)
    with atomic_write(folder / _EXAMPLES) as file:
        joblib.dump((train, valid), file)
    try:
        _run_trials(setup, count, processes, request, notify)
    finally:
        _load_examples.cache_clear()
        (folder / _EXAMPLES).unlink(missing_ok=True)
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


def _extreme_settings(recipe: Recipe) -> list[dict[str, Any]]:
    return [{key: value} for key, space in recipe.tune.items() for value in space.extremes]


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


def _run_trials(setup: _TrialSetup, count: int, processes: int, request: TrainingRequest, notify: Notify) -> None:
    earlier = read_trials(open_study(setup.folder, setup.objective))
    remaining = count - sum(trial.state in ("complete", "pruned") for trial in earlier)
    if remaining <= 0:
        notify(f"{display_name(setup.folder)} already has {count} trials; request more with --trials.")
        return
    notify(f"Running {remaining} trials of {setup.recipe.name} ...")
    numbers = range(len(earlier), len(earlier) + remaining)
    with request.loading.progress_bars("Trials", remaining) as progress:
        for _, outcome in workers.map_in_order(partial(_run_trial, setup=setup), numbers, processes):
            notify(_describe(outcome, setup.objective))
            progress()


def _describe(outcome: Trial | GenrelensError, objective: Objective) -> str:
    if isinstance(outcome, GenrelensError):
        return f"A trial was lost: {outcome}."
    if outcome.value is None:
        return f"Trial {outcome.number} failed: {outcome.error}."
    settings = ", ".join(f"{key} {_short(value)}" for key, value in outcome.settings.items())
    pruned = ", pruned" if outcome.state == "pruned" else ""
    return f"Trial {outcome.number}: {METRIC_TITLES[objective]} {outcome.value:.3f}{pruned} ({settings})"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _run_trial(_number: int, setup: _TrialSetup) -> Trial:
    """Run one trial in this process; the study assigns its number, since others may run in parallel."""
    if setup.threads:
        torch.set_num_threads(setup.threads)
    finished: list[Trial] = []
    open_study(setup.folder, setup.objective).optimize(
        partial(_objective, setup=setup),
        n_trials=1,
        catch=(GenrelensError,),
        callbacks=[lambda _, trial: finished.append(summarise_trial(trial))],
    )
    return finished[0]


def _objective(trial: optuna.Trial, setup: _TrialSetup) -> float:
    """Train with suggested settings and return the objective; weights are kept only of interrupted trials."""
    trial.study.sampler = create_sampler(step_seed(setup.recipe.seed, trial.number))
    settings = {key: suggest_value(trial, key, space) for key, space in setup.recipe.tune.items()}
    folder = trial_folder(setup.folder, summarise_trial(trial.study.trials[trial.number]))
    try:
        recipe = apply_overrides(setup.recipe, settings).model_copy(update={"tune": {}})
        value = _train(trial, setup, recipe, folder)
    except TrainingError as error:
        _delete_weights(folder)
        if isinstance(error.__cause__, NonFiniteLossError):  # bad settings, from which the sampler can learn
            raise optuna.TrialPruned from error
        record_error(trial, error)
        raise
    except optuna.TrialPruned:
        _delete_weights(folder)
        raise
    _delete_weights(folder)
    return value


def _train(trial: optuna.Trial, setup: _TrialSetup, recipe: Recipe, folder: Path) -> float:
    """Train in `folder`, resuming an interrupted trial from its last checkpoint, and return the objective."""
    write_text(folder / "recipe.json", recipe.model_dump_json(indent=1))
    metric = METRICS[setup.objective]
    training = prepare_training(recipe, *_load_examples(setup.folder))
    options = TrainingOptions(setup.accelerator, tracker="none")
    fit(training, folder, options, lambda _: None, [PyTorchLightningPruningCallback(trial, metric)])
    history = read_history(folder)
    selected = history.best if recipe.train.keep == "best" else history.validated[-1]
    return float(getattr(selected, metric))


def _delete_weights(folder: Path) -> None:
    for file in folder.glob("*.ckpt"):
        file.unlink()


@cache
def _load_examples(folder: Path) -> tuple[Examples, Examples]:
    """Load *train* and *valid*, memory-mapped from one file so that processes share the memory."""
    train, valid = joblib.load(folder / _EXAMPLES, mmap_mode="r")
    return train, valid


def _write_results(setup: _TrialSetup) -> TuningResult:
    """Write trials.csv, best.toml and report.html, and return the result."""
    study = open_study(setup.folder, setup.objective)
    trials = read_trials(study)
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    if not complete:
        reason = next((trial.error for trial in trials if trial.error), "all were interrupted or pruned")
        raise TrainingError(f"no trial was completed ({reason}); change [tune] in the recipe, or run more trials")
    sign = 1 if setup.objective == "loss" else -1
    best = min(complete, key=lambda trial: sign * (trial.value or 0.0))
    result = TuningResult(setup.folder, setup.objective, best, trials, parameter_importances(study))
    write_text(setup.folder / "trials.csv", _trials_csv(trials, list(setup.recipe.tune)))
    write_text(setup.folder / "best.toml", _best_toml(setup, best))
    write_report(setup.recipe, setup.objective, trials, best, result.importances, setup.folder)
    return result


def _trials_csv(trials: tuple[Trial, ...], keys: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "state", "value", *keys, "seconds", "error"])
    for trial in trials:
        values = [trial.settings.get(key) for key in keys]
        writer.writerow([trial.number, trial.state, trial.value, *values, trial.seconds, trial.error])
    return text.getvalue()


def _best_toml(setup: _TrialSetup, best: Trial) -> str:
    recipe = apply_overrides(setup.recipe, {**best.settings, "name": f"{setup.recipe.name}-tuned"})
    content = recipe.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"tune"})
    value = f"{METRIC_TITLES[setup.objective]} {best.value:.4f}"
    return f"# {setup.recipe.name} with the values of trial {best.number}: {value}\n{tomli_w.dumps(content)}"
