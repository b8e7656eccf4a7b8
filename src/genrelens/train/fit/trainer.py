"""Training with Lightning, from a recipe and loaded tracks to a trained network, with checkpoints to resume from."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException
from torch.utils.data import DataLoader

from genrelens.errors import TrainingError, display_name
from genrelens.progress import Notify
from genrelens.train import networks
from genrelens.train.data.batches import TrackWindows, TrainingBatches, batches_per_epoch
from genrelens.train.data.dataset import Examples
from genrelens.train.distillation.teacher import Teacher, build_teacher, refit_output_layer
from genrelens.train.fit import checkpoints
from genrelens.train.fit.checkpoints import BEST, LAST, read_checkpoint
from genrelens.train.fit.record import truncate_history
from genrelens.train.fit.task import GenreTask, MovingAverage, NonFiniteLossError, criterion_for
from genrelens.train.fit.tracking import Tracker, create_loggers
from genrelens.train.recipes.recipe import Recipe, TrainTable

_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True)
class TrainingOptions:
    """Settings of a training run that do not belong to the recipe.

    Attributes:
        accelerator: "cpu", "cuda", "mps", or "auto" for the fastest one available.
        devices: number of devices, each with its own process; they share each batch.
        tracker: the service in which the run can be followed.
        progress: whether to draw a progress bar.
    """

    accelerator: str = "auto"
    devices: int = 1
    tracker: Tracker = "tensorboard"
    progress: bool = False


@dataclass(frozen=True)
class Training:
    """A training run that is ready to start.

    Attributes:
        recipe: the training settings.
        train, valid: the tracks to learn from, and the tracks for choosing weights and other settings.
        task: the network with loss, optimiser and schedule.
        teacher: the teacher network, for distillation.
    """

    recipe: Recipe
    train: Examples
    valid: Examples
    task: GenreTask
    teacher: Teacher | None


class TrackDataModule(L.LightningDataModule):
    """The batches and validation tracks of a training run, divided among the processes that train together."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        self._training = training

    def train_dataloader(self) -> DataLoader[Any]:
        """Return batches of random windows: this process's share of each batch."""
        recipe, train, teacher = self._training.recipe, self._training.train, self._training.teacher
        batches = TrainingBatches(train.inputs, train.targets, recipe, self._epoch, *self._rank(), teacher)
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the windows of one track at a time: this process's share of the tracks."""
        valid, (rank, ranks) = self._training.valid, self._rank()
        tracks = TrackWindows(valid.inputs[rank::ranks], valid.targets[rank::ranks], self._training.recipe)
        return DataLoader(tracks, batch_size=None)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer else 0

    def _rank(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


class SpawnedProcesses(DDPStrategy):
    """Data-parallel training in freshly started processes, with gloo on CPUs and NCCL on GPUs.

    The data are prepared once and sent to each process. Batch normalisation sees only a process's share of the
    batch; the batch statistics of the first process are saved.
    """

    def __init__(self) -> None:
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Set up a new process."""
        _silence_lightning()
        super().setup_environment()


def prepare_training(recipe: Recipe, train: Examples, valid: Examples) -> Training:
    """Build the network that a recipe describes, with seeded initial weights, and its teacher.

    Raises:
        ModelError: pretrained weights or the teacher cannot be loaded.
        RecipeError: the network is unknown, or its arguments are not possible.
    """
    teacher = build_teacher(recipe)
    L.seed_everything(recipe.seed, verbose=False)
    network = networks.build(recipe.net, train.targets.shape[1], recipe.input.shape)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = recipe.train.epochs * batches_per_epoch(len(train.inputs), recipe)
    balanced = recipe.train.class_weights == "balanced"
    weights = criterion_for(recipe.data.labels).balanced_weights(torch.tensor(train.targets)) if balanced else None
    task = GenreTask(network, recipe, steps, weights, teacher.features if teacher else None)
    return Training(recipe, train, valid, task, teacher)


def fit(
    training: Training, folder: Path, options: TrainingOptions, notify: Notify, callbacks: Sequence[Callback] = ()
) -> nn.Module:
    """Train and return the network, with the weights of the epoch that the recipe selects.

    Checkpoints and the history are written to `folder`; a last.ckpt in it is resumed from.

    Args:
        training: the training run to start.
        folder: the run directory.
        options: devices and tracking.
        notify: receives messages for the user.
        callbacks: Lightning callbacks in addition to the recipe's.

    Raises:
        TrainingError: the loss became NaN or infinite, a checkpoint belongs to another network or cannot be written,
            or the machine lacks the requested devices.
    """
    recipe, task = training.recipe, training.task
    _silence_lightning()
    _check_devices(options.devices, recipe.train.batch, min(len(training.train.inputs), len(training.valid.inputs)))
    checkpoints.remove_partial_checkpoints(folder)
    last = folder / LAST
    checkpoint = read_checkpoint(last, task) if last.is_file() else None
    truncate_history(folder, last_epoch=checkpoint["epoch"] if checkpoint else -1)
    try:
        loggers = create_loggers(options.tracker, folder, checkpoint["global_step"] if checkpoint else 0, notify)
        trainer = _trainer(recipe.train, options, loggers, callbacks, folder)
    except MisconfigurationException as error:
        raise TrainingError(f"this machine cannot train on {options.accelerator} ({error})") from error
    _run(trainer, task, TrackDataModule(training), last if checkpoint else None)
    selected = last if recipe.train.keep == "last" else folder / BEST
    task.load_state_dict(read_checkpoint(selected, task)["state_dict"])
    task.net.eval()
    if recipe.distil and recipe.distil.penalties:
        refit_output_layer(*task.distilled(), training.train, training.valid, recipe, recipe.distil.penalties, notify)
    return task.net


def _silence_lightning() -> None:
    """Suppress Lightning's greetings, tips, summaries and warnings, and torch's reports on terminated processes."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def _check_devices(devices: int, batch: int, tracks: int) -> None:
    """Check that every process gets its share of the windows of each batch, and of the tracks of the smaller split."""
    if batch % devices:
        raise TrainingError(
            f"a batch of {batch} windows cannot be shared equally among {devices} devices; "
            "change train.batch in the recipe, or --devices"
        )
    if tracks < devices:  # a process without tracks would keep the others waiting
        raise TrainingError(
            f"{devices} devices need at least {devices} tracks in train and valid, but one of them has {tracks}; "
            "lower --devices"
        )


def _trainer(
    table: TrainTable, options: TrainingOptions, loggers: list[Logger], callbacks: Sequence[Callback], folder: Path
) -> L.Trainer:
    default_callbacks: list[Callback] = [
        checkpoints.RelocatableCheckpoint(folder, "best", monitor="valid_loss", enable_version_counter=False),
        checkpoints.RelocatableCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False),
    ]
    if options.progress:
        default_callbacks.append(TQDMProgressBar())
    if table.average:
        default_callbacks.append(MovingAverage(table.average))
    if table.patience:
        default_callbacks.append(checkpoints.ResumableEarlyStopping("valid_loss", patience=table.patience))
    return L.Trainer(
        accelerator=options.accelerator,
        devices=options.devices,
        strategy=SpawnedProcesses() if options.devices > 1 else "auto",
        plugins=[checkpoints.AtomicCheckpointIO()],
        precision=_PRECISIONS[table.precision],  # type: ignore[arg-type]
        max_epochs=table.epochs,
        callbacks=[*default_callbacks, *callbacks],
        logger=loggers,
        default_root_dir=folder,
        check_val_every_n_epoch=table.validate_every,
        gradient_clip_val=table.clip or None,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=options.progress,
        log_every_n_steps=1,
    )


