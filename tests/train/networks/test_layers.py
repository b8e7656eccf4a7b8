"""Resizing, and class activation maps, computed without torch, against the Grad-CAM of captum."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from genrelens.explain.attribution import class_activation
from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput
from genrelens.train.networks.imagenet import Resnet18
from genrelens.train.networks.layers import CamNetwork, Resize
from genrelens.train.networks.lens import Lens
from tests.support.models import make_card

CARD = make_card(labels=("a", "b", "c"), input=AudioInput(window=1.5, hop=0.5, front_end=FrontEnd(hop=1024)))


def test_windows_are_resized_unless_they_have_the_right_size() -> None:
    windows = torch.randn(2, 1, 8, 9)
    assert Resize(8, 9)(windows) is windows
    assert Resize(4, 12)(windows).shape == (2, 1, 4, 12)
    torch.testing.assert_close(Resize(4, 12)(torch.full((1, 1, 8, 9), 3.0)), torch.full((1, 1, 4, 12), 3.0))


class TwoStage(nn.Module):
    """A network whose feature maps are the output of one layer, as captum requires."""

    class FeatureMaps(nn.Module):
        def __init__(self, network: CamNetwork) -> None:
            super().__init__()
            self.network = network

        def forward(self, windows: Tensor) -> Tensor:
            return self.network.feature_maps(windows)

    def __init__(self, network: CamNetwork) -> None:
        super().__init__()
        self.network = network
        self.feature_maps = self.FeatureMaps(network)

    def forward(self, windows: Tensor) -> Tensor:
        return self.network.classify(self.feature_maps(windows).mean(dim=(2, 3)))


def cam_networks() -> list[CamNetwork]:
    torch.manual_seed(0)
    networks = [
        Lens(labels=3, shape=CARD.input.shape, branches=2, width=8),
        Resnet18(labels=3, shape=CARD.input.shape, size=96),
    ]
    for network in networks:
        for _ in range(3):
            network(torch.randn(4, *CARD.input.shape))  # fills the batch statistics
    return [network.eval() for network in networks]


@pytest.mark.parametrize("network", cam_networks(), ids=["one row", "rows and columns"])
def test_class_activation_is_grad_cam_times_the_number_of_positions(network: CamNetwork) -> None:
    windows = torch.randn(2, *CARD.input.shape)
    with torch.no_grad():
        maps, weights = network.feature_maps(windows), network.linear_head()[0]
        torch.testing.assert_close(TwoStage(network)(windows), network(windows))
    attribution = class_activation(maps.numpy(), weights.detach().numpy())
    positions = maps.shape[2] * maps.shape[3]
    staged = TwoStage(network)
    for label in range(3):
        grad_cam = LayerGradCam(staged, staged.feature_maps).attribute(windows, target=label, relu_attributions=False)
        np.testing.assert_allclose(attribution[:, label], positions * grad_cam[:, 0].detach().numpy(), atol=1e-4)
        assert np.abs(attribution[:, label]).max() > 0.01
