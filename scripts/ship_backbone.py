"""Build the package's files for mn04: its graph without the weights, and a linear layer for ten genres.

    python scripts/ship_backbone.py audioset                     # the graph that the probe builds on
    genrelens train recipes/mn04-probe.toml --data gtzan:FOLDER
    python scripts/ship_backbone.py probe runs/mn04-probe-1      # the probe

The published checkpoint is downloaded, or read from the folder in GENRELENS_MODELS. None of its numbers is included
in the package: the files have gaps, which are filled on the user's machine.
"""

import argparse
import hashlib
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from results import ROOT
from torch import Tensor, nn

from genrelens.model import zoo
from genrelens.model.card import Card, TrainingRecord
from genrelens.model.session import Model
from genrelens.model.weightless import insert_weights, read_checkpoint, strip_weights
from genrelens.train.export import count_parameters, write_onnx
from genrelens.train.networks.mn import Mn
from genrelens.train.recipes.recipe_file import read_backbone_card

ASSETS = ROOT / "src" / "genrelens" / "assets"
WEIGHTS = zoo.RemoteCheckpoint(
    "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt",
    "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
)
# AudioSet's classes with the names of the ten genres: their indices in class_labels_indices.csv.
GENRES = {
    "blues": 251,
    "classical": 237,
    "country": 229,
    "disco": 236,
    "hiphop": 217,
    "jazz": 235,
    "metal": 220,
    "pop": 216,
    "reggae": 228,
    "rock": 219,
}


class ZeroShot(nn.Module):
    """mn04 as published, reduced to ten of its tags and the embedding."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.net = Mn(527, shape)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (windows, 10) and embedding (windows, 384)."""
        embedding = self.net.embed(windows)
        hidden = self.net.classifier[2:](embedding)
        return hidden[:, list(GENRES.values())], embedding


def main() -> None:
    """Build one of the two models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=("audioset", "probe"))
    parser.add_argument("run", type=Path, nargs="?", help="run directory of the probe")
    arguments = parser.parse_args()
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    if arguments.model == "audioset":
        ship(export_zero_shot(folder / "mn04-audioset.onnx"))
    else:
        ship(export_probe(arguments.run, folder / "mn04.onnx"))


def export_zero_shot(target: Path) -> Path:
    """Export the published network with the tensors of its checkpoint unchanged, and return `target`."""
    spec = read_backbone_card(ROOT / "recipes" / "backbones" / "mn04.toml").input
    net = ZeroShot(spec.shape).eval()
    net.net.load_state_dict(torch.load(zoo.fetch_checkpoint(WEIGHTS), weights_only=True), strict=True)
    program = torch.onnx.export(
        net,
        (torch.zeros(2, *spec.shape),),
        input_names=["mels"],
        output_names=["logits", "embedding"],
        dynamic_shapes=({0: torch.export.Dim("windows", min=1)},),
        opset_version=18,
        dynamo=True,
        optimize=False,  # which would fold normalisation into the weights
    )
    assert program is not None
    graph = program.model_proto
    fold_constants(graph)
    remove_unused_nodes(graph)
    strip_metadata(graph)
    card = Card(
        name="mn04-audioset",
        version="1",
        summary="Ten of the AudioSet tags of EfficientAT's mn04, used unchanged; not trained here",
        labels=tuple(GENRES),
        input=spec,
        parameters=count_parameters(net),
        training=TrainingRecord(
            recipe="EfficientAT v0.0.1, mn04_as",
            data="AudioSet",
            split="as published",
            tracks=0,
            seed=0,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=f"{platform.machine()}, {platform.system()}",
        ),
        licence="MIT: EfficientAT's mn04 (Schmid, Koutini & Widmer, ICASSP 2023)",
        package=version("genrelens"),
    )
    write_onnx(graph, card, target)
    return target


def export_probe(run: Path, target: Path) -> Path:
    """Write the model of a run under the name `mn04`, and return `target`."""
    card = Model(run / "model.onnx").card
    write_onnx(onnx.load(run / "model.onnx"), card.model_copy(update={"name": "mn04"}), target)
    return target


def ship(model: Path) -> None:
    """Write a model into the package as a template, and its checksum into the zoo."""
    weights = read_checkpoint(zoo.fetch_checkpoint(WEIGHTS))
    template = ASSETS / f"{model.stem}.zip"
    strip_weights(model.read_bytes(), weights, template)
    content = insert_weights(template, weights)
    assert content == model.read_bytes()
    assert_weightless(template)
    entry = {
        "name": model.stem,
        "summary": Model(model).card.summary,
        "sha256": hashlib.sha256(content).hexdigest(),
        "weights": {"url": WEIGHTS.url, "sha256": WEIGHTS.sha256},
    }
    file = ASSETS / "zoo.json"
    entries = [other for other in json.loads(file.read_text()) if other["name"] != model.stem]
    file.write_text(json.dumps([*entries, entry], indent=2) + "\n")


def assert_weightless(template: Path) -> None:
    """Assert that a template contains no weights except the linear layer's."""
    zeros = {name: 0 * values for name, values in read_checkpoint(zoo.fetch_checkpoint(WEIGHTS)).items()}
    graph = onnx.load_from_string(insert_weights(template, zeros)).graph
    remaining = [
        tensor.name
        for tensor in graph.initializer
        if numpy_helper.to_array(tensor).dtype.kind == "f" and numpy_helper.to_array(tensor).any()
    ]
    assert set(remaining) <= {"head.weight", "head.bias"}, remaining


def strip_metadata(graph: onnx.ModelProto) -> None:
    """Remove the source locations and local paths of all nodes."""
    for part in (graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for tensor in graph.graph.initializer:
        del tensor.metadata_props[:]


if __name__ == "__main__":
    main()
