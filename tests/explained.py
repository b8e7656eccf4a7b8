"""A model that tells where its answers come from, and sounds to ask it about."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from genrelens.model.card import Card
from tests.conftest import RATE, encode, make_mapped_model, tone


def make_traceable_model(file: Path, card: Card) -> Path:
    """As `make_mapped_model`, with the weights: low sounds against high ones, at each frame."""
    model = onnx.load(make_mapped_model(file, card))
    model.graph.node.append(helper.make_node("Identity", ["twice"], ["weights"]))
    model.graph.output.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [2, 2]))
    onnx.save(model, str(file))
    return file


def planted(file: Path, start: float, end: float, seconds: float, **encoding: Any) -> Path:
    """A faint low tone, in which a high one is planted."""
    samples: NDArray[np.float32] = 0.01 * tone(150, seconds)
    part = slice(round(start * RATE), round(end * RATE))
    samples[:, part] += tone(6_000, seconds)[:, part]
    return encode(file, samples, codec="pcm_s16le", **encoding)
