"""Class activation, which needs no torch, is the Grad-CAM of those who have it."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from genrelens.explain.attribution import class_activation
from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput
from genrelens.train.networks.cam import CamNetwork
from genrelens.train.networks.lens import Lens
from genrelens.train.networks.resnet18 import Resnet18
from tests.support.models import make_card

CARD = make_card(labels=("a", "b", "c"), input=AudioInput(window=1.5, hop=0.5, front_end=FrontEnd(hop=1024)))


class Split(nn.Module):
    """A net whose last maps are those of a layer, which captum can look at."""

    class Trunk(nn.Module):
        def __init__(self, net: CamNetwork) -> None:
            super().__init__()
            self.net = net

        def forward(self, windows: Tensor) -> Tensor:
            return self.net.feature_maps(windows)

    def __init__(self, net: CamNetwork) -> None:
        super().__init__()
        self.net = net
        self.trunk = self.Trunk(net)

    def forward(self, windows: Tensor) -> Tensor:
        return self.net.classify(self.trunk(windows).mean(dim=(2, 3)))


def nets() -> list[CamNetwork]:
    torch.manual_seed(0)
    made = [
        Lens(labels=3, shape=CARD.input.shape, branches=2, width=8),
        Resnet18(labels=3, shape=CARD.input.shape, size=96),
    ]
    for net in made:
        for _ in range(3):
            net(torch.randn(4, *CARD.input.shape))  # gives batch normalisation something to remember
    return [net.eval() for net in made]


@pytest.mark.parametrize("net", nets(), ids=["one row", "rows and columns"])
def test_class_activation_is_grad_cam_but_for_a_factor(net: CamNetwork) -> None:
    windows = torch.randn(2, *CARD.input.shape)
    with torch.no_grad():
        maps, weights = net.feature_maps(windows), net.linear_head()[0]
        torch.testing.assert_close(Split(net)(windows), net(windows))
    evidence = class_activation(maps.numpy(), weights.detach().numpy())
    places = maps.shape[2] * maps.shape[3]
    whole = Split(net)
    for label in range(3):
        grad_cam = LayerGradCam(whole, whole.trunk).attribute(windows, target=label, relu_attributions=False)
        np.testing.assert_allclose(evidence[:, label], places * grad_cam[:, 0].detach().numpy(), atol=1e-4)
        assert np.abs(evidence[:, label]).max() > 0.01
