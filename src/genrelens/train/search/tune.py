"""What `genrelens tune` does: many short trainings with other values, judged on *valid*, and the best as a recipe."""

import csv
import io
from collections.abc import Callable
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
from genrelens.train import networks
from genrelens.train.data.batches import step_seed
from genrelens.train.data.dataset import Examples, load_dataset
from genrelens.train.environment import describe_environment
from genrelens.train.fit.fit import TrainingOptions, fit
from genrelens.train.fit.history import read_history
from genrelens.train.fit.run import TrainingRequest
from genrelens.train.fit.task import NonFiniteLossError
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import apply_overrides
from genrelens.train.search import study
from genrelens.train.search.report import trial_folder, write_report
from genrelens.train.search.study import METRICS, METRIC_TITLES, Objective, Trial

_TABLES = ("net", "train", "augment")  # what may vary without the data being prepared again,
_PREPARED = ("train.crops", "augment.expand", "augment.waveform")  # but for these of their keys
_TRACKS = "tracks.joblib"


@dataclass(frozen=True)
class TuningResult:
    """What a search found: the best trial, all trials, and how much each key matters."""

    folder: Path
    objective: Objective
    best: Trial
    trials: tuple[Trial, ...]
    importances: dict[str, float]


@dataclass(frozen=True)
class _Plan:
    """What every trial must know, wherever it runs."""

    recipe: Recipe
    folder: Path
    objective: Objective
    labels: int
    accelerator: str
    threads: int | None


def tune(request: TrainingRequest, count: int, processes: int, objective: Objective, say: Callable[[str], None]) -> TuningResult:
    """Search for better values of the keys that the recipe's table `tune` names; *test* is not looked at.

    The folder then holds study.db, trials.csv, best.toml, report.html with its pictures, and a folder for each
    trial. If it holds a study of the same recipe and data, that is gone on with.

    Args:
        request: as for a training; its folder is the study's.
        count: trials that the study shall have seen the end of, earlier ones and pruned ones among them.
        processes: trials that run at the same time.
        objective: "loss" or "accuracy", on *valid*, of the weights that the recipe keeps.
        say: told in a sentence what is being done.

    Raises:
        DataError: the data cannot be used, or leak.
        RecipeError: the recipe names nothing to vary, or something that cannot.
        TrainingError: the folder holds another study, or no trial came to an end.
    """
    recipe, folder = request.recipe, request.folder
    _check(recipe, objective)
    data = load_dataset(recipe, request.loading, say)
    learn, valid, labels = data.training_examples(recipe), data.examples("valid"), len(data.manifest.labels)
    for settings in _extremes(recipe):
        networks.build(apply_overrides(recipe, settings).net, labels, recipe.input.shape)
    _claim(folder, recipe, f"{data.manifest.name}, {len(learn.inputs)} and {len(valid.inputs)} tracks, {objective}")
    threads = max(1, workers.available_cores() // processes) if processes > 1 else None
    plan = _Plan(recipe, folder, objective, labels, request.options.accelerator, threads)
    with atomic_write(folder / _TRACKS) as file:
        joblib.dump((learn, valid), file)
    try:
        _run_trials(plan, count, processes, request, say)
    finally:
        _tracks.cache_clear()
        (folder / _TRACKS).unlink(missing_ok=True)
    return _conclude(plan)


def _check(recipe: Recipe, objective: Objective) -> None:
    if objective == "accuracy" and recipe.data.labels == "several":
        raise RecipeError(f"{recipe.name} tells several labels a track, which has no accuracy; seek the loss")
    if not recipe.tune:
        raise RecipeError(
            f'{recipe.name} has nothing to tune; say what may vary under [tune], such as "train.lr" = '
            "{ low = 1e-4, high = 1e-2, log = true }"
        )
    for key in recipe.tune:
        if key.partition(".")[0] not in _TABLES or key.startswith(_PREPARED):
            raise RecipeError(
                f"[tune] cannot vary {key}; what it can is under {', '.join(_TABLES)}, but for {', '.join(_PREPARED)}"
            )


def _extremes(recipe: Recipe) -> list[dict[str, Any]]:
    return [{key: value} for key, search in recipe.tune.items() for value in search.extremes]


def _claim(folder: Path, recipe: Recipe, what: str) -> None:
    """Make the folder of a study, or see that it is of this recipe, these data and this objective."""
    content = f"{what}\n{recipe.model_dump_json(indent=1)}"
    file = folder / "study.txt"
    if file.exists() and file.read_text("utf-8") != content:
        raise TrainingError(f"{display_name(folder)} holds a study of another recipe, data set or objective; name another")
    write_text(file, content)
    write_text(folder / "environment.json", describe_environment().model_dump_json(indent=1))


def _run_trials(plan: _Plan, count: int, processes: int, request: TrainingRequest, say: Callable[[str], None]) -> None:
    known = study.read_trials(study.open_study(plan.folder, plan.objective))
    wanted = count - sum(trial.state in ("complete", "pruned") for trial in known)
    if wanted <= 0:
        say(f"{display_name(plan.folder)} has seen {count} trials already; ask for more with --trials.")
        return
    say(f"Trying {wanted} times what may be better than {plan.recipe.name} ...")
    numbers = range(len(known), len(known) + wanted)
    with request.loading.progress_bars("Trials", wanted) as advance:
        for _, outcome in workers.map_in_order(partial(_try, plan=plan), numbers, processes):
            say(_sentence(outcome, plan.objective))
            advance()


def _sentence(outcome: Trial | GenrelensError, objective: Objective) -> str:
    if isinstance(outcome, GenrelensError):
        return f"A trial was lost: {outcome}."
    if outcome.value is None:
        return f"Trial {outcome.number} failed: {outcome.error}."
    settings = ", ".join(f"{key} {_short(value)}" for key, value in outcome.settings.items())
    given_up = ", given up" if outcome.state == "pruned" else ""
    return f"Trial {outcome.number}: {METRIC_TITLES[objective]} {outcome.value:.3f}{given_up} ({settings})"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _try(_number: int, plan: _Plan) -> Trial:
    """Run one trial in this process, which the study numbers: others may run beside it."""
    if plan.threads:
        torch.set_num_threads(plan.threads)
    search = study.open_study(plan.folder, plan.objective)
    ended: list[Trial] = []
    search.optimize(
        partial(_value, plan=plan),
        n_trials=1,
        catch=(GenrelensError,),
        callbacks=[lambda _, trial: ended.append(study.summarise_trial(trial))],
    )
    return ended[0]


def _value(trial: optuna.Trial, plan: _Plan) -> float:
    """What a trial is worth; its folder keeps recipe and history, but no weights unless it is broken off."""
    trial.study.sampler = study.create_sampler(step_seed(plan.recipe.seed, trial.number))
    chosen = {key: study.suggest_value(trial, key, search) for key, search in plan.recipe.tune.items()}
    folder = trial_folder(plan.folder, study.summarise_trial(trial.study.trials[trial.number]))
    try:
        recipe = apply_overrides(plan.recipe, chosen).model_copy(update={"tune": {}})
        value = _train(trial, plan, recipe, folder)
    except TrainingError as error:
        _drop_weights(folder)
        if isinstance(error.__cause__, NonFiniteLossError):  # a bad choice, from which the search may learn
            raise optuna.TrialPruned from error
        study.record_error(trial, error)
        raise
    except optuna.TrialPruned:
        _drop_weights(folder)
        raise
    _drop_weights(folder)
    return value


def _train(trial: optuna.Trial, plan: _Plan, recipe: Recipe, folder: Path) -> float:
    """Train in `folder`; a trial that was broken off goes on from its last checkpoint."""
    write_text(folder / "recipe.json", recipe.model_dump_json(indent=1))
    learn, valid = _tracks(plan.folder)
    measure = METRICS[plan.objective]
    manner = TrainingOptions(plan.accelerator, tracker="none")
    pruning = PyTorchLightningPruningCallback(trial, measure)
    fit(recipe, learn, valid, plan.labels, folder, manner, lambda _: None, [pruning])
    history = read_history(folder)
    looked = [epoch for epoch in history.epochs if epoch.valid_loss is not None]
    kept = history.best if recipe.train.keep == "best" else looked[-1]
    return float(getattr(kept, measure))


def _drop_weights(folder: Path) -> None:
    for file in folder.glob("*.ckpt"):
        file.unlink()


@cache
def _tracks(folder: Path) -> tuple[Examples, Examples]:
    """The log-mels, mapped from one file: processes share the memory."""
    learn, valid = joblib.load(folder / _TRACKS, mmap_mode="r")
    return learn, valid


def _conclude(plan: _Plan) -> TuningResult:
    """Write what was found."""
    search = study.open_study(plan.folder, plan.objective)
    found = study.read_trials(search)
    ended = [trial for trial in found if trial.state == "complete" and trial.value is not None]
    if not ended:
        reason = next((trial.error for trial in found if trial.error), "all were broken off or given up")
        raise TrainingError(f"no trial came to an end ({reason}); change [tune] in the recipe, or ask for more trials")
    sign = 1 if plan.objective == "loss" else -1
    best = min(ended, key=lambda trial: sign * (trial.value or 0.0))
    tuned = TuningResult(plan.folder, plan.objective, best, found, study.parameter_importances(search))
    write_text(plan.folder / "trials.csv", _table(found, list(plan.recipe.tune)))
    write_text(plan.folder / "best.toml", _toml(plan, best))
    write_report(plan.recipe, plan.objective, found, best, tuned.importances, plan.folder)
    return tuned


def _table(found: tuple[Trial, ...], keys: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "state", "value", *keys, "seconds", "error"])
    for trial in found:
        values = [trial.settings.get(key) for key in keys]
        writer.writerow([trial.number, trial.state, trial.value, *values, trial.seconds, trial.error])
    return text.getvalue()


def _toml(plan: _Plan, best: Trial) -> str:
    recipe = apply_overrides(plan.recipe, {**best.settings, "name": f"{plan.recipe.name}-tuned"})
    content = recipe.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"tune"})
    ended = f"{METRIC_TITLES[plan.objective]} {best.value:.4f}"
    return f"# {plan.recipe.name} with the values of trial {best.number}: {ended}\n{tomli_w.dumps(content)}"
