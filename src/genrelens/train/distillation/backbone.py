"""A backbone: any ONNX file that gives an embedding, by the small card beside it that says how."""

from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper
from onnx.utils import Extractor
from onnxruntime.capi import onnxruntime_pybind11_state as state
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from genrelens.errors import InvalidModelError, RecipeError, display_name
from genrelens.model import zoo
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import ModelInput
from genrelens.train.recipes.toml import read_toml

Axis = Literal["planes", "rows", "frames"]
Embeddings = NDArray[np.float32]  # (windows, features)

WINDOWS, FEATURES = "windows", "features"  # what the graph of a backbone takes and gives, whatever it called them
_AXES: tuple[Axis, ...] = get_args(Axis)
_AT_A_TIME = 8  # windows
_PREFIX = "backbone/"
_FAULTS = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)


class BackboneCard(BaseModel):
    """An adapter card: how a published model is fed, and which of its outputs is the embedding.

    Attributes:
        name: to call it by.
        licence: of its weights.
        origin: whose they are, and what they learnt from.
        model: an ONNX file beside the card, a model of the zoo, or an address with its checksum.
        embedding: a value in the graph: (windows, features), or what is averaged to that, (windows, frames,
            features) or (windows, features, rows, frames).
        axes: what the input has after the windows, in its order. What is left out has size 1.
        input: the windows, in the words of a recipe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    licence: str
    origin: str
    model: str
    embedding: str
    axes: tuple[Axis, ...] = _AXES
    input: AudioInput

    @model_validator(mode="after")
    def _axes_fit(self) -> Self:
        if len(set(self.axes)) < len(self.axes):
            raise ValueError("an axis is named twice")
        sizes = dict(zip(_AXES, self.input.shape, strict=True))
        lost = [axis for axis in _AXES if axis not in self.axes and sizes[axis] > 1]
        if lost:
            raise ValueError(f"the input has {sizes[lost[0]]} {lost[0]}; name them among the axes")
        return self


def read_backbone_card(file: Path) -> BackboneCard:
    """Read and check an adapter card; a model that is named as a file is looked for beside it.

    Raises:
        RecipeError: it is not there, is not TOML, or says something that a card cannot say.
    """
    try:
        card = BackboneCard.model_validate(read_toml(file, RecipeError))
    except ValidationError as error:
        problem = error.errors()[0]
        raise RecipeError(f"{display_name(file)}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    beside = file.parent / card.model
    return card.model_copy(update={"model": str(beside)}) if card.model.endswith(".onnx") else card


def embedding_graph(card: BackboneCard) -> onnx.ModelProto:
    """The part of the model that leads to the embedding: takes windows as all our nets do, gives (windows, features).

    Raises:
        ModelError: the model cannot be had.
        InvalidModelError: it is no ONNX model, or does not fit the card.
    """
    file = zoo.find(card.model)
    try:
        part = compose.add_prefix(_leading_to(card.embedding, onnx.load(file)), _PREFIX)
        _feed(part.graph, card)
        (heard,) = _session(part).run(None, {WINDOWS: np.zeros((2, *card.input.shape), np.float32)})
        _pool(part.graph, heard.ndim)
        onnx.checker.check_model(part)
    except (*_FAULTS, DecodeError, ValueError, LookupError, onnx.checker.ValidationError) as error:
        raise InvalidModelError(
            f"{display_name(file)} is no ONNX model that gives {card.embedding!r} for windows of {card.input.shape}; "
            f"correct the card of {card.name}"
        ) from error
    return part


class Embedder:
    """Runs a graph of `embedding_graph`."""

    def __init__(self, graph: onnx.ModelProto) -> None:
        self._session = _session(graph)

    def __call__(self, planes: ModelInput) -> Embeddings:
        """The embedding of each window, (windows, features), of windows (windows, planes, rows, frames)."""
        parts = [planes[start : start + _AT_A_TIME] for start in range(0, len(planes), _AT_A_TIME)]
        return np.concatenate([self._session.run([FEATURES], {WINDOWS: part})[0] for part in parts])


def _session(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # which takes cores from others
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _leading_to(name: str, whole: onnx.ModelProto) -> onnx.ModelProto:
    """The part of a model that a value is made by."""
    made = {output for node in whole.graph.node for output in node.output}
    known = {value.name for value in (*whole.graph.value_info, *whole.graph.output)}
    if name in made - known:  # inside, and of a shape that nobody wrote down
        whole.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return Extractor(whole).extract_model([whole.graph.input[0].name], [name])


def _feed(graph: onnx.GraphProto, card: BackboneCard) -> None:
    """Let the graph begin with (windows, planes, rows, frames); by operators that are the same in all versions."""
    missing = [axis for axis in _AXES if axis not in card.axes]
    order = [0, *(1 + _AXES.index(axis) for axis in (*missing, *card.axes))]
    sizes = [0, *(card.input.shape[_AXES.index(axis)] for axis in card.axes)]  # 0 keeps the number of windows
    own = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]  # 0 where it is free
    if len(own) != len(sizes) or any(had not in (0, size) for had, size in zip(own[1:], sizes[1:], strict=True)):
        raise ValueError(f"the model takes {own}")
    graph.initializer.append(helper.make_tensor("sizes", TensorProto.INT64, [len(sizes)], sizes))
    graph.node.insert(0, helper.make_node("Transpose", [WINDOWS], ["ordered"], perm=order))
    graph.node.insert(1, helper.make_node("Reshape", ["ordered", "sizes"], [graph.input[0].name]))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(WINDOWS, TensorProto.FLOAT, ["windows", *card.input.shape]))


def _pool(graph: onnx.GraphProto, rank: int) -> None:
    """Let the graph, whose output has that many axes, end in (windows, features)."""
    last = graph.output[0].name
    if rank == 3:  # (windows, frames, features)
        graph.node.append(helper.make_node("Transpose", [last], ["turned"], perm=[0, 2, 1]))
        last = "turned"
    if rank > 2:
        graph.node.append(helper.make_node("GlobalAveragePool", [last], ["pooled"]))
        last = "pooled"
    graph.node.append(helper.make_node("Flatten", [last], [FEATURES], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["windows", None]))
