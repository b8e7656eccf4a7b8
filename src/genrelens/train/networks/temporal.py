"""Convolutional networks that reduce frequency to channels, then pool over time by attention or recurrence."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import conv3x3

# Factors by which rows and frames shrink after each convolution of `Crnn`.
_CRNN_POOLS = ((2, 2), (4, 2), (4, 2), (4, 1))


class Attention(nn.Module):
    """Blocks of two convolutions, then for each label a mean over time with learned attention weights.

    The blocks are taken from CNN10 in PANNs, a quarter as wide, and the weighted mean is its attention block (Kong
    et al., TASLP 2020), without the sigmoid: tracks have one label. Windows have at least 2 ** (number of
    blocks) rows and frames.

    Args:
        channels: output channels of each block; all but the last block halve rows and frames.
        dropout: dropout rate after each block.
        last_dropout: dropout rate before and after the linear layer that is applied at each time step.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (16, 32, 64, 128),
        dropout: float = 0.2,
        last_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        width = channels[-1]
        sizes, pools = pairwise((shape[0], *channels)), (2,) * (len(channels) - 1) + (1,)
        self.blocks = nn.Sequential(
            *(_attention_block(*size, pool, dropout) for size, pool in zip(sizes, pools, strict=True))
        )
        self.moments = nn.Sequential(
            nn.Dropout(last_dropout), nn.Linear(width, width), nn.ReLU(), nn.Dropout(last_dropout)
        )
        self.weights = nn.Linear(width, labels)
        self.answers = nn.Linear(width, labels)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        sequence = self.blocks(windows).mean(dim=2).transpose(1, 2)  # (windows, time, channels)
        time_steps = self.moments(sequence)
        weights = torch.tanh(self.weights(time_steps)).softmax(dim=1)
        logits: Tensor = (weights * self.answers(time_steps)).sum(dim=1)
        return logits


class Crnn(nn.Module):
    """Four convolutions that reduce the bands to channels, then bidirectional gated recurrent units over time.

    Three of the reference systems name such a network as future work. Based on Choi et al. (ICASSP 2017), whose
    recurrent units are unidirectional: batch-normalised convolutions with exponential linear units, pooled over
    frequency until one band remains. Time is pooled less here, to an eighth, because windows are shorter. Windows
    have at least 128 rows and 8 frames.

    Args:
        channels: output channels of each convolution.
        units: recurrent units per direction.
        layers: number of recurrent layers.
        dropout: dropout rate for whole channels after each convolution.
        last_dropout: dropout rate between recurrent layers and before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (32, 64, 128, 128),
        units: int = 64,
        layers: int = 2,
        dropout: float = 0.1,
        last_dropout: float = 0.3,
    ) -> None:
        super().__init__()
        sizes = pairwise((shape[0], *channels))
        self.layers = nn.Sequential(
            *(_crnn_layer(*size, pool, dropout) for size, pool in zip(sizes, _CRNN_POOLS, strict=True))
        )
        self.recurrent = nn.GRU(channels[-1], units, layers, batch_first=True, bidirectional=True, dropout=last_dropout)
        self.head = nn.Sequential(nn.Dropout(last_dropout), nn.Linear(2 * units, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels), computed from the mean of the recurrent outputs over time."""
        sequence = self.layers(windows).mean(dim=2).transpose(1, 2)  # (windows, time, channels)
        outputs, _ = self.recurrent(sequence)  # (windows, time, 2 * units)
        logits: Tensor = self.head(outputs.mean(dim=1))
        return logits


def _attention_block(inputs: int, outputs: int, pool: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(conv3x3(inputs, outputs), conv3x3(outputs, outputs), nn.AvgPool2d(pool), nn.Dropout(dropout))


def _crnn_layer(inputs: int, outputs: int, pool: tuple[int, int], dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ELU(),
        nn.MaxPool2d(pool),
        nn.Dropout2d(dropout),
    )
