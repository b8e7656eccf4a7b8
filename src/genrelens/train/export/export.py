"""From trained weights to one ONNX file with its card, proven to answer as torch does."""

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from genrelens.errors import ExportError, display_name
from genrelens.files import atomic_write
from genrelens.model.card import CARD_KEY, Card
from genrelens.model.session import LOGITS, MAPS, WEIGHTS, Model
from genrelens.train.networks.cam import CamNetwork

TOLERANCE = 1e-4  # of logits, between torch and onnxruntime
_OPSET = 18


def export_onnx(net: nn.Module, card: Card, windows: Tensor, target: Path) -> None:
    """Write `net` with `card` to `target`, whole or not at all.

    A net that is `CamNetwork` gives, beside its logits, its maps and the weights that make logits of their mean.

    Args:
        net: (windows, planes, rows, frames) -> logits (windows, labels).
        card: to put into the file.
        windows: real ones, on which the file must agree with the net; (windows, planes, rows, frames).
        target: the .onnx file.

    Raises:
        ExportError: the file answers otherwise than the net.
    """
    net = net.eval().cpu().float()
    unproven = target.with_name(f".{target.name}.unproven")
    try:
        write_onnx(_graph(net, windows[:2]), card, unproven)
        _prove(net, windows, unproven, target)
        unproven.replace(target)
    finally:
        unproven.unlink(missing_ok=True)


def write_onnx(graph: onnx.ModelProto, card: Card, target: Path) -> None:
    """Write an ONNX graph with `card` in its metadata, in place of a card that it may have."""
    others = [entry for entry in graph.metadata_props if entry.key != CARD_KEY]
    del graph.metadata_props[:]
    graph.metadata_props.extend(others)
    graph.metadata_props.add(key=CARD_KEY, value=_compact(card))
    graph.producer_name, graph.doc_string = "genrelens", card.summary
    onnx.checker.check_model(graph)
    with atomic_write(target) as file:
        file.write(graph.SerializeToString())


def _compact(card: Card) -> str:
    """The card as JSON, without spaces: a detector has thousands of numbers."""
    return json.dumps(card.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def count_parameters(net: nn.Module) -> int:
    """How many numbers were learnt."""
    return sum(p.numel() for p in net.parameters())


class _Traced(nn.Module):
    """A net with what its answers come from."""

    def __init__(self, net: CamNetwork) -> None:
        super().__init__()
        self.net = net

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.net.feature_maps(windows)
        return self.net.classify(maps.mean(dim=(2, 3))), maps, self.net.linear_head()[0]


def _graph(net: nn.Module, example: Tensor) -> onnx.ModelProto:
    batch = torch.export.Dim("windows", min=1)
    for library in ("torch.onnx", "onnx_ir"):  # which tell of optional packages, and of what they leave as it is
        logging.getLogger(library).setLevel(logging.ERROR)
    traced, outputs = (_Traced(net), [LOGITS, MAPS, WEIGHTS]) if isinstance(net, CamNetwork) else (net, [LOGITS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        program = torch.onnx.export(
            traced,
            (example,),
            input_names=["mels"],
            output_names=outputs,
            dynamic_shapes=({0: batch},),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch could not turn the net into a graph; use plainer operations in it")
    return _bare(program.model_proto)


def _bare(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out where in the source, and on whose disk, each node came from."""
    for part in (graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for weights in graph.graph.initializer:
        del weights.metadata_props[:]
        weights.doc_string = ""
    return graph


def _prove(net: nn.Module, windows: Tensor, file: Path, target: Path) -> None:
    with torch.no_grad():
        expected = net(windows).numpy()
    actual = Model(file).logits(windows.numpy())
    worst = float(np.abs(expected - actual).max())
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{display_name(target)} differs from the trained net by up to {worst:.1e} in its logits "
            f"(allowed is {TOLERANCE:.0e}); use plainer operations in the net"
        )
