"""A network layer by layer: output shape, parameters and multiply-accumulate operations."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from genrelens.model.input_spec import Shape


@dataclass(frozen=True)
class Layer:
    """One layer, without the layers inside it.

    Attributes:
        name: name in the state dict; "" for the network itself.
        kind: class name.
        shape: shape of the output for one window.
        parameters: number of the layer's own parameters.
        macs: multiply-accumulate operations of the layer itself for one window.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


@dataclass(frozen=True)
class NetworkSummary:
    """All layers that have parameters, compute or reshape, and the totals of the network.

    Attributes:
        layers: layers in the order of the forward pass.
        parameters: number of parameters, trainable and frozen.
        trainable: number of trainable parameters.
        macs: multiply-accumulate operations for one window.
    """

    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    macs: int


def summarise_network(network: nn.Module, shape: Shape) -> NetworkSummary:
    """Trace one window through a network and summarise each layer.

    Operations are counted by torch's own counter, in convolutions and matrix products. That includes attention and
    recurrent layers, but not normalisation. Nothing is computed: a copy of the network runs on torch's device "meta",
    where tensors only have shapes.

    Args:
        network: maps windows (windows, channels, rows, frames) to logits.
        shape: shape of one window.
    """
    on_meta = copy.deepcopy(network).eval().to("meta")
    traces: dict[str, _LayerTrace] = {}
    for name, module in on_meta.named_modules():
        module.register_forward_hook(_trace_hook(name, traces))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        on_meta(torch.zeros(1, *shape, device="meta"))
    macs = _own_macs(counter, on_meta, traces)
    layers = (
        Layer(name, trace.kind, trace.output_shape, trace.parameters, macs[name])
        for name, trace in traces.items()
        if trace.parameters or macs[name] or trace.reshapes
    )
    return NetworkSummary(
        layers=tuple(layers),
        parameters=sum(p.numel() for p in network.parameters()),
        trainable=sum(p.numel() for p in network.parameters() if p.requires_grad),
        macs=counter.get_total_flops() // 2,
    )


@dataclass(frozen=True)
class _LayerTrace:
    """Record of one module's forward pass."""

    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    reshapes: bool


def _trace_hook(name: str, traces: dict[str, _LayerTrace]) -> Callable[[nn.Module, Any, Any], None]:
    def record(module: nn.Module, inputs: Any, output: Any) -> None:
        output_shape = _window_shape(output)
        traces[name] = _LayerTrace(
            kind=type(module).__name__,
            output_shape=output_shape,
            parameters=sum(p.numel() for p in module.parameters(recurse=False)),
            reshapes=not list(module.children()) and _window_shape(inputs) != output_shape,
        )

    return record


def _window_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of the first tensor in a value, for one window."""
    while not isinstance(value, Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value), torch.empty(0))
    return tuple(value.shape[1:])


def _own_macs(counter: FlopCounterMode, network: nn.Module, names: Iterable[str]) -> dict[str, int]:
    """Return the operations of each module, excluding the modules inside it."""
    counted = counter.get_flop_counts()
    top = type(network).__name__
    total = {name: sum(counted.get(f"{top}.{name}" if name else top, {}).values()) // 2 for name in names}
    exclusive = dict(total)
    for name in filter(None, total):
        parent = name.rpartition(".")[0]
        while parent not in total:  # a list of modules has no forward pass of its own
            parent = parent.rpartition(".")[0]
        exclusive[parent] -= total[name]
    return exclusive
