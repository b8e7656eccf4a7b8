"""Export of a trained network to one ONNX file with its model card, verified against torch."""

import json
import logging
import platform
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from genrelens.errors import ExportError, display_name
from genrelens.files import atomic_write
from genrelens.model.card import CARD_KEY, Card, TrainingRecord
from genrelens.model.session import LOGITS, MAPS, WEIGHTS, Model
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Examples
from genrelens.train.data.manifest import Manifest
from genrelens.train.evaluation.calibration import UNCALIBRATED, OutputCalibration
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.recipe import ProbeRecipe, Recipe

TOLERANCE = 1e-4  # largest difference in logits between torch and onnxruntime
_OPSET = 18
_SAMPLE_TRACKS = 4  # tracks whose windows an export is verified on


def build_card(
    recipe: Recipe | ProbeRecipe, manifest: Manifest, parameters: int, calibration: OutputCalibration = UNCALIBRATED
) -> Card:
    """Build the card of a model that has just been trained on this machine.

    Args:
        recipe: the recipe that the model was trained with.
        manifest: the tracks that the model was trained on.
        parameters: number of its parameters.
        calibration: settings that were fitted after the weights.
    """
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        labels=manifest.labels,
        labelling=recipe.data.labels,
        thresholds=calibration.thresholds,
        input=recipe.input,
        temperature=calibration.temperature,
        calibration=calibration.calibration,
        detector=calibration.detector,
        parameters=parameters,
        training=TrainingRecord(
            recipe=recipe.name,
            data=manifest.name,
            split=recipe.data.split,
            tracks=len(manifest.in_split("train")),
            seed=recipe.seed,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=f"{platform.machine()}, {platform.system()}",
        ),
        licence=recipe.licence,
        package=version("genrelens"),
    )


def export_onnx(network: nn.Module, card: Card, windows: Tensor, target: Path) -> None:
    """Write `network` with `card` to `target`, atomically and only if the file reproduces the network's logits.

    A `CamNetwork` is exported with two further outputs: its feature maps, and the weights of its linear head.

    Args:
        network: windows (windows, channels, rows, frames) -> logits (windows, labels).
        card: the card to embed.
        windows: real windows to verify the file on, (windows, channels, rows, frames).
        target: the .onnx file.

    Raises:
        ExportError: the network cannot be exported, or the file's logits differ from the network's.
    """
    network = network.eval().cpu().float()
    unverified = target.with_name(f".{target.name}.unverified")
    try:
        write_onnx(_graph(network, windows[:2]), card, unverified)
        _verify(network, windows, unverified, target)
        unverified.replace(target)
    finally:
        unverified.unlink(missing_ok=True)


def write_onnx(graph: onnx.ModelProto, card: Card, target: Path) -> None:
    """Write an ONNX graph with `card` in its metadata, replacing a card that is already there."""
    others = [entry for entry in graph.metadata_props if entry.key != CARD_KEY]
    del graph.metadata_props[:]
    graph.metadata_props.extend(others)
    compact = json.dumps(card.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))  # thousands of numbers
    graph.metadata_props.add(key=CARD_KEY, value=compact)
    graph.producer_name, graph.doc_string = "genrelens", card.summary
    onnx.checker.check_model(graph)
    with atomic_write(target) as file:
        file.write(graph.SerializeToString())


def sample_windows(examples: Examples, recipe: Recipe) -> Tensor:
    """Return the windows of a few tracks, to verify an export on."""
    few = TrackWindows(examples.inputs[:_SAMPLE_TRACKS], examples.targets[:_SAMPLE_TRACKS], recipe)
    return torch.cat([windows for windows, _ in few])


def count_parameters(network: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(p.numel() for p in network.parameters())


class _Traceable(nn.Module):
    """A network that also returns its feature maps and the weights of its linear head."""

    def __init__(self, network: CamNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.network.feature_maps(windows)
        return self.network.classify(maps.mean(dim=(2, 3))), maps, self.network.linear_head()[0]


def _graph(network: nn.Module, example: Tensor) -> onnx.ModelProto:
    for library in ("torch.onnx", "onnx_ir"):  # they log missing optional packages and skipped optimisations
        logging.getLogger(library).setLevel(logging.ERROR)
    exported, outputs = network, [LOGITS]
    if isinstance(network, CamNetwork):
        exported, outputs = _Traceable(network), [LOGITS, MAPS, WEIGHTS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            exported,
            (example,),
            input_names=["mels"],
            output_names=outputs,
            dynamic_shapes=({0: torch.export.Dim("windows", min=1)},),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch cannot export the network to ONNX; use simpler operations in it")
    model = program.model_proto
    graph = model.graph
    # Remove the source locations of nodes, which contain paths of this machine.
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def _verify(network: nn.Module, windows: Tensor, file: Path, target: Path) -> None:
    with torch.no_grad():
        expected = network(windows).numpy()
    actual = Model(file).logits(windows.numpy())
    difference = float(np.abs(expected - actual).max())
    if not difference <= TOLERANCE:
        raise ExportError(
            f"the logits of {display_name(target)} differ from those of the trained network by up to "
            f"{difference:.1e} (allowed: {TOLERANCE:.0e}); use simpler operations in the network"
        )
