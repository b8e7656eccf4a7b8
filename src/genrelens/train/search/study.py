"""The Optuna study of a search, in a SQLite file that processes share and that can be resumed."""

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

METRICS = {"loss": "valid_loss", "accuracy": "valid_accuracy"}  # columns of the history
METRIC_TITLES = {"loss": "log loss on valid", "accuracy": "accuracy on valid"}

_HEARTBEAT = 10  # s; a trial is considered dead after three missed heartbeats
_LOCK_TIMEOUT = 60.0  # s to wait while another process writes to the file
_STATUSES: dict[TrialState, TrialStatus] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
_STARTUP_TRIALS = 5  # drawn at random and never pruned, as a basis for proposals and for pruning
_ERROR = "error"  # user attribute with the message of a failed trial


@dataclass(frozen=True)
class Trial:
    """One training of a search.

    Attributes:
        number: number in the study, from 0.
        origin: number of the interrupted trial that this one retries, or its own; names its folder.
        state: status of the trial; "pruned" trials were stopped because they were unpromising.
        value: value of the objective; for a pruned trial, the last one reported.
        settings: the values tried, by keys such as "train.lr".
        seconds: duration of the trial in seconds.
        error: message of a failed trial.
    """

    number: int
    origin: int
    state: TrialStatus
    value: float | None
    settings: dict[str, Any]
    seconds: float | None
    error: str | None


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


def create_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Create a TPE sampler (Bergstra et al., NeurIPS 2011); trials with the same seed would try the same values."""
    return optuna.samplers.TPESampler(n_startup_trials=_STARTUP_TRIALS, constant_liar=True, seed=seed)


def suggest_value(trial: optuna.Trial, key: str, space: SearchSpace) -> Any:
    """Return the value that a trial should use for a key."""
    if space.choices:
        return trial.suggest_categorical(key, space.choices)
    assert space.low is not None
    assert space.high is not None
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(key, space.low, space.high, log=space.log)
    return trial.suggest_float(key, space.low, space.high, log=space.log)


def record_error(trial: optuna.Trial, error: Exception) -> None:
    """Store the reason why a trial failed."""
    trial.set_user_attr(_ERROR, str(error))


def read_trials(study: optuna.Study) -> tuple[Trial, ...]:
    """Return all trials, after marking the interrupted ones as failed."""
    optuna.storages.fail_stale_trials(study)
    return tuple(summarise_trial(trial) for trial in study.get_trials(deepcopy=False))


def parameter_importances(study: optuna.Study) -> dict[str, float]:
    """Return the share of the objective's variance that each key explains, in descending order, by fANOVA.

    Hutter, Hoos & Leyton-Brown, ICML 2014. Empty unless two complete trials have different values.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        return {}
    return dict(get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0)))


def summarise_trial(trial: FrozenTrial) -> Trial:
    """Convert a trial of Optuna's."""
    retried = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return Trial(
        number=trial.number,
        origin=trial.number if retried is None else retried,
        state=_STATUSES[trial.state],
        value=trial.value,
        settings=dict(trial.params),
        seconds=trial.duration.total_seconds() if trial.duration else None,
        error=trial.user_attrs.get(_ERROR),
    )
