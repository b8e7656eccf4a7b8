"""The record of a run in its directory: the history, written epoch by epoch, and all files, read back for reports."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from pydantic import BaseModel, RootModel, ValidationError

from genrelens.errors import TrainingError, display_name
from genrelens.files import write_text
from genrelens.records import FrozenModel
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.evaluation.multilabel import MultilabelEvaluation
from genrelens.train.recipes.recipe import Recipe

Record = TypeVar("Record", bound=BaseModel)

_METRICS = "metrics.jsonl"


class Epoch(FrozenModel):
    """One pass over the training tracks; values that were not measured are None.

    Attributes:
        epoch: number of the epoch, from 0.
        step: optimiser steps before the last step of the epoch.
        train_loss, train_accuracy: means over the epoch's batches, after augmentation, mixing and class weighting.
        valid_loss, valid_accuracy: log loss and accuracy by track on *valid*, at the end of the epoch.
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
        return _METRICS

    @property
    def version(self) -> None:
        """None: a run directory has one log."""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Do nothing: hyperparameters are in recipe.json."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a line, and rewrite the history."""
        with (self._folder / _METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**metrics, "step": step}) + "\n")
        _write_history(self._folder)


def truncate_history(folder: Path, last_epoch: int) -> None:
    """Remove what was logged after the epoch that a training run is resumed from: it will be logged again."""
    lines = [line for line in _read_metrics(folder) if line["epoch"] <= last_epoch]
    write_text(folder / _METRICS, "".join(json.dumps(line) + "\n" for line in lines))
    _write_history(folder)


def read_history(folder: Path) -> History:
    """Read history.json of a run directory."""
    return History.model_validate_json((folder / "history.json").read_text("utf-8"))


def _write_history(folder: Path) -> None:
    """Write history.json and history.csv from metrics.jsonl."""
    epochs: dict[int, dict[str, float]] = {}
    for line in _read_metrics(folder):
        epochs.setdefault(int(line["epoch"]), {}).update(line)
    history = History(epochs=tuple(Epoch.model_validate(epochs[number]) for number in sorted(epochs)))
    write_text(folder / "history.json", history.model_dump_json(indent=1))
    table = io.StringIO()
    rows = [epoch.model_dump().values() for epoch in history.epochs]
    csv.writer(table, lineterminator="\n").writerows([Epoch.model_fields, *rows])
    write_text(folder / "history.csv", table.getvalue())


def _read_metrics(folder: Path) -> list[dict[str, float]]:
    """Read all lines of metrics.jsonl but an incomplete last one, left by a killed process."""
    file = folder / _METRICS
    complete, _, _ = (file.read_text("utf-8") if file.exists() else "").rpartition("\n")
    return [json.loads(line) for line in complete.splitlines()]


@dataclass(frozen=True)
class RunRecord:
    """The content of a run directory; the run may be unfinished or interrupted.

    Attributes:
        folder: the run directory.
        recipe: the recipe of the training run.
        history: the epochs that are finished.
        valid: evaluation of the selected weights on *valid*; None until the run is finished.
        multilabel: the same, for a model with several labels per track.
        environment: names and values of environment.json, for display; empty if the file is missing.
    """

    folder: Path
    recipe: Recipe
    history: History
    valid: Evaluation | None
    multilabel: MultilabelEvaluation | None
    environment: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model; empty until the run is finished."""
        evaluation = self.valid or self.multilabel
        return evaluation.labels if evaluation else ()

    @property
    def selected_epoch(self) -> int | None:
        """The epoch, from 0, whose weights are selected at present; None before the first epoch is finished."""
        last = self.history.epochs[-1] if self.history.epochs else None
        selected = self.history.best if self.recipe.train.keep == "best" else last
        return selected.epoch if selected else None


def read_run_record(folder: Path) -> RunRecord:
    """Read the files of a run directory that exist so far.

    Raises:
        TrainingError: the folder is not a run directory, or a file in it cannot be read.
    """
    recipe = _read(Recipe, folder / "recipe.json")
    if recipe is None:
        raise TrainingError(
            f"{display_name(folder)} is not a run directory; name one that `genrelens train` has written"
        )
    multilabel = recipe.data.labels == "several"
    environment = _read(RootModel[dict[str, Any]], folder / "environment.json")
    return RunRecord(
        folder=folder,
        recipe=recipe,
        history=_read(History, folder / "history.json") or History(epochs=()),
        valid=None if multilabel else _read(Evaluation, folder / "valid.json"),
        multilabel=_read(MultilabelEvaluation, folder / "valid.json") if multilabel else None,
        environment=flatten_table(environment.root) if environment else (),
    )


def _read(kind: type[Record], file: Path) -> Record | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise TrainingError(
            f"{display_name(file)} does not have the format of this version of GenreLens; train again, or use the "
            "version that wrote it"
        ) from error


def flatten_table(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return names and values of nested tables for display, such as "train.lr", "0.002", without empty values."""
    rows = ((name, _display(value)) for name, value in iter_settings(table))
    return tuple((name, text) for name, text in rows if text)


def iter_settings(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables, with keys such as "train.lr", as the settings of a recipe are named."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from iter_settings(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _display(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
