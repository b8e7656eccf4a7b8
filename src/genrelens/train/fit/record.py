"""What a training left in its folder, as far as there is: a run may be under way, or broken off."""

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

Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
        folder: where it is.
        recipe: that was followed.
        history: epoch by epoch, as far as it came.
        valid: the answers on *valid* of the net that was kept; none before the end.
        several: the same, if it tells several labels a track.
        environment: what it ran on, names and values for reading; empty if that was not kept.
    """

    folder: Path
    recipe: Recipe
    history: History
    valid: Evaluation | None
    multilabel: MultilabelEvaluation | None
    environment: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """That the net tells; none before the end."""
        measured = self.valid or self.multilabel
        return measured.labels if measured else ()

    @property
    def selected_epoch(self) -> int | None:
        """The epoch, from 0, whose weights were kept, or would be now; none before the first."""
        if self.recipe.train.keep == "best":
            return self.history.best.epoch if self.history.best else None
        return self.history.epochs[-1].epoch if self.history.epochs else None


def read_run_record(folder: Path) -> RunRecord:
    """Read what there is.

    Raises:
        TrainingError: it is not the folder of a training, or a file in it cannot be read.
    """
    if not (folder / "recipe.json").is_file():
        raise TrainingError(f"{display_name(folder)} is not the folder of a training; name one that `genrelens train` made")
    recipe = _read(Recipe, folder / "recipe.json")
    assert recipe is not None
    several = recipe.data.labels == "several"
    return RunRecord(
        folder=folder,
        recipe=recipe,
        history=_read(History, folder / "history.json") or History(epochs=()),
        valid=None if several else _read(Evaluation, folder / "valid.json"),
        multilabel=_read(MultilabelEvaluation, folder / "valid.json") if several else None,
        environment=_environment(folder / "environment.json"),
    )


def flatten_table(table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Names and values of a nested table, for reading: "train.lr", "0.002"; what is none or empty is left out."""
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            rows += [(f"{name}.{inner}", text) for inner, text in flatten_table(value)]
        elif isinstance(value, list | tuple):
            rows += [(name, ", ".join(map(str, value)))] if value else []
        elif value is not None and value != "":
            rows.append((name, _text(value)))
    return tuple(rows)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _environment(file: Path) -> tuple[tuple[str, str], ...]:
    if not file.is_file():
        return ()
    try:
        return flatten_table(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise _unreadable(file) from error


def _read(kind: type[Content], file: Path) -> Content | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise _unreadable(file) from error


def _unreadable(file: Path) -> TrainingError:
    return TrainingError(
        f"{display_name(file)} cannot be read as this GenreLens writes it; train again, or use the version that wrote it"
    )
