import pytest
import torch

from genrelens.errors import RecipeError
from genrelens.train.networks.layers import Resize
from genrelens.train.networks.resnet18 import Resnet18
from genrelens.train.networks.vgg16 import Vgg16


def test_windows_are_resized_unless_they_have_the_right_size() -> None:
    windows = torch.randn(2, 1, 8, 9)
    assert Resize(8, 9)(windows) is windows
    assert Resize(4, 12)(windows).shape == (2, 1, 4, 12)
    torch.testing.assert_close(Resize(4, 12)(torch.full((1, 1, 8, 9), 3.0)), torch.full((1, 1, 4, 12), 3.0))


@pytest.mark.parametrize("kind", [Vgg16, Resnet18])
def test_one_channel_is_repeated_as_three_colours_and_two_are_refused(kind: type[Vgg16] | type[Resnet18]) -> None:
    network = kind(2, (1, 128, 46), size=32).eval()
    channel = torch.randn(1, 1, 128, 46)
    with torch.no_grad():
        torch.testing.assert_close(network(channel), network(channel.repeat(1, 3, 1, 1)))
    with pytest.raises(RecipeError, match="takes one channel or three, not 2"):
        kind(2, (2, 128, 46))