def _run(trainer: L.Trainer, task: GenreTask, data: TrackDataModule, checkpoint: Path | None) -> None:
    """Run Lightning's trainer, and translate what stops it."""
    folder = Path(trainer.default_root_dir)
    try:
        trainer.fit(task, data, ckpt_path=checkpoint, weights_only=False)
    except NonFiniteLossError as error:
        raise TrainingError(_non_finite_message(str(error), folder)) from error
    except ProcessRaisedException as error:
        # torch passes on the traceback as text; its last line names the exception.
        name, _, message = str(error).strip().rpartition("\n")[2].partition(": ")
        if not name.startswith("genrelens."):
            raise
        if name.endswith(NonFiniteLossError.__name__):
            message = _non_finite_message(message, folder)
        raise TrainingError(message) from error
    except OSError as error:
        raise TrainingError(checkpoints.write_failure_message(error.filename or folder, error)) from error
    except SystemExit as error:  # how Lightning responds to Ctrl-C
        raise KeyboardInterrupt from error


def _non_finite_message(message: str, folder: Path) -> str:
    saved = next((folder / name for name in (BEST, LAST) if (folder / name).is_file()), None)
    where = f"The last good weights are in {display_name(saved)}" if saved else "No weights have been saved yet"
    return f"{message}; lower train.lr in the recipe. {where}"
