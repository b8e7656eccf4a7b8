import pytest
import torch
from torch import Tensor, nn

from genrelens.train.report.summary import Layer, summarise_network


class Small(nn.Module):
    """A convolution, attention over time with a learned token, a recurrent layer and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.bands = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.parts = nn.ModuleList([nn.Linear(4, 4)])
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.recurrent = nn.GRU(4, 3, batch_first=True)
        self.drop = nn.Dropout()
        self.head = nn.Linear(3, 2)

    def forward(self, windows: Tensor) -> Tensor:
        features = self.bands(windows).mean(dim=2).transpose(1, 2)
        features = self.parts[0](features) + self.token
        features = torch.softmax(features @ features.transpose(1, 2), dim=2) @ features
        states, _ = self.recurrent(features)
        logits: Tensor = self.head(self.drop(states[:, -1]))
        return logits


def test_layers_of_a_small_network() -> None:
    summary = summarise_network(Small(), (1, 8, 10))
    assert summary.layers == (
        Layer("bands.0", "Conv2d", (4, 8, 10), 36, 36 * 80),
        Layer("bands.1", "BatchNorm2d", (4, 8, 10), 8, 0),
        Layer("parts.0", "Linear", (10, 4), 20, 16 * 10),
        Layer("recurrent", "GRU", (10, 3), 3 * (4 + 3 + 2) * 3, 3 * (4 + 3) * 3 * 10),
        Layer("head", "Linear", (2,), 8, 6),
        Layer("", "Small", (2,), 4, 2 * 10 * 10 * 4),  # the token, and the products of attention
    )


def test_layers_add_up_to_the_network() -> None:
    network = Small()
    network.token.requires_grad = False
    summary = summarise_network(network, (1, 8, 10))
    assert sum(layer.parameters for layer in summary.layers) == summary.parameters
    assert sum(layer.macs for layer in summary.layers) == summary.macs
    assert summary.parameters - summary.trainable == 4


def test_network_is_not_modified() -> None:
    network = Small().train()
    before = network(torch.zeros(1, 1, 8, 10)).shape
    summarise_network(network, (1, 8, 10))
    assert network.training
    assert next(network.parameters()).device.type == "cpu"
    assert network(torch.zeros(1, 1, 8, 10)).shape == before


@pytest.mark.parametrize("frames", [10, 20])
def test_macs_grow_with_the_window(frames: int) -> None:
    convolution = nn.Sequential(nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert summarise_network(convolution, (1, 8, frames)).macs == 8 * frames
