"""The own net of the reference system R4: three planes of features, 128 by 128."""

from collections.abc import Sequence

from torch import Tensor, nn

from genrelens.train.networks.layers import Resize, conv_pool

_SIZE = 128  # rows and frames that windows are stretched to


class Cnn3(nn.Module):
    """Three convolutions with pooling, a mean over what is left, and two dense layers, as R4 describes it.

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window.
        channels: of each convolution.
        dense: outputs of the dense layer before the last.
        dropout: share that is dropped before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (32, 64, 128),
        dense: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        inputs = (shape[0], *channels[:-1])
        self.layers = nn.Sequential(
            Resize(_SIZE, _SIZE),
            *(conv_pool(*ends) for ends in zip(inputs, channels, strict=True)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels[-1], dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits
