"""The custom network of the reference system R4: three feature channels, 128 by 128."""

from collections.abc import Sequence

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import Resize, conv_pool

_SIZE = 128  # rows and frames that windows are resized to


class Cnn3(nn.Module):
    """Three convolutions with max pooling, global average pooling and two linear layers, as R4 describes it.

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window.
        channels: output channels of each convolution.
        dense: outputs of the hidden linear layer.
        dropout: dropout rate before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (32, 64, 128),
        dense: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        inputs = (shape[0], *channels[:-1])
        self.layers = nn.Sequential(
            Resize(_SIZE, _SIZE),
            *(conv_pool(*sizes) for sizes in zip(inputs, channels, strict=True)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels[-1], dense),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense, labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits
