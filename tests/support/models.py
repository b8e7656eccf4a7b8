"""Small real ONNX models."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from genrelens.features.frontend import FrontEnd
from genrelens.model.card import CARD_KEY, Card, TrainingRecord
from genrelens.model.input_spec import AudioInput

LABELS = ("low", "high")


def make_card(**changes: Any) -> Card:
    """Return a card for the graph of `make_model`."""
    training = TrainingRecord(
        recipe="by hand", data="none", split="none", tracks=0, seed=0, date="2026-01-01", machine="any"
    )
    plain: dict[str, Any] = {
        "name": "tilt",
        "version": "1",
        "summary": "Tells low sounds from high ones.",
        "labels": LABELS,
        "input": AudioInput(window=1.0, hop=0.5, front_end=FrontEnd(n_mels=32, hop=1024)),
        "parameters": 64,
        "training": training,
        "licence": "MIT",
        "package": "0",
    }
    return Card(**{**plain, **changes})


def make_mapped_model(file: Path, card: Card) -> Path:
    """Save a model like `make_model` that also outputs the loudness of both halves as maps, (windows, 2, 1, frames)."""
    bands = card.audio_input.front_end.n_mels
    halves = np.zeros((2, bands), np.float32)
    halves[0, : bands // 2] = halves[1, bands // 2 :] = 2 / bands
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["halves", "mels"], ["turned"]),
            helper.make_node("Transpose", ["turned"], ["maps"], perm=[0, 2, 1, 3]),
            helper.make_node("ReduceMean", ["maps", "axes"], ["means"], keepdims=0),
            helper.make_node("MatMul", ["means", "twice"], ["logits"]),
        ],
        "mapped tilt",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["windows", 1, bands, "frames"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["windows", 2]),
            helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["windows", 2, 1, "frames"]),
        ],
        [
            helper.make_tensor("halves", TensorProto.FLOAT, halves.shape, halves.ravel().tolist()),
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("twice", TensorProto.FLOAT, [2, 2], [2, 0, 0, 2]),
        ],
    )
    return _save(graph, file, {CARD_KEY: card.model_dump_json()})


def make_model(file: Path, card: Card | None = None, metadata: dict[str, str] | None = None) -> Path:
    """Save an ONNX model that classifies by the half of the mel bands that is louder in the mean over time."""
    card = card or make_card()
    bands, labels = card.audio_input.front_end.n_mels, len(card.labels)
    weights = np.zeros((bands, labels), np.float32)
    weights[: bands // 2, 0] = weights[bands // 2 :, 1] = 4 / bands
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["mels", "axes"], ["means"], keepdims=0),
            helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        ],
        "tilt",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["windows", 1, bands, "frames"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["windows", labels])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 3]),
            helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel().tolist()),
        ],
    )
    return _save(graph, file, metadata or {CARD_KEY: json.dumps(card.model_dump(mode="json"))})


def _save(graph: onnx.GraphProto, file: Path, metadata: dict[str, str]) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(file))
    return file


def make_traceable_model(file: Path, card: Card) -> Path:
    """Save a model like `make_mapped_model` that also outputs the weights of its maps."""
    model = onnx.load(make_mapped_model(file, card))
    model.graph.node.append(helper.make_node("Identity", ["twice"], ["weights"]))
    model.graph.output.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [2, 2]))
    onnx.save(model, str(file))
    return file
