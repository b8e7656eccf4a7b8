"""Embeddings from a pretrained backbone, an ONNX model that is described by an adapter card."""

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from onnx.utils import Extractor
from onnxruntime.capi import onnxruntime_pybind11_state as state

from genrelens.errors import InvalidModelError, display_name
from genrelens.model import zoo
from genrelens.model.session import ModelInput
from genrelens.train.recipes.backbone_card import AXES, BackboneCard

Embeddings = NDArray[np.float32]  # (windows, features)

WINDOWS, FEATURES = "windows", "features"  # input and output of the graph, whatever the published model calls them
_BATCH = 8  # windows per run
_PREFIX = "backbone/"
_FAULTS = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)


def embedding_graph(card: BackboneCard) -> onnx.ModelProto:
    """Return the part of a backbone that computes the embedding.

    Returns:
        A graph from windows (windows, channels, rows, frames), as networks take them, to (windows, features).

    Raises:
        ModelError: the model cannot be found or downloaded.
        InvalidModelError: the file is not an ONNX model, or does not match the card.
    """
    file = zoo.find(card.model)
    try:
        model = compose.add_prefix(_extract_up_to(card.embedding, onnx.load(file)), _PREFIX)
        _adapt_input(model.graph, card)
        (embeddings,) = _session(model).run(None, {WINDOWS: np.zeros((2, *card.input.shape), np.float32)})
        _adapt_output(model.graph, embeddings.ndim)
        onnx.checker.check_model(model)
    except (*_FAULTS, DecodeError, ValueError, LookupError, onnx.checker.ValidationError) as error:
        raise InvalidModelError(
            f"{display_name(file)} is not an ONNX model that computes {card.embedding!r} from windows of shape "
            f"{card.input.shape}; correct the card of {card.name}"
        ) from error
    return model


def count_weights(model: onnx.ModelProto) -> int:
    """Return the number of trained parameters: the floating-point values of all initialisers."""
    initialisers = (numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    return sum(values.size for values in initialisers if values.dtype.kind == "f")


class Embedder:
    """Runtime session of a graph from `embedding_graph`."""

    def __init__(self, graph: onnx.ModelProto) -> None:
        self._session = _session(graph)

    def __call__(self, windows: ModelInput) -> Embeddings:
        """Return embeddings (windows, features) of windows (windows, channels, rows, frames)."""
        batches = [windows[start : start + _BATCH] for start in range(0, len(windows), _BATCH)]
        return np.concatenate([self._session.run([FEATURES], {WINDOWS: batch})[0] for batch in batches])


def _session(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning takes cores from others
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _extract_up_to(tensor: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the part of a model that computes a tensor."""
    computed = {output for node in model.graph.node for output in node.output}
    typed = {value.name for value in (*model.graph.value_info, *model.graph.output)}
    if tensor in computed - typed:  # the extractor needs a type, which inner tensors may lack
        model.graph.value_info.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    return Extractor(model).extract_model([model.graph.input[0].name], [tensor])


def _adapt_input(graph: onnx.GraphProto, card: BackboneCard) -> None:
    """Prepend a transpose and a reshape from (windows, channels, rows, frames) to the axes of the card.

    Both operators are the same in all ONNX versions.
    """
    missing = [axis for axis in AXES if axis not in card.axes]
    order = [0, *(1 + AXES.index(axis) for axis in (*missing, *card.axes))]
    sizes = [0, *(card.input.shape[AXES.index(axis)] for axis in card.axes)]  # 0 keeps the number of windows
    declared = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]  # 0 for a dynamic size
    fits = all(size in (0, expected) for size, expected in zip(declared[1:], sizes[1:], strict=False))
    if len(declared) != len(sizes) or not fits:
        raise ValueError(f"the model takes input of shape {declared}")
    graph.initializer.append(helper.make_tensor("sizes", TensorProto.INT64, [len(sizes)], sizes))
    graph.node.insert(0, helper.make_node("Transpose", [WINDOWS], ["ordered"], perm=order))
    graph.node.insert(1, helper.make_node("Reshape", ["ordered", "sizes"], [graph.input[0].name]))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(WINDOWS, TensorProto.FLOAT, ["windows", *card.input.shape]))


def _adapt_output(graph: onnx.GraphProto, rank: int) -> None:
    """Append average pooling from an output with `rank` axes to (windows, features)."""
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
