"""Where a training can be watched: TensorBoard, or Weights & Biases, which goes on without network or login."""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard.summary import hparams

from genrelens.errors import MissingExtraError, display_name
from genrelens.train.fit.history import MetricsLogger

Tracker = Literal["tensorboard", "wandb", "none"]

_PATIENCE = 20.0  # s that Weights & Biases may take to answer
_MEASURES = ("valid_loss", "valid_accuracy")


class Board(TensorBoardLogger):
    """TensorBoard's files in the folder "tensorboard" of a run, with the recipe on the page HPARAMS.

    A training that is resumed after `step` steps hides what was written after them.
    """

    def __init__(self, folder: Path, step: int) -> None:
        super().__init__(folder, name="", version="tensorboard", default_hp_metric=False, purge_step=step)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Write the recipe down, and which measures to show beside it; their values are those of the curves."""
        super().log_hyperparams(params)
        for part in hparams(_flat(params), dict.fromkeys(_MEASURES, 0.0)):  # type: ignore[no-untyped-call]
            self.experiment.file_writer.add_summary(part)


class WeightsAndBiases(WandbLogger):
    """A run of Weights & Biases that is closed with the training."""

    def finalize(self, status: str) -> None:
        """Send or write what is left."""
        super().finalize(status)
        self.experiment.finish(exit_code=int(status != "success"))

    def __getstate__(self) -> dict[str, Any]:
        """Let go of the run: the first of the processes that train together goes on with it."""
        state = super().__getstate__()
        self.experiment.finish()
        return {**state, "_attach_id": None}


def require_tracker(track: Tracker) -> None:
    """See that what is asked for is installed.

    Raises:
        MissingExtraError: it is not.
    """
    if track == "wandb" and find_spec("wandb") is None:
        raise MissingExtraError("tracking with Weights & Biases needs wandb; pip install 'genrelens[wandb]'")


def create_loggers(track: Tracker, folder: Path, step: int, say: Callable[[str], None]) -> list[Logger]:
    """What a training in `folder` that goes on after `step` steps logs to: the history, and what is asked for."""
    log: list[Logger] = [MetricsLogger(folder)]
    if track == "tensorboard":
        log.append(Board(folder, step))
    elif track == "wandb":
        log.append(_begin(folder, say))
    return log


def _begin(folder: Path, say: Callable[[str], None]) -> WeightsAndBiases:
    """A run, on the net if that goes without a question, else in the folder alone; a resumed one goes on."""
    import wandb

    # Silent, it neither greets nor asks for a login.
    settings = wandb.Settings(silent=True, console="off", init_timeout=_PATIENCE, finish_timeout=_PATIENCE)
    wandb.setup(settings)
    folder.mkdir(parents=True, exist_ok=True)
    known = sorted(folder.glob("wandb/*run-*-*"))
    own: dict[str, Any] = {
        "project": os.environ.get("WANDB_PROJECT", "genrelens"),
        "name": folder.name,
        "id": known[0].name.rpartition("-")[2] if known else token_hex(4),
        "resume": "allow",
        "settings": settings,
    }
    try:
        run = wandb.init(**own, dir=folder)
    except wandb.errors.Error as error:
        reason = str(error).splitlines()[0].rstrip(".")
        say(f"Weights & Biases cannot be used online ({reason}), so the training goes on offline.")
        wandb.teardown()  # what failed still holds the run's name
        run = wandb.init(**own, dir=folder, mode="offline")
    if run.offline:
        say(f"Send the run to Weights & Biases later with: wandb sync {display_name(folder / 'wandb' / 'offline-run-*')}")
    return WeightsAndBiases(experiment=run, save_dir=folder, **own, mode="offline" if run.offline else "online")


def _flat(table: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Values by keys such as "train.lr", as a recipe's settings are named."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{place}{key}.")
        else:
            flat[place + key] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat
