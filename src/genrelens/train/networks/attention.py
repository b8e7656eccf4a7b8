"""A convolutional network with attention pooling: it learns which moments of a window decide the genre."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import conv3x3


class Attention(nn.Module):
    """Blocks of two convolutions, then for each label a mean over time with learned attention weights.

    The blocks are those of CNN10 in PANNs, a quarter as wide, and the weighted mean is its attention block (Kong et
    al., TASLP 2020), without the sigmoid: tracks have one label.

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window; rows and frames are at least 2 ** (number of blocks).
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
        inputs, width = (shape[0], *channels[:-1]), channels[-1]
        pools = (2,) * (len(channels) - 1) + (1,)
        self.blocks = nn.Sequential(*(_block(*sizes, dropout) for sizes in zip(inputs, channels, pools, strict=True)))
        self.moments = nn.Sequential(
            nn.Dropout(last_dropout), nn.Linear(width, width), nn.ReLU(), nn.Dropout(last_dropout)
        )
        self.weights = nn.Linear(width, labels)
        self.answers = nn.Linear(width, labels)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        in_time = self.blocks(windows).mean(dim=2).transpose(1, 2)  # (windows, time, channels)
        moments = self.moments(in_time)
        weights = torch.tanh(self.weights(moments)).softmax(dim=1)
        logits: Tensor = (weights * self.answers(moments)).sum(dim=1)
        return logits


def _block(inputs: int, outputs: int, pool: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(conv3x3(inputs, outputs), conv3x3(outputs, outputs), nn.AvgPool2d(pool), nn.Dropout(dropout))
