"""How many parameters each net has: as the reference systems and papers state, or as it had when it was measured."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from genrelens.train.export.export import count_parameters
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


@pytest.fixture(scope="module", autouse=True)
def _no_numbers() -> Iterator[None]:
    """Nothing is computed with the nets, so they need no weights."""
    with torch.device("meta"):
        yield


@pytest.mark.parametrize("frames", [46, 173])
def test_r2_states_both_of_its_sizes(frames: int) -> None:
    assert count_parameters(Compact(10, (1, 128, frames))) == pytest.approx(11_400, rel=0.05)
    assert count_parameters(Wide(10, (1, 128, frames))) == pytest.approx(14_000_000, rel=0.05)


def test_r0_states_its_layers() -> None:
    convolutions, inputs = 0, 1
    for outputs in (32, 64, 128, 256, 256):
        convolutions += 9 * inputs * outputs + outputs + 9 * outputs * outputs + outputs + 2 * outputs
        inputs = outputs
    dense = 256 * 512 + 512 + 512 * 128 + 128 + 128 * 10 + 10
    assert count_parameters(Vgg(10, (1, 128, 431))) == convolutions + dense


def test_r4_states_its_layers() -> None:
    convolutions = 9 * 3 * 32 + 32 + 9 * 32 * 64 + 64 + 9 * 64 * 128 + 128
    assert count_parameters(Cnn3(10, (3, 128, 128))) == convolutions + 128 * 256 + 256 + 256 * 10 + 10


def test_the_pretrained_nets_have_their_published_sizes_without_the_head() -> None:
    """138,357,544 and 11,689,512 with ImageNet's dense layers, by torchvision's documentation."""
    vgg, resnet = Vgg16(10, (1, 128, 128)), Resnet18(10, (1, 128, 128))
    dense = 25_088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    assert count_parameters(vgg.features) == 138_357_544 - dense
    assert count_parameters(resnet) - count_parameters(resnet.fc) == 11_689_512 - (512 * 1000 + 1000)


def test_efficientnet_is_b0() -> None:
    """5,288,548 with ImageNet's dense layer, by torchvision's documentation."""
    net = Efficientnet(10, (3, 224, 224))
    assert count_parameters(net) - count_parameters(net.head) == 5_288_548 - (1280 * 1000 + 1000)


@pytest.mark.parametrize(
    ("net", "size"),
    [
        (lambda: Attention(10, (1, 128, 431)), 312_804),
        (lambda: Conv128(10, (2, 128, 128)), 2_341_130),
        (lambda: Crnn(10, (1, 128, 431)), 390_890),
        (lambda: Mn(527, (1, 128, 1000)), 983_599),
        (lambda: PatchTransformer(10, (1, 128, 112)), 2_744_650),
        (lambda: Vgg(10, (3, 224, 224), channels=(16, 32, 64, 128, 256), dense=(256, 128)), 1_279_738),
    ],
)
def test_others_keep_the_size_that_they_were_measured_with(net: type[nn.Module], size: int) -> None:
    assert count_parameters(net()) == size
