"""Training history: metrics.jsonl, appended line by line, and history.json and history.csv with a row per epoch."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from genrelens.files import write_text
from genrelens.records import FrozenModel


class Epoch(FrozenModel):
    """One pass over the training tracks; values that were not measured are None.

    Attributes:
        epoch: number of the epoch, from 0.
        step: optimiser steps before the last step of the epoch.
        train_loss: mean over the epoch's batches, after augmentation, mixing and class weighting.
        train_accuracy: likewise.
        valid_loss: log loss by track on *valid*, at the end of the epoch.
        valid_accuracy: accuracy by track on *valid*, at the end of the epoch.
        valid_map: mean average precision by track, in place of the accuracies where tracks have several labels.
        rate: learning rate at the end of the epoch.
        seconds: duration of the epoch in seconds, including validation.
    """

    epoch: int
    step: int
    train_loss: float | None = None
    train_accuracy: float | None = None
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    valid_map: float | None = None
    rate: float | None = None
    seconds: float | None = None


class History(FrozenModel):
    """A training epoch by epoch; the content of history.json."""

    epochs: tuple[Epoch, ...]

    @property
    def validated(self) -> tuple[Epoch, ...]:
        """The epochs that were followed by a validation."""
        return tuple(epoch for epoch in self.epochs if epoch.valid_loss is not None)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest log loss on *valid*."""
        return min(self.validated, key=lambda epoch: epoch.valid_loss or 0.0, default=None)


class MetricsLogger(Logger):
    """A Lightning logger that writes metrics.jsonl, and updates history.json and history.csv with every line."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @property
    def name(self) -> str:
        """The name that Lightning requires of every logger."""
        return _metrics_file(self._folder).name

    @property
    def version(self) -> None:
        """None: a run directory has one log."""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Do nothing: hyperparameters are in recipe.json."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a line, and rewrite the history."""
        with _metrics_file(self._folder).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**metrics, "step": step}) + "\n")
        write_history(self._folder)


def truncate_history(folder: Path, last_epoch: int) -> None:
    """Remove what was logged after the epoch that a training is resumed from: it will be logged again."""
    file = _metrics_file(folder)
    lines = [line for line in _read_lines(file) if line["epoch"] <= last_epoch]
    write_text(file, "".join(json.dumps(line) + "\n" for line in lines))
    write_history(folder)


def write_history(folder: Path) -> None:
    """Write history.json and history.csv from metrics.jsonl."""
    epochs: dict[int, dict[str, float]] = {}
    for line in _read_lines(_metrics_file(folder)):
        epochs.setdefault(int(line["epoch"]), {}).update(line)
    history = History(epochs=tuple(Epoch.model_validate(epochs[number]) for number in sorted(epochs)))
    write_text(folder / "history.json", history.model_dump_json(indent=1))
    table = io.StringIO()
    writer = csv.DictWriter(table, Epoch.model_fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(epoch.model_dump() for epoch in history.epochs)
    write_text(folder / "history.csv", table.getvalue())


def read_history(folder: Path) -> History:
    """Read history.json of a run directory."""
    return History.model_validate_json((folder / "history.json").read_text("utf-8"))


def _metrics_file(folder: Path) -> Path:
    return folder / "metrics.jsonl"


def _read_lines(file: Path) -> list[dict[str, float]]:
    """Read all lines but an incomplete last one, left by a killed process."""
    complete, _, _ = (file.read_text("utf-8") if file.exists() else "").rpartition("\n")
    return [json.loads(line) for line in complete.splitlines()]
