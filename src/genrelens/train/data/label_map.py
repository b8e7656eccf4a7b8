"""Labels of one data set in terms of another: a small file that lets a model be measured on foreign tracks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from genrelens.errors import ManifestError, display_name
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.recipes.toml import read_toml

_LEFT_OUT = ("", "ignore")  # what a label of the data is mapped to if its tracks take no part


class LabelMap(BaseModel):
    """How labels of data and of a model are brought together; those that are not named stay what they are.

    Attributes:
        data: from a label of the data to one of the model; "" or "ignore" leaves its tracks out.
        model: from a label of the model to what it is merged into, on both sides: probabilities are summed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Mapping[str, str] = {}
    model: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _keeps_all_of_the_model(self) -> Self:
        for label, merged in self.model.items():
            if merged in _LEFT_OUT:
                raise ValueError(f"{label!r} of the model cannot be left out, as it would still be told; merge it")
        return self

    def labels(self, known: Sequence[str]) -> tuple[str, ...]:
        """The labels of a model, merged.

        Raises:
            ManifestError: the map names labels that the model lacks.
        """
        for label in self.model:
            if label not in known:
                raise ManifestError(f"the label map merges {label!r}, which the model lacks; {_nearest(label, known)}")
        merged = tuple(dict.fromkeys(self.model.get(label, label) for label in known))
        for label, target in self.data.items():
            if target not in (*merged, *known, *_LEFT_OUT):
                raise ManifestError(
                    f"the label map turns {label!r} into {target!r}, which the model lacks; {_nearest(target, merged)}"
                )
        return merged

    def items(self, items: Iterable[LabelledTrack], known: Sequence[str]) -> tuple[LabelledTrack, ...]:
        """Tracks with their labels in the model's terms, without those that are left out.

        Args:
            items: tracks of the data.
            known: the model's own labels.

        Raises:
            ManifestError: a label is neither mapped nor one of the model's, or no track is left.
        """
        merged = self.labels(known)
        mapped = [replace(item, label=self._counts_as(item.label)) for item in items]
        for label in sorted({item.label for item in mapped} - {*merged, *_LEFT_OUT}):
            raise ManifestError(
                f"the data has the label {label!r}, which the model lacks; say in a label map (--labels) "
                f"what it counts as; {_nearest(label, (*merged, *self.data))}"
            )
        kept = tuple(item for item in mapped if item.label not in _LEFT_OUT)
        if not kept:
            raise ManifestError("the label map leaves out all tracks; map at least one label to one of the model's")
        return kept

    def merge(self, probabilities: NDArray[np.floating], known: Sequence[str]) -> NDArray[np.float64]:
        """Sum probabilities (..., the model's own labels) into (..., merged labels)."""
        merged = self.labels(known)
        targets = [merged.index(self.model.get(label, label)) for label in known]
        return np.asarray(probabilities @ np.eye(len(merged))[targets])

    def _counts_as(self, label: str) -> str:
        target = self.data.get(label, label)
        return self.model.get(target, target)


def read_label_map(file: Path) -> LabelMap:
    """Read a label map: TOML with the tables [data] and [model], both optional.

    Raises:
        ManifestError: it is not there, is not TOML, or says something that a label map cannot say.
    """
    content = read_toml(file, ManifestError)
    try:
        return LabelMap.model_validate(content)
    except ValidationError as error:
        raise ManifestError(f"{display_name(file)}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"{place} is not a table of a label map; it has [data] and [model]"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{place}: {problem['msg']}"


def _nearest(label: str, known: Sequence[str]) -> str:
    lower = {name.lower(): name for name in known}
    near = get_close_matches(label.lower(), lower, n=1, cutoff=0.6)
    return f"did you mean {lower[near[0]]}?" if near else f"known are {', '.join(known)}"
