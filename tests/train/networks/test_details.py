"""What is particular to one net."""

import pytest
import torch

from genrelens.errors import RecipeError
from genrelens.train.networks.attention import Attention
from genrelens.train.networks.crnn import Crnn
from genrelens.train.networks.layers import Resize
from genrelens.train.networks.patch_transformer import PatchTransformer
from genrelens.train.networks.resnet18 import Resnet18
from genrelens.train.networks.vgg16 import Vgg16


def test_windows_of_the_right_size_are_not_stretched() -> None:
    windows = torch.randn(2, 1, 8, 9)
    assert Resize(8, 9)(windows) is windows
    assert Resize(4, 12)(windows).shape == (2, 1, 4, 12)
    torch.testing.assert_close(Resize(4, 12)(torch.full((1, 1, 8, 9), 3.0)), torch.full((1, 1, 4, 12), 3.0))


def test_attention_hears_the_moments_that_its_weights_choose() -> None:
    net = Attention(2, (1, 32, 64), channels=(4, 4)).eval()
    windows = torch.randn(1, 1, 32, 64)
    with torch.no_grad():
        net.weights.weight.zero_()  # every moment alike: the answer is the mean over time
        moments = net.moments(net.blocks(windows).mean(dim=2).transpose(1, 2))
        torch.testing.assert_close(net(windows), net.answers(moments).mean(dim=1))


def test_the_recurrent_net_minds_the_order_of_time() -> None:
    net = Crnn(2, (1, 128, 64), channels=(4, 4, 4, 4), units=4).eval()
    windows = torch.randn(1, 1, 128, 64)
    with torch.no_grad():
        there, back = net.recurrent(torch.randn(1, 8, 4))[0].split(4, dim=2)
        assert there.shape == back.shape == (1, 8, 4)
        assert not torch.allclose(net(windows), net(windows.flip(3)), atol=1e-6)


def test_the_transformer_has_a_position_for_each_patch() -> None:
    net = PatchTransformer(2, (2, 128, 57), width=24, layers=1)
    patches = ((2 * 128 - 16) // 10 + 1) * ((57 - 16) // 10 + 1)
    assert net.transformer.embeddings.position_embeddings.shape == (1, patches + 2, 24)  # 2: class and distillation


@pytest.mark.parametrize("kind", [Vgg16, Resnet18])
def test_one_plane_is_shown_as_three_colours_and_two_are_refused(kind: type[Vgg16] | type[Resnet18]) -> None:
    net = kind(2, (1, 128, 46), size=32).eval()
    plane = torch.randn(1, 1, 128, 46)
    with torch.no_grad():
        torch.testing.assert_close(net(plane), net(plane.repeat(1, 3, 1, 1)))
    with pytest.raises(RecipeError, match="sees one plane or three, not 2"):
        kind(2, (2, 128, 46))
