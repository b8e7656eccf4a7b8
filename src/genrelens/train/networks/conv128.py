"""The network of the reference system R3: mel and MFCC channels, 128 by 128."""

from collections.abc import Sequence

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import Resize, conv3x3

_SIZE = 128  # rows and frames that windows are resized to


class Conv128(nn.Module):
    """Batch-normalised convolutions with max pooling and dropout, flattened, and two linear layers.

    R3 gives the input size, batch normalisation and the range of the dropout rates, 0.3 to 0.5; it does not give
    the number of channels.

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window.
        channels: output channels of each convolution; each halves rows and frames.
        dense: outputs of the hidden linear layer.
        dropout: share of the channels dropped after the last convolution.
        dense_dropout: dropout rate before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (32, 64, 128, 128),
        dense: int = 256,
        dropout: float = 0.3,
        dense_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        inputs = (shape[0], *channels[:-1])
        size = _SIZE >> len(channels)
        self.layers = nn.Sequential(
            Resize(_SIZE, _SIZE),
            *(nn.Sequential(conv3x3(*sizes), nn.MaxPool2d(2)) for sizes in zip(inputs, channels, strict=True)),
            nn.Dropout2d(dropout),
            nn.Flatten(),
            nn.Linear(channels[-1] * size * size, dense, bias=False),
            nn.BatchNorm1d(dense),
            nn.ReLU(),
            nn.Dropout(dense_dropout),
            nn.Linear(dense, labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits
