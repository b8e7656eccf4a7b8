"""The Optuna study of a search, in a SQLite file that processes share and that can be resumed, and its trials."""

import warnings
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import joblib
import optuna
import torch
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from optuna_integration import PyTorchLightningPruningCallback
from sqlalchemy import URL

from genrelens.errors import GenrelensError, TrainingError
from genrelens.files import write_text
from genrelens.train.data.batches import step_seed
from genrelens.train.data.dataset import Examples
from genrelens.train.fit.record import read_history
from genrelens.train.fit.task import NonFiniteLossError
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe, SearchSpace
from genrelens.train.recipes.recipe_file import apply_overrides

Objective = Literal["loss", "accuracy"]

TITLES: dict[Objective, str] = {"loss": "log loss on valid", "accuracy": "accuracy on valid"}
EXAMPLES = "tracks.joblib"  # *train* and *valid*, for all processes

_HEARTBEAT = 10  # s; a trial is considered dead after three missed heartbeats
_LOCK_TIMEOUT = 60.0  # s to wait while another process writes to the file
_STARTUP_TRIALS = 5  # drawn at random and never pruned, as a basis for proposals and for pruning
_ERROR = "error"  # user attribute with the message of a failed trial


@dataclass(frozen=True)
class Trial:
    """One trial of a search.

    Attributes:
        number: number in the study, from 0.
        origin: number of the interrupted trial that this one retries, or its own; names its folder.
        state: "complete", "pruned" because it was unpromising, "failed", "running" or "waiting".
        value: value of the objective; for a pruned trial, the last one reported.
        settings: the values tried, by keys such as "train.lr".
        seconds: duration of the trial in seconds.
        error: message of a failed trial.
    """

    number: int
    origin: int
    state: str
    value: float | None
    settings: dict[str, Any]
    seconds: float | None
    error: str | None


@dataclass(frozen=True)
class TrialSetup:
    """The settings that all trials share; sent to each worker process.

    Attributes:
        recipe: the recipe, with search spaces.
        folder, objective: folder of the study, and the metric to optimise.
        accelerator: device to train on.
        threads: threads of torch in each process; None for torch's default.
    """

    recipe: Recipe
    folder: Path
    objective: Objective
    accelerator: str
    threads: int | None


def open_study(folder: Path, objective: Objective) -> optuna.Study:
    """Open or create the study in a folder.

    A trial is pruned if it is worse than the median of the others at the same epoch. Trials of processes that died
    are retried.

    Args:
        folder: the folder of study.db.
        objective: "loss" to minimise the log loss, or "accuracy" to maximise the accuracy.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    storage = RDBStorage(
        URL.create("sqlite", database=str(folder / "study.db")).render_as_string(),
        engine_kwargs={"connect_args": {"timeout": _LOCK_TIMEOUT}},
        heartbeat_interval=_HEARTBEAT,
        grace_period=3 * _HEARTBEAT,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True),
    )
    return optuna.create_study(
        study_name=folder.name,
        storage=storage,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS),
        direction="minimize" if objective == "loss" else "maximize",
        load_if_exists=True,
    )


def read_trials(study: optuna.Study) -> tuple[Trial, ...]:
    """Return all trials, after marking the interrupted ones as failed."""
    optuna.storages.fail_stale_trials(study)
    return tuple(_summarise(trial) for trial in study.get_trials(deepcopy=False))


def parameter_importances(study: optuna.Study) -> dict[str, float]:
    """Return the fraction of the objective's variance that each key explains, in descending order, by fANOVA.

    Hutter, Hoos & Leyton-Brown, ICML 2014. Empty unless two complete trials have different values.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        return {}
    return dict(get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0)))


def trial_folder(folder: Path, trial: Trial) -> Path:
    """Return the folder with the recipe and the history of a trial."""
    return folder / "trials" / f"{trial.origin:04}"


def run_trial(_number: int, setup: TrialSetup) -> Trial:
    """Run one trial in this process; the study assigns its number, since others may run in parallel.

    Only interrupted trials keep their weights.
    """
    if setup.threads:
        torch.set_num_threads(setup.threads)
    finished: list[Trial] = []
    open_study(setup.folder, setup.objective).optimize(
        partial(_train, setup=setup),
        n_trials=1,
        catch=(GenrelensError,),
        callbacks=[lambda _, trial: finished.append(_summarise(trial))],
    )
    for file in trial_folder(setup.folder, finished[0]).glob("*.ckpt"):
        file.unlink()
    return finished[0]


@cache
def load_examples(folder: Path) -> tuple[Examples, Examples]:
    """Load *train* and *valid*, memory-mapped from one file so that processes share the memory."""
    train, valid = joblib.load(folder / EXAMPLES, mmap_mode="r")
    return train, valid


def _train(trial: optuna.Trial, setup: TrialSetup) -> float:
    """Train with suggested settings, resuming an interrupted trial from its last checkpoint; return the objective."""
    # TPE (Bergstra et al., NeurIPS 2011); trials with the same seed would try the same values.
    seed = step_seed(setup.recipe.seed, trial.number)
    trial.study.sampler = optuna.samplers.TPESampler(n_startup_trials=_STARTUP_TRIALS, constant_liar=True, seed=seed)
    settings = {key: _suggest(trial, key, space) for key, space in setup.recipe.tune.items()}
    folder = trial_folder(setup.folder, _summarise(trial.study.trials[trial.number]))
    metric = f"valid_{setup.objective}"
    try:
        recipe = apply_overrides(setup.recipe, settings).model_copy(update={"tune": {}})
        write_text(folder / "recipe.json", recipe.model_dump_json(indent=1))
        training = prepare_training(recipe, *load_examples(setup.folder))
        options = TrainingOptions(setup.accelerator, tracker="none")
        fit(training, folder, options, lambda _: None, [PyTorchLightningPruningCallback(trial, metric)])
    except TrainingError as error:
        if isinstance(error.__cause__, NonFiniteLossError):  # diverged: lets the sampler learn to avoid these settings
            raise optuna.TrialPruned from error
        trial.set_user_attr(_ERROR, str(error))
        raise
    history = read_history(folder)
    selected = history.best if recipe.train.keep == "best" else history.validated[-1]
    return float(getattr(selected, metric))


def _suggest(trial: optuna.Trial, key: str, space: SearchSpace) -> Any:
    if space.low is None or space.high is None:
        return trial.suggest_categorical(key, space.choices)
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(key, space.low, space.high, log=space.log)
    return trial.suggest_float(key, space.low, space.high, log=space.log)


def _summarise(trial: FrozenTrial) -> Trial:
    retried = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return Trial(
        number=trial.number,
        origin=trial.number if retried is None else retried,
        state="failed" if trial.state is TrialState.FAIL else trial.state.name.lower(),
        value=trial.value,
        settings=dict(trial.params),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        error=trial.user_attrs.get(_ERROR),
    )
