"""The loop: Lightning's trainer around a net, with checkpoints that a broken-off training goes on from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException
from torch.utils.data import DataLoader

from genrelens.errors import TrainingError, display_name
from genrelens.train import networks
from genrelens.train.data.batches import TrackWindows, TrainingBatches, batches_per_epoch
from genrelens.train.data.dataset import Examples
from genrelens.train.distillation.teacher import Teacher, build_teacher
from genrelens.train.distillation.refit import refit_output_layer
from genrelens.train.fit.averaging import MovingAverage
from genrelens.train.fit.checkpoints import (
    BEST,
    LAST,
    Checkpoint,
    Patience,
    WholeCheckpoints,
    drop_unfinished,
    read_checkpoint,
    unwritable,
)
from genrelens.train.fit.criterion import criterion_for
from genrelens.train.fit.history import truncate_history
from genrelens.train.fit.parallel import Processes, quieten
from genrelens.train.fit.task import GenreTask, NonFiniteLossError
from genrelens.train.fit.tracking import Tracker, create_loggers
from genrelens.train.recipes.recipe import Recipe, TrainTable

_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True)
class TrainingOptions:
    """How to train, beside what the recipe says.

    Attributes:
        accelerator: "cpu", "cuda", "mps", or "auto" for the best there is.
        devices: how many of them, each with a process of its own; they share each batch.
        track: where the training can be watched.
        progress: whether to draw a bar.
    """

    accelerator: str = "auto"
    devices: int = 1
    tracker: Tracker = "tensorboard"
    progress: bool = False


class TrackDataModule(L.LightningDataModule):
    """The two sides that training looks at."""

    def __init__(self, learn: Examples, valid: Examples, recipe: Recipe, teacher: Teacher | None) -> None:
        super().__init__()
        self._learn, self._valid, self._recipe, self._teacher = learn, valid, recipe, teacher

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of random windows; this process's share of each."""
        learn, (rank, ranks) = self._learn, self._place()
        batches = TrainingBatches(learn.inputs, learn.targets, self._recipe, self._epoch, rank, ranks, self._teacher)
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader[Any]:
        """Track by track; this process's share of them."""
        rank, ranks = self._place()
        valid = TrackWindows(self._valid.inputs[rank::ranks], self._valid.targets[rank::ranks], self._recipe)
        return DataLoader(valid, batch_size=None)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer else 0

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def fit(
    recipe: Recipe,
    learn: Examples,
    valid: Examples,
    labels: int,
    folder: Path,
    manner: TrainingOptions,
    say: Callable[[str], None],
    callbacks: Sequence[Callback] = (),
) -> nn.Module:
    """Train the recipe's net and return it with the weights that the recipe keeps.

    Checkpoints and the history are in `folder`; if a last.ckpt is there already, training goes on from it.

    Args:
        recipe: what to do.
        learn: the tracks to learn from.
        valid: the tracks to choose by.
        labels: how many there are.
        folder: to write to.
        manner: on what, and how it is shown.
        say: told in a sentence what the user should know.
        callbacks: to have beside those that the recipe asks for.

    Raises:
        TrainingError: the loss became NaN or infinite, a checkpoint is of another net or cannot be written, or
            the machine lacks what was asked for.
    """
    quieten()
    _check_devices(recipe.train, min(len(learn.inputs), len(valid.inputs)), manner)
    teacher = build_teacher(recipe)
    task = _task(recipe, learn, labels, teacher)
    last = folder / LAST
    drop_unfinished(folder)
    begun = read_checkpoint(last, task) if last.is_file() else None
    truncate_history(begun["epoch"] if begun else -1, folder)
    try:
        log = create_loggers(manner.tracker, folder, begun["global_step"] if begun else 0, say)
        trainer = _trainer(
            recipe.train, manner, log, [*_callbacks(recipe.train, folder, manner.progress), *callbacks], folder
        )
    except MisconfigurationException as error:
        raise TrainingError(f"this machine cannot train on {manner.accelerator} ({error})") from error
    _run(trainer, task, TrackDataModule(learn, valid, recipe, teacher), last if begun else None)
    kept = last if recipe.train.keep == "last" else folder / BEST
    task.load_state_dict(read_checkpoint(kept, task)["state_dict"])
    task.net.eval()
    if recipe.distil and recipe.distil.penalties:
        refit_output_layer(*task.taught(), learn, valid, recipe, recipe.distil.penalties, say)
    return task.net


