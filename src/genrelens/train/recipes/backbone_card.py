"""Adapter card of a backbone, a pretrained ONNX model that yields embeddings."""

from typing import Literal, Self, get_args

from pydantic import model_validator

from genrelens.model.input_spec import AudioInput
from genrelens.records import FrozenModel

Axis = Literal["planes", "rows", "frames"]
AXES: tuple[Axis, ...] = get_args(Axis)


class BackboneCard(FrozenModel):
    """Adapter card: the input of a published model, and the output that serves as its embedding.

    Attributes:
        name: display name.
        licence: licence of the weights.
        origin: authors of the weights, and the data they were trained on.
        model: path to an ONNX file relative to the card, name of a model in the zoo, or URL with its checksum.
        embedding: name of a tensor in the graph, of shape (windows, features), or of shape (windows, frames,
            features) or (windows, features, rows, frames), which are averaged to (windows, features).
        axes: axes of the input after the windows, in their order; an axis that is left out has size 1.
        input: input specification of the windows, with the keys of a recipe's `input` table.
    """

    name: str
    licence: str
    origin: str
    model: str
    embedding: str
    axes: tuple[Axis, ...] = AXES
    input: AudioInput

    @model_validator(mode="after")
    def _check_axes(self) -> Self:
        if len(set(self.axes)) < len(self.axes):
            raise ValueError("an axis is named twice")
        sizes = dict(zip(AXES, self.input.shape, strict=True))
        missing = [axis for axis in AXES if axis not in self.axes and sizes[axis] > 1]
        if missing:
            raise ValueError(f"the input has {sizes[missing[0]]} {missing[0]}; add {missing[0]!r} to axes")
        return self
