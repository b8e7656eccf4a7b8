"""Properties that every network has, and the published number of parameters of each."""

from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from genrelens.train.export import _graph, count_parameters
from genrelens.train.networks.huggingface import Efficientnet, PatchTransformer
from genrelens.train.networks.imagenet import Resnet18, Vgg16
from genrelens.train.networks.mn import Mn
from genrelens.train.networks.reference import Cnn3, Compact, Conv128, Vgg, Wide
from genrelens.train.networks.temporal import Attention, Crnn

Build = Callable[..., nn.Module]


# The large networks are shrunk where possible, for speed: the tested properties do not depend on width.
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
def _fixed_seed() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(params=sorted(BUILDS))
def build(request: pytest.FixtureRequest) -> Build:
    return BUILDS[request.param]


@pytest.mark.parametrize("frames", [40, 430])
def test_windows_of_any_length_are_accepted_one_at_a_time(build: Build, frames: int) -> None:
    network = build(7, (1, 128, frames)).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 1, 128, frames)).shape == (1, 7)


def test_windows_of_a_batch_do_not_influence_each_other(build: Build) -> None:
    network = build(3, (3, 128, 46)).eval()
    windows = torch.randn(4, 3, 128, 46)
    with torch.no_grad():
        together, alone = network(windows), torch.cat([network(window[None]) for window in windows])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-5)


def test_every_parameter_receives_a_gradient(build: Build) -> None:
    network = build(2, (1, 128, 46)).train()
    windows, truth = torch.randn(8, 1, 128, 46), torch.arange(8) % 2
    nn.functional.cross_entropy(network(windows), truth).backward()  # type: ignore[no-untyped-call]
    without_gradient = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert without_gradient == []


def test_the_exported_graph_matches_the_network_for_any_number_of_windows(build: Build) -> None:
    network = build(3, (1, 128, 112))
    windows = torch.randn(5, 1, 128, 112)
    _set_batch_statistics(network, torch.randn(16, 1, 128, 112))
    graph = _graph(network, windows[:2])
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        with torch.no_grad():
            expected = network(windows[:count]).numpy()
        actual, *_ = session.run(None, {session.get_inputs()[0].name: windows[:count].numpy()})
        np.testing.assert_allclose(actual, expected, atol=1e-4)
    assert expected.std(axis=0).max() > 1e-6  # the output depends on the window


def _set_batch_statistics(network: nn.Module, windows: Tensor) -> None:
    """Set the batch statistics to those of these windows, as training does, and switch to evaluation mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None
    network.train()
    with torch.no_grad():
        network(windows)
    network.eval()


@pytest.fixture
def meta() -> Iterator[None]:
    """Allocate no weights: nothing is computed with these networks."""
    with torch.device("meta"):
        yield


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize("frames", [46, 173])
def test_compact_and_wide_have_the_sizes_that_r2_states(frames: int) -> None:
    assert count_parameters(Compact(10, (1, 128, frames))) == pytest.approx(11_400, rel=0.05)
    assert count_parameters(Wide(10, (1, 128, frames))) == pytest.approx(14_000_000, rel=0.05)


@pytest.mark.usefixtures("meta")
def test_vgg_has_the_layers_that_r0_states() -> None:
    convolutions, inputs = 0, 1
    for outputs in (32, 64, 128, 256, 256):
        convolutions += 9 * inputs * outputs + outputs + 9 * outputs * outputs + outputs + 2 * outputs
        inputs = outputs
    dense = 256 * 512 + 512 + 512 * 128 + 128 + 128 * 10 + 10
    assert count_parameters(Vgg(10, (1, 128, 431))) == convolutions + dense


@pytest.mark.usefixtures("meta")
def test_cnn3_has_the_layers_that_r4_states() -> None:
    convolutions = 9 * 3 * 32 + 32 + 9 * 32 * 64 + 64 + 9 * 64 * 128 + 128
    assert count_parameters(Cnn3(10, (3, 128, 128))) == convolutions + 128 * 256 + 256 + 256 * 10 + 10


@pytest.mark.usefixtures("meta")
def test_pretrained_networks_have_their_published_sizes_without_the_head() -> None:
    """138,357,544 and 11,689,512 with ImageNet's linear layers, according to torchvision's documentation."""
    vgg, resnet = Vgg16(10, (1, 128, 128)), Resnet18(10, (1, 128, 128))
    dense = 25_088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    assert count_parameters(vgg.features) == 138_357_544 - dense
    assert count_parameters(resnet) - count_parameters(resnet.fc) == 11_689_512 - (512 * 1000 + 1000)


@pytest.mark.usefixtures("meta")
def test_efficientnet_has_the_published_size_of_b0() -> None:
    """5,288,548 with ImageNet's linear layer, according to torchvision's documentation."""
    network = Efficientnet(10, (3, 224, 224))
    assert count_parameters(network) - count_parameters(network.head) == 5_288_548 - (1280 * 1000 + 1000)


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda: Attention(10, (1, 128, 431)), 312_804),
        (lambda: Conv128(10, (2, 128, 128)), 2_341_130),
        (lambda: Crnn(10, (1, 128, 431)), 390_890),
        (lambda: Mn(527, (1, 128, 1000)), 983_599),
        (lambda: PatchTransformer(10, (1, 128, 112)), 2_744_650),
        (lambda: Vgg(10, (3, 224, 224), channels=(16, 32, 64, 128, 256), dense=(256, 128)), 1_279_738),
    ],
)
def test_other_networks_keep_the_size_that_was_benchmarked(make: Callable[[], nn.Module], size: int) -> None:
    assert count_parameters(make()) == size