def _task(recipe: Recipe, learn: Examples, labels: int, teacher: Teacher | None) -> GenreTask:
    L.seed_everything(recipe.seed, verbose=False)
    net = networks.build(recipe.net, labels, recipe.input.shape)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = recipe.train.epochs * batches_per_epoch(len(learn.inputs), recipe)
    balanced = recipe.train.class_weights == "balanced"
    weights = criterion_for(recipe.data.labels).balanced_weights(torch.tensor(learn.targets)) if balanced else None
    return GenreTask(net, recipe, steps, weights, teacher.features if teacher else None)


def _check_devices(table: TrainTable, fewest: int, manner: TrainingOptions) -> None:
    if table.batch % manner.devices:
        raise TrainingError(
            f"a batch of {table.batch} windows cannot be shared equally among {manner.devices} devices; "
            "change train.batch in the recipe, or --devices"
        )
    if fewest < manner.devices:  # one without any would leave the others waiting for it
        raise TrainingError(
            f"{manner.devices} devices need as many tracks on each side, and one side has {fewest}; lower --devices"
        )


def _run(trainer: L.Trainer, task: GenreTask, data: TrackDataModule, checkpoint: Path | None) -> None:
    """Let Lightning train, and put what stops it into words."""
    folder = Path(trainer.default_root_dir)
    try:
        trainer.fit(task, data, ckpt_path=checkpoint, weights_only=False)
    except NonFiniteLossError as error:
        raise TrainingError(_lost(str(error), folder)) from error
    except ProcessRaisedException as error:  # in one of several; its last line names what was raised there
        kind, _, message = str(error).strip().rpartition("\n")[2].partition(": ")
        if not kind.startswith("genrelens."):
            raise
        raise TrainingError(_lost(message, folder) if kind.endswith("LostLossError") else message) from error
    except OSError as error:
        raise TrainingError(unwritable(error.filename or folder, error)) from error
    except SystemExit as stop:  # how Lightning answers Ctrl-C
        raise KeyboardInterrupt from stop


def _lost(message: str, folder: Path) -> str:
    kept = next((folder / name for name in (BEST, LAST) if (folder / name).is_file()), None)
    where = f"The last good weights are in {display_name(kept)}" if kept else "No weights have been kept yet"
    return f"{message}; lower train.lr in the recipe. {where}"


def _trainer(
    table: TrainTable, manner: TrainingOptions, log: list[Logger], callbacks: list[Callback], folder: Path
) -> L.Trainer:
    return L.Trainer(
        accelerator=manner.accelerator,
        devices=manner.devices,
        strategy=Processes() if manner.devices > 1 else "auto",
        plugins=[WholeCheckpoints()],
        precision=_PRECISIONS[table.precision],  # type: ignore[arg-type]
        max_epochs=table.epochs,
        callbacks=callbacks,
        logger=log,
        default_root_dir=folder,
        check_val_every_n_epoch=table.validate_every,
        gradient_clip_val=table.clip or None,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=manner.progress,
        log_every_n_steps=1,
    )


def _callbacks(table: TrainTable, folder: Path, progress: bool) -> list[Callback]:
    callbacks: list[Callback] = [
        Checkpoint(folder, "best", monitor="valid_loss", enable_version_counter=False),
        Checkpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False),
    ]
    if progress:
        callbacks.append(TQDMProgressBar())
    if table.average:
        callbacks.append(MovingAverage(table.average))
    if table.patience:
        callbacks.append(Patience("valid_loss", patience=table.patience))
    return callbacks
