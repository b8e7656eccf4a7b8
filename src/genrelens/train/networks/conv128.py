"""The net of the reference system R3: mel and MFCC, 128 by 128."""

from collections.abc import Sequence

from torch import Tensor, nn

from genrelens.train.networks.layers import Resize, conv3x3

_SIZE = 128  # rows and frames that windows are stretched to


class Conv128(nn.Module):
    """Normalised convolutions with pooling and dropout, flattened, and two dense layers.

    R3 gives the size of the input, batch normalisation and the range of the dropouts, 0.3 to 0.5; the
    channels are ours.

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window.
        channels: of each convolution; every one halves rows and frames.
        dense: outputs of the dense layer before the last.
        dropout: share of the channels that is dropped between the convolutions' end and the dense layers.
        dense_dropout: share that is dropped before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (32, 64, 128, 128),
        dense: int = 256,
        dropout: float = 0.3,
        dense_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        inputs = (shape[0], *channels[:-1])
        side = _SIZE >> len(channels)
        self.layers = nn.Sequential(
            Resize(_SIZE, _SIZE),
            *(nn.Sequential(conv3x3(*ends), nn.MaxPool2d(2)) for ends in zip(inputs, channels, strict=True)),
            nn.Dropout2d(dropout),
            nn.Flatten(),
            nn.Linear(channels[-1] * side * side, dense, bias=False),
            nn.BatchNorm1d(dense),
            nn.ReLU(),
            nn.Dropout(dense_dropout),
            nn.Linear(dense, labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits
