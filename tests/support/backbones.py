"""A tiny backbone model with its card."""

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from genrelens.features.frontend import FrontEnd
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe_file import read_backbone_card

# The front end that mn04 was trained with.
AUDIOSET = FrontEnd(
    rate=32_000,
    n_fft=1024,
    hop=320,
    pre_emphasis=0.97,
    window="symmetric-hann",
    window_size=800,
    center=False,
    fmax=15_000,
    mel_scale="kaldi",
    normalisation="audioset",
)

ROWS, FRAMES = 6, 10


def make_backbone(
    folder: Path, shape: list[Any], rank: int = 2, axes: str = '["frames", "rows"]', opset: int = 11
) -> BackboneCard:
    """A backbone whose embedding is its input, doubled, flattened to `rank`; it has another output, too."""
    kept = {2: [0, -1], 3: [0, FRAMES, -1], 4: [0, 2, ROWS // 2, FRAMES]}[rank]
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["theirs", "theirs"], ["doubled"]),
            helper.make_node("Reshape", ["doubled", "kept"], ["heard"]),
            helper.make_node("Sigmoid", ["theirs"], ["tags"]),
        ],
        "small",
        [helper.make_tensor_value_info("theirs", TensorProto.FLOAT, ["n", *shape])],
        [
            helper.make_tensor_value_info("tags", TensorProto.FLOAT, ["n", *shape]),
            helper.make_tensor_value_info("heard", TensorProto.FLOAT, ["n", *[None] * (rank - 1)]),
        ],
        [helper.make_tensor("kept", TensorProto.INT64, [len(kept)], kept)],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), folder / "small.onnx"
    )
    (folder / "small.toml").write_text(CARD.format(axes=axes))
    return read_backbone_card(folder / "small.toml")


CARD = """
name = "small"
licence = "CC0"
origin = "these tests"
model = "small.onnx"
embedding = "heard"
axes = {axes}
input = {{ window = 1.0, hop = 0.5, front_end = {{ rate = 8000, n_fft = 256, hop = 800, center = false, n_mels = 6 }} }}
"""
