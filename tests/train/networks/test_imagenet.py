import pytest
import torch

from genrelens.errors import RecipeError
from genrelens.train.networks.imagenet import Resnet18, Vgg16


@pytest.mark.parametrize("kind", [Vgg16, Resnet18])
def test_one_channel_is_repeated_as_three_colours_and_two_are_refused(kind: type[Vgg16] | type[Resnet18]) -> None:
    network = kind(2, (1, 128, 46), size=32).eval()
    channel = torch.randn(1, 1, 128, 46)
    with torch.no_grad():
        torch.testing.assert_close(network(channel), network(channel.repeat(1, 3, 1, 1)))
    with pytest.raises(RecipeError, match="takes one channel or three, not 2"):
        kind(2, (2, 128, 46))
