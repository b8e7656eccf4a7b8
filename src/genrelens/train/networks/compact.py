"""The smallest network: the model that the reference system R2 could serve in 512 MB."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import Resize, conv_pool

_SIZE = 128  # rows and frames that windows are resized to


class Compact(nn.Module):
    """Convolutions with max pooling, flattened, and two linear layers, without normalisation.

    R2 states about 11.4 thousand parameters for ten labels and one channel; this network has 11,218.

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window.
        channels: output channels of each convolution.
        pools: factor by which rows and frames shrink after each convolution.
        dense: outputs of the hidden linear layer.
        dropout: dropout rate before each linear layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (16, 16, 16),
        pools: Sequence[int] = (4, 4, 2),
        dense: int = 24,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        size = _SIZE // prod(pools)
        inputs = (shape[0], *channels[:-1])
        self.layers = nn.Sequential(
            Resize(_SIZE, _SIZE),
            *(conv_pool(*sizes) for sizes in zip(inputs, channels, pools, strict=True)),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(channels[-1] * size * size, dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits
