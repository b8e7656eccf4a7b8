"""A search's memory: an Optuna study in a SQLite file, shared by processes and gone on with after a break."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL

from genrelens.train.recipes.recipe import SearchSpace

Objective = Literal["loss", "accuracy"]
TrialStatus = Literal["complete", "pruned", "failed", "running", "waiting"]

METRICS = {"loss": "valid_loss", "accuracy": "valid_accuracy"}
METRIC_TITLES = {"loss": "log loss on valid", "accuracy": "accuracy on valid"}

_HEARTBEAT = 10  # s; a trial that has not stirred for three of them is taken for dead
_WAIT = 60.0  # s for the file, while another process writes
_STATES: dict[TrialState, TrialStatus] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
_FIRST = 5  # trials that are drawn at random and never pruned, for the later ones to be judged by
_ERROR = "error"  # where a failed trial keeps why


@dataclass(frozen=True)
class Trial:
    """What one trial tried, by keys such as "train.lr", and what came of it.

    Attributes:
        number: in the study, from 0.
        first: that of the broken-off trial that it tries again, or its own; names its folder.
        state: "pruned" are those that were given up as hopeless.
        value: of the objective; of a pruned trial, where it stood.
        settings: what it tried.
        seconds: that it took.
        error: why it failed.
    """

    number: int
    first: int
    state: TrialStatus
    value: float | None
    settings: dict[str, Any]
    seconds: float | None
    error: str | None


def open_study(folder: Path, objective: Objective) -> optuna.Study:
    """Open or begin the study in a folder.

    A trial is given up if it stands worse than the median of the others did. Processes that die leave their
    trial to be tried again.

    Args:
        folder: with the file study.db.
        objective: what is sought: the lowest log loss, or the highest accuracy.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    storage = RDBStorage(
        URL.create("sqlite", database=str(folder / "study.db")).render_as_string(),
        engine_kwargs={"connect_args": {"timeout": _WAIT}},
        heartbeat_interval=_HEARTBEAT,
        grace_period=3 * _HEARTBEAT,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True),
    )
    return optuna.create_study(
        study_name=folder.name,
        storage=storage,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_FIRST),
        direction="minimize" if objective == "loss" else "maximize",
        load_if_exists=True,
    )


def create_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """What proposes values: TPE (Bergstra et al., NeurIPS 2011). Each trial needs another seed, or all try the same."""
    return optuna.samplers.TPESampler(n_startup_trials=_FIRST, constant_liar=True, seed=seed)


def suggest_value(trial: optuna.Trial, key: str, search: SearchSpace) -> Any:
    """The value that a trial takes for a key."""
    if search.choices:
        return trial.suggest_categorical(key, search.choices)
    assert search.low is not None
    assert search.high is not None
    if isinstance(search.low, int) and isinstance(search.high, int):
        return trial.suggest_int(key, search.low, search.high, log=search.log)
    return trial.suggest_float(key, search.low, search.high, log=search.log)


def record_error(trial: optuna.Trial, error: Exception) -> None:
    """Keep why a trial failed."""
    trial.set_user_attr(_ERROR, str(error))


def read_trials(study: optuna.Study) -> tuple[Trial, ...]:
    """All trials, the broken-off ones among them marked as failed."""
    optuna.storages.fail_stale_trials(study)
    return tuple(summarise_trial(trial) for trial in study.get_trials(deepcopy=False))


def parameter_importances(study: optuna.Study) -> dict[str, float]:
    """How much of the variance of the objective each key explains, the greatest first, by fANOVA.

    Hutter, Hoos & Leyton-Brown, ICML 2014. Empty if fewer than two trials came to an end, or all to the same.
    """
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in ended}) < 2:
        return {}
    return dict(get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0)))


def summarise_trial(trial: FrozenTrial) -> Trial:
    """What a trial of Optuna's tells us."""
    retried = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return Trial(
        number=trial.number,
        first=trial.number if retried is None else retried,
        state=_STATES[trial.state],
        value=trial.value,
        settings=dict(trial.params),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        error=trial.user_attrs.get(_ERROR),
    )
