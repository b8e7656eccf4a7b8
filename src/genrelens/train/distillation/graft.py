"""One ONNX graph of a backbone and the linear probe on its embeddings."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from genrelens.train.distillation.backbone import FEATURES
from genrelens.train.distillation.probe import LinearProbe

LOGITS = "logits"


def attach_linear_head(backbone: onnx.ModelProto, probe: LinearProbe) -> onnx.ModelProto:
    """Append a linear probe to a graph from `embedding_graph`, by operators that are the same in all ONNX versions."""
    model = onnx.ModelProto()
    model.CopyFrom(backbone)
    graph, features = model.graph, FEATURES
    if probe.unit_length:
        graph.node.append(helper.make_node("LpNormalization", [features], ["direction"], axis=1, p=2))
        features = "direction"
    graph.initializer.append(numpy_helper.from_array(probe.weights, "head.weight"))
    graph.initializer.append(numpy_helper.from_array(probe.bias, "head.bias"))
    graph.node.append(helper.make_node("Gemm", [features, "head.weight", "head.bias"], [LOGITS]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["windows", len(probe.bias)]))
    return model


def count_weights(model: onnx.ModelProto) -> int:
    """Return the number of trained parameters: the floating-point values of all initialisers."""
    initialisers = (numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    return sum(values.size for values in initialisers if values.dtype.kind == "f")
