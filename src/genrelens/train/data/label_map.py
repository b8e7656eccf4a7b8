"""Label maps: translation between the labels of a dataset and of a model, to evaluate it on another dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError, model_validator

from genrelens.errors import ManifestError, display_name
from genrelens.records import FrozenModel
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.recipes.recipe_file import read_toml

_IGNORED = ("", "ignore")  # targets that exclude the tracks of a label


class LabelMap(FrozenModel):
    """Translation between the labels of a dataset and of a model; labels without an entry stay unchanged.

    Attributes:
        data: maps a dataset label to a model label; "" or "ignore" excludes its tracks.
        model: maps a model label to the label it is merged into; the same merge applies to dataset labels, and
            probabilities are summed.
    """

    data: Mapping[str, str] = {}
    model: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _check_model_labels(self) -> Self:
        for label, target in self.model.items():
            if target in _IGNORED:
                raise ValueError(
                    f"{label!r} of the model cannot be ignored, as the model would still predict it; merge it instead"
                )
        return self

    def merged_labels(self, model_labels: Sequence[str]) -> tuple[str, ...]:
        """Return the merged labels of a model.

        Raises:
            ManifestError: the map names labels that the model lacks.
        """
        for label in self.model:
            if label not in model_labels:
                hint = _suggestion(label, model_labels)
                raise ManifestError(f"the label map merges {label!r}, which the model lacks; {hint}")
        merged_labels = tuple(dict.fromkeys(self.model.get(label, label) for label in model_labels))
        for label, target in self.data.items():
            if target not in (*merged_labels, *model_labels, *_IGNORED):
                hint = _suggestion(target, merged_labels)
                raise ManifestError(f"the label map turns {label!r} into {target!r}, which the model lacks; {hint}")
        return merged_labels

    def map_tracks(self, tracks: Iterable[LabelledTrack], model_labels: Sequence[str]) -> tuple[LabelledTrack, ...]:
        """Translate the labels of tracks to merged labels of the model, and drop ignored tracks.

        `model_labels` are the model's unmerged labels.

        Raises:
            ManifestError: a label is neither mapped nor one of the model's, or all tracks are ignored.
        """
        merged_labels = self.merged_labels(model_labels)
        mapped = [replace(track, label=self._target(track.label)) for track in tracks]
        unknown = sorted({track.label for track in mapped} - {*merged_labels, *_IGNORED})
        if unknown:
            raise ManifestError(
                f"the data has the label {unknown[0]!r}, which the model lacks; map it to a label of the model in a "
                f"label map (--labels); {_suggestion(unknown[0], (*merged_labels, *self.data))}"
            )
        kept = tuple(track for track in mapped if track.label not in _IGNORED)
        if not kept:
            raise ManifestError("the label map ignores all tracks; map at least one label to one of the model's")
        return kept

    def merge(self, probabilities: NDArray[np.floating], model_labels: Sequence[str]) -> NDArray[np.float64]:
        """Sum probabilities of shape (..., model labels) to shape (..., merged labels)."""
        merged_labels = self.merged_labels(model_labels)
        targets = [merged_labels.index(self.model.get(label, label)) for label in model_labels]
        return np.asarray(probabilities @ np.eye(len(merged_labels))[targets])

    def _target(self, label: str) -> str:
        target = self.data.get(label, label)
        return self.model.get(target, target)


def read_label_map(file: Path) -> LabelMap:
    """Read a label map: TOML with the tables [data] and [model], both optional.

    Raises:
        ManifestError: the file is missing, is not TOML, or has an unknown table or an invalid value.
    """
    content = read_toml(file, ManifestError)
    try:
        return LabelMap.model_validate(content)
    except ValidationError as error:
        raise ManifestError(f"{display_name(file)}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"{key} is not a table of a label map; it has [data] and [model]"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{key}: {problem['msg']}"


def _suggestion(label: str, known: Sequence[str]) -> str:
    by_lower_case = {name.lower(): name for name in known}
    matches = get_close_matches(label.lower(), by_lower_case, n=1, cutoff=0.6)
    return f"did you mean {by_lower_case[matches[0]]}?" if matches else f"use one of {', '.join(known)}"
