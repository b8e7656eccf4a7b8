"""The loop: Lightning's trainer around a net, with checkpoints that a broken-off training goes on from."""

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers.logger import DummyLogger
from torch import nn
from torch.utils.data import DataLoader

from genrelens.errors import TrainingError
from genrelens.train import nets
from genrelens.train.batches import TrackWindows, TrainingBatches, batches_per_epoch
from genrelens.train.recipe import Recipe, TrainTable
from genrelens.train.task import GenreTask, LostLossError
from genrelens.train.tracks import Tracks

_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


class MetricsLog(DummyLogger):
    """One JSON object a line for what is logged; a resumed training goes on at the end."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a line."""
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({**metrics, "step": step}) + "\n")


class TrackData(L.LightningDataModule):
    """The two sides that training looks at."""

    def __init__(self, learn: Tracks, valid: Tracks, labels: int, recipe: Recipe) -> None:
        super().__init__()
        self._learn, self._labels, self._recipe = learn, labels, recipe
        self._valid = TrackWindows(valid.levels, valid.truth, recipe)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of random windows."""
        batches = TrainingBatches(self._learn.levels, self._learn.truth, self._labels, self._recipe, self._epoch)
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader[Any]:
        """Track by track."""
        return DataLoader(self._valid, batch_size=None)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer else 0


def fit(
    recipe: Recipe, learn: Tracks, valid: Tracks, labels: int, folder: Path, *, accelerator: str, progress: bool
) -> nn.Module:
    """Train the recipe's net and return it with the weights that the recipe keeps.

    Checkpoints and metrics.jsonl are in `folder`; if a last.ckpt is there already, training goes on from it.

    Args:
        recipe: what to do.
        learn: the tracks to learn from.
        valid: the tracks to choose by.
        labels: how many classes there are.
        folder: to write to.
        accelerator: "cpu", "cuda", "mps", or "auto" for the best there is.
        progress: whether to draw a bar.

    Raises:
        TrainingError: the loss became NaN or infinite.
    """
    table = recipe.train
    L.seed_everything(recipe.seed, verbose=False)
    net = nets.build(recipe.net, labels, recipe.input.shape)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    task = GenreTask(net, recipe, table.epochs * batches_per_epoch(len(learn.truth), recipe))
    last = folder / "last.ckpt"
    try:
        trainer = _trainer(table, folder, accelerator, progress)
    except MisconfigurationException as error:
        raise TrainingError(f"this machine cannot train on {accelerator} ({error})") from error
    data = TrackData(learn, valid, labels, recipe)
    try:
        trainer.fit(task, data, ckpt_path=last if last.is_file() else None, weights_only=False)
    except LostLossError as error:
        raise TrainingError(
            f"{error}; lower train.lr in the recipe. The last good weights are in {folder / 'best.ckpt'}"
        ) from error
    kept = last if table.keep == "last" else folder / "best.ckpt"
    task.load_state_dict(torch.load(kept, map_location="cpu", weights_only=False)["state_dict"])
    net.eval()
    return net


def _trainer(table: TrainTable, folder: Path, accelerator: str, progress: bool) -> L.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # it greets, advertises and sums up
    warnings.filterwarnings("ignore", module="lightning")
    return L.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=_PRECISIONS[table.precision],  # type: ignore[arg-type]
        max_epochs=table.epochs,
        callbacks=_callbacks(table, folder, progress),
        logger=MetricsLog(folder / "metrics.jsonl"),
        check_val_every_n_epoch=table.validate_every,
        gradient_clip_val=table.clip or None,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=progress,
        log_every_n_steps=1,
    )


def _callbacks(table: TrainTable, folder: Path, progress: bool) -> list[Callback]:
    callbacks: list[Callback] = [
        ModelCheckpoint(folder, "best", monitor="valid_loss", enable_version_counter=False),
        ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False),
    ]
    if progress:
        callbacks.append(TQDMProgressBar())
    if table.average:
        callbacks.append(EMAWeightAveraging(decay=table.average))
    if table.patience:
        callbacks.append(EarlyStopping("valid_loss", patience=table.patience))
    return callbacks
