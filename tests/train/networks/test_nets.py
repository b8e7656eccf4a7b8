"""What holds for every net, whatever it is made of."""

from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from genrelens.train.export.export import _graph
from genrelens.train.networks.attention import Attention
from genrelens.train.networks.cnn3 import Cnn3
from genrelens.train.networks.compact import Compact
from genrelens.train.networks.conv128 import Conv128
from genrelens.train.networks.crnn import Crnn
from genrelens.train.networks.efficientnet import Efficientnet
from genrelens.train.networks.mn import Mn
from genrelens.train.networks.patch_transformer import PatchTransformer
from genrelens.train.networks.resnet18 import Resnet18
from genrelens.train.networks.vgg import Vgg
from genrelens.train.networks.vgg16 import Vgg16
from genrelens.train.networks.wide import Wide

Build = Callable[..., nn.Module]


# The large ones made small where they can be: time is short, and what is tested does not depend on width.
BUILDS: dict[str, Build] = {
    "attention": lambda labels, shape: Attention(labels, shape, channels=(4, 8, 8)),
    "cnn3": Cnn3,
    "compact": Compact,
    "conv128": lambda labels, shape: Conv128(labels, shape, channels=(4, 8, 8), dense=16),
    "crnn": lambda labels, shape: Crnn(labels, shape, channels=(4, 8, 8, 8), units=8),
    "efficientnet": Efficientnet,
    "mn": Mn,
    "patch-transformer": lambda labels, shape: PatchTransformer(labels, shape, width=24, layers=1),
    "resnet18": lambda labels, shape: Resnet18(labels, shape, size=64),
    "vgg": lambda labels, shape: Vgg(labels, shape, channels=(4, 4, 8, 8, 8)),
    "vgg16": lambda labels, shape: Vgg16(labels, shape, size=32),
    "wide": lambda labels, shape: Wide(labels, shape, dense=16),
}


@pytest.fixture(autouse=True)
def _same_draws() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(params=sorted(BUILDS))
def build(request: pytest.FixtureRequest) -> Build:
    return BUILDS[request.param]


@pytest.mark.parametrize("frames", [40, 430])
def test_any_length_of_window_and_a_single_one(build: Build, frames: int) -> None:
    net = build(7, (1, 128, frames)).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 1, 128, frames)).shape == (1, 7)


def test_each_window_is_answered_by_itself(build: Build) -> None:
    net = build(3, (3, 128, 46)).eval()
    windows = torch.randn(4, 3, 128, 46)
    with torch.no_grad():
        together, alone = net(windows), torch.cat([net(window[None]) for window in windows])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-5)


def test_all_of_it_learns(build: Build) -> None:
    net = build(2, (1, 128, 46)).train()
    windows, truth = torch.randn(8, 1, 128, 46), torch.arange(8) % 2
    nn.functional.cross_entropy(net(windows), truth).backward()  # type: ignore[no-untyped-call]
    still = [name for name, parameter in net.named_parameters() if parameter.grad is None]
    assert still == []


def test_the_exported_graph_answers_any_number_of_windows_as_the_net_does(build: Build) -> None:
    net = build(3, (1, 128, 112))
    windows = torch.randn(5, 1, 128, 112)
    _remember(net, torch.randn(16, 1, 128, 112))
    graph = _graph(net, windows[:2])
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        with torch.no_grad():
            expected = net(windows[:count]).numpy()
        actual, *_ = session.run(None, {session.get_inputs()[0].name: windows[:count].numpy()})
        np.testing.assert_allclose(actual, expected, atol=1e-4)
    assert expected.std(axis=0).max() > 1e-6  # the windows are told apart at all


def _remember(net: nn.Module, windows: Tensor) -> None:
    """Give batch normalisation the means and deviations of these windows, as training does; end in eval."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.momentum = None
    net.train()
    with torch.no_grad():
        net(windows)
    net.eval()
