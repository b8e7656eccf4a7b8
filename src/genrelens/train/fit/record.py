"""The files of a run directory, read back for reports; the run may be unfinished or interrupted."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from genrelens.errors import TrainingError, display_name
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.evaluation.multilabel import MultilabelEvaluation
from genrelens.train.fit.history import History
from genrelens.train.recipes.recipe import Recipe

Record = TypeVar("Record", bound=BaseModel)


@dataclass(frozen=True)
class RunRecord:
    """The content of a run directory.

    Attributes:
        folder: the run directory.
        recipe: the recipe of the training.
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
        if self.recipe.train.keep == "best":
            return self.history.best.epoch if self.history.best else None
        return self.history.epochs[-1].epoch if self.history.epochs else None


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
    return RunRecord(
        folder=folder,
        recipe=recipe,
        history=_read(History, folder / "history.json") or History(epochs=()),
        valid=None if multilabel else _read(Evaluation, folder / "valid.json"),
        multilabel=_read(MultilabelEvaluation, folder / "valid.json") if multilabel else None,
        environment=_read_environment(folder / "environment.json"),
    )


def flatten_table(table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return names and values of nested tables for display, such as "train.lr", "0.002", without empty values."""
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            rows += [(f"{name}.{inner}", text) for inner, text in flatten_table(value)]
        elif isinstance(value, list | tuple):
            rows += [(name, ", ".join(map(str, value)))] if value else []
        elif value is not None and value != "":
            rows.append((name, _display(value)))
    return tuple(rows)


def _display(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read_environment(file: Path) -> tuple[tuple[str, str], ...]:
    try:
        return flatten_table(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, AttributeError) as error:
        raise _unreadable(file) from error


def _read(kind: type[Record], file: Path) -> Record | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise _unreadable(file) from error


def _unreadable(file: Path) -> TrainingError:
    return TrainingError(
        f"{display_name(file)} does not have the format of this version of GenreLens; train again, or use the version "
        "that wrote it"
    )
