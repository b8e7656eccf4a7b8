"""Loggers through which a training run can be followed: TensorBoard, or Weights & Biases, online or offline."""

import os
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard.summary import hparams

from genrelens.errors import MissingExtraError, display_name
from genrelens.progress import Notify
from genrelens.train.fit.record import MetricsLogger, iter_settings

Tracker = Literal["tensorboard", "wandb", "none"]

_TIMEOUT = 20.0  # s to wait for Weights & Biases to respond
_METRICS = ("valid_loss", "valid_accuracy")


class RunTensorBoardLogger(TensorBoardLogger):
    """TensorBoard files in the folder "tensorboard" of a run directory, with the recipe on the page HPARAMS.

    A training that is resumed at `step` hides what was written after that step.
    """

    def __init__(self, folder: Path, step: int) -> None:
        super().__init__(folder, name="", version="tensorboard", default_hp_metric=False, purge_step=step)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Write the recipe, and the names of the metrics to show with it; their values come from the curves."""
        super().log_hyperparams(params)
        settings = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in iter_settings(params)
        }
        for summary in hparams(settings, dict.fromkeys(_METRICS, 0.0)):  # type: ignore[no-untyped-call]
            self.experiment.file_writer.add_summary(summary)


class RunWandbLogger(WandbLogger):
    """A Weights & Biases run that is closed when training ends."""

    def finalize(self, status: str) -> None:
        """Upload or write the remaining data, and close the run."""
        super().finalize(status)
        self.experiment.finish(exit_code=int(status != "success"))

    def __getstate__(self) -> dict[str, Any]:
        """Close the run in this process: the first of the training processes resumes it."""
        state = super().__getstate__()
        self.experiment.finish()
        return {**state, "_attach_id": None}


def require_tracker(tracker: Tracker) -> None:
    """Raise MissingExtraError if the package that a tracker needs is not installed."""
    if tracker == "wandb" and find_spec("wandb") is None:
        raise MissingExtraError("tracking with Weights & Biases needs wandb; pip install 'genrelens[wandb]'")


def create_loggers(tracker: Tracker, folder: Path, step: int, notify: Notify) -> list[Logger]:
    """Create the loggers of a training run: the history, and the requested tracker.

    Args:
        tracker: the service in which the run can be followed.
        folder: the run directory.
        step: optimiser steps before the run is resumed, or 0.
        notify: receives messages for the user.
    """
    loggers: list[Logger] = [MetricsLogger(folder)]
    if tracker == "tensorboard":
        loggers.append(RunTensorBoardLogger(folder, step))
    elif tracker == "wandb":
        loggers.append(_start_wandb_run(folder, notify))
    return loggers


def _start_wandb_run(folder: Path, notify: Notify) -> RunWandbLogger:
    """Start or resume a run: online if that works without a prompt, otherwise in the run directory alone."""
    import wandb

    # Silent mode suppresses the greeting and the login prompt.
    settings = wandb.Settings(silent=True, console="off", init_timeout=_TIMEOUT, finish_timeout=_TIMEOUT)
    wandb.setup(settings)
    folder.mkdir(parents=True, exist_ok=True)
    earlier = sorted(folder.glob("wandb/*run-*-*"))
    arguments: dict[str, Any] = {
        "project": os.environ.get("WANDB_PROJECT", "genrelens"),
        "name": folder.name,
        "id": earlier[0].name.rpartition("-")[2] if earlier else token_hex(4),
        "resume": "allow",
        "settings": settings,
    }
    try:
        run = wandb.init(**arguments, dir=folder)
    except wandb.errors.Error as error:
        reason = str(error).splitlines()[0].rstrip(".")
        notify(f"Weights & Biases cannot be used online ({reason}); logging continues offline")
        wandb.teardown()  # the failed run still occupies the name
        run = wandb.init(**arguments, dir=folder, mode="offline")
    if run.offline:
        files = display_name(folder / "wandb" / "offline-run-*")
        notify(f"Upload the run to Weights & Biases later with: wandb sync {files}")
    return RunWandbLogger(experiment=run, save_dir=folder, **arguments, mode="offline" if run.offline else "online")
