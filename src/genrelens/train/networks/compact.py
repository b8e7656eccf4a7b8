"""The smallest net: what the reference system R2 could serve in 512 MB."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from genrelens.train.networks.layers import Resize, conv_pool

_SIZE = 128  # rows and frames that windows are stretched to


class Compact(nn.Module):
    """Convolutions with pooling, flattened, and two dense layers; nothing is normalised.

    R2 states about 11.4 thousand parameters for ten labels and one plane; these are 11,218.

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window.
        channels: of each convolution.
        pools: by how much rows and frames shrink after each.
        dense: outputs of the dense layer before the last.
        dropout: share that is dropped before each dense layer.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (16, 16, 16),
        pools: Sequence[int] = (4, 4, 2),
        dense: int = 24,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        side = _SIZE // prod(pools)
        inputs = (shape[0], *channels[:-1])
        self.layers = nn.Sequential(
            Resize(_SIZE, _SIZE),
            *(conv_pool(*sizes) for sizes in zip(inputs, channels, pools, strict=True)),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(channels[-1] * side * side, dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits
