"""A net layer by layer: what comes out of each, what it learns and what it costs."""

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
    """One layer, without those inside it.

    Attributes:
        name: as in the net's state dict; "" is the net itself.
        kind: its class.
        shape: of what comes out of it for one window.
        parameters: that are its own.
        macs: multiplications with additions that it does itself, for one window.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


@dataclass(frozen=True)
class NetworkSummary:
    """All layers that learn, compute or change the shape, and what the whole net learns and costs.

    Attributes:
        layers: in the order in which a window passes them.
        parameters: numbers that are learnt, or that were learnt elsewhere and stay.
        trainable: those that are learnt.
        macs: for one window.
    """

    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    macs: int


def summarise_network(net: nn.Module, shape: Shape) -> NetworkSummary:
    """Send one window through a net and look at each layer.

    Multiplications are counted where they are done, in convolutions and products of matrices, by torch's own
    counter. Those of attention and of recurrent layers are among them; those of normalisation are not. Nothing
    is computed: the net is copied to torch's device "meta", on which tensors have shapes alone.

    Args:
        net: (windows, planes, rows, frames) -> logits.
        shape: of a window.
    """
    bare = copy.deepcopy(net).eval().to("meta")
    passed: dict[str, _Passage] = {}
    for name, module in bare.named_modules():
        module.register_forward_hook(_watch(name, passed))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        bare(torch.zeros(1, *shape, device="meta"))
    macs = _own_macs(counter, bare, passed)
    layers = (
        Layer(name, passage.kind, passage.after, passage.parameters, macs[name])
        for name, passage in passed.items()
        if passage.parameters or macs[name] or passage.reshapes
    )
    return NetworkSummary(
        layers=tuple(layers),
        parameters=sum(p.numel() for p in net.parameters()),
        trainable=sum(p.numel() for p in net.parameters() if p.requires_grad),
        macs=counter.get_total_flops() // 2,
    )


@dataclass(frozen=True)
class _Passage:
    """What was seen as a window passed a module."""

    kind: str
    after: tuple[int, ...]
    parameters: int
    reshapes: bool


def _watch(name: str, passed: dict[str, _Passage]) -> Callable[[nn.Module, Any, Any], None]:
    def watch(module: nn.Module, inputs: Any, output: Any) -> None:
        after = _shape(output)
        passed[name] = _Passage(
            kind=type(module).__name__,
            after=after,
            parameters=sum(p.numel() for p in module.parameters(recurse=False)),
            reshapes=not list(module.children()) and _shape(inputs) != after,
        )

    return watch


def _shape(value: Any) -> tuple[int, ...]:
    """Of the first tensor in it, for one window."""
    while not isinstance(value, Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value), torch.empty(0))
    return tuple(value.shape[1:])


def _own_macs(counter: FlopCounterMode, net: nn.Module, names: Iterable[str]) -> dict[str, int]:
    """What each module does itself: what is counted in it, without what is counted in those inside it."""
    counted = counter.get_flop_counts()
    top = type(net).__name__
    whole = {name: sum(counted.get(f"{top}.{name}" if name else top, {}).values()) // 2 for name in names}
    own = dict(whole)
    for name in filter(None, whole):
        parent = name.rpartition(".")[0]
        while parent not in whole:  # a list of modules is not passed itself
            parent = parent.rpartition(".")[0]
        own[parent] -= whole[name]
    return own
