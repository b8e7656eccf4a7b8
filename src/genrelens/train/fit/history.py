"""What a training logs: metrics.jsonl line by line; from it history.json and history.csv, epoch by epoch."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from pydantic import BaseModel, ConfigDict

from genrelens.files import write_text


class Epoch(BaseModel):
    """One pass over the tracks; what was not looked at in it is none.

    Attributes:
        epoch: its number, from 0.
        step: steps of the optimiser that went before its last one.
        train_loss, train_accuracy: means over its batches, as varied, mixed and weighted as they were.
        valid_loss, valid_accuracy: by track, at its end.
        valid_map: mean average precision by track; in place of the accuracies where tracks have several labels.
        rate: of learning, at its end.
        seconds: that it took, validation with it.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int
    step: int
    train_loss: float | None = None
    train_accuracy: float | None = None
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    valid_map: float | None = None
    rate: float | None = None
    seconds: float | None = None


class History(BaseModel):
    """A training epoch by epoch; the content of history.json."""

    model_config = ConfigDict(frozen=True)

    epochs: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest log loss on *valid*."""
        looked = [epoch for epoch in self.epochs if epoch.valid_loss is not None]
        return min(looked, key=lambda epoch: epoch.valid_loss or 0.0, default=None)


class MetricsLogger(Logger):
    """Lightning's way to metrics.jsonl in a run's folder; history.json and history.csv follow it line by line."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @property
    def name(self) -> str:
        """What Lightning asks every logger for."""
        return _lines(self._folder).name

    @property
    def version(self) -> None:
        """There is but one."""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Do nothing: they are in recipe.json."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a line, and write the history anew."""
        with _lines(self._folder).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({**metrics, "step": step}) + "\n")
        write_history(self._folder)


def truncate_history(epoch: int, folder: Path) -> None:
    """Drop what was logged after an epoch, that a training goes on from: it will be logged again."""
    file = _lines(folder)
    kept = [line for line in _read(file) if line["epoch"] <= epoch]
    write_text(file, "".join(json.dumps(line) + "\n" for line in kept))
    write_history(folder)


def write_history(folder: Path) -> None:
    """Make history.json and history.csv from metrics.jsonl."""
    epochs: dict[int, dict[str, float]] = {}
    for line in _read(_lines(folder)):
        epochs.setdefault(int(line["epoch"]), {}).update(line)
    history = History(epochs=tuple(Epoch.model_validate(epochs[number]) for number in sorted(epochs)))
    write_text(folder / "history.json", history.model_dump_json(indent=1))
    table = io.StringIO()
    writer = csv.DictWriter(table, Epoch.model_fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(epoch.model_dump() for epoch in history.epochs)
    write_text(folder / "history.csv", table.getvalue())


def read_history(folder: Path) -> History:
    """What history.json in a run's folder says."""
    return History.model_validate_json((folder / "history.json").read_text("utf-8"))


def _lines(folder: Path) -> Path:
    return folder / "metrics.jsonl"


def _read(file: Path) -> list[dict[str, float]]:
    """All lines but one that a killed process left unfinished."""
    whole, _, _ = (file.read_text("utf-8") if file.exists() else "").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]
