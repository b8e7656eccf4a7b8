"""One graph of a backbone and the linear layer on top of it."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from genrelens.train.distillation.backbone import FEATURES
from genrelens.train.distillation.probe import LinearProbe

LOGITS = "logits"


def attach_linear_head(backbone: onnx.ModelProto, layer: LinearProbe) -> onnx.ModelProto:
    """Put a linear layer onto a graph of `backbone.embedding_graph`; by operators that are the same in all versions."""
    own = onnx.ModelProto()
    own.CopyFrom(backbone)
    graph, features = own.graph, FEATURES
    if layer.unit_length:
        graph.node.append(helper.make_node("LpNormalization", [features], ["direction"], axis=1, p=2))
        features = "direction"
    graph.initializer.append(numpy_helper.from_array(layer.weights, "head.weight"))
    graph.initializer.append(numpy_helper.from_array(layer.bias, "head.bias"))
    graph.node.append(helper.make_node("Gemm", [features, "head.weight", "head.bias"], [LOGITS]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["windows", len(layer.bias)]))
    return own


def count_weights(graph: onnx.ModelProto) -> int:
    """How many numbers a graph holds that were learnt."""
    learnt = (numpy_helper.to_array(tensor) for tensor in graph.graph.initializer)
    return sum(values.size for values in learnt if values.dtype.kind == "f")
