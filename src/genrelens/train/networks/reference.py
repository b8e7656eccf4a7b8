"""The convolutional networks of the reference systems R0 to R4, each trained from scratch."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import Resize, conv3x3, linear_layers

_SIZE = 128  # rows and frames that R2 to R4 resize windows to


class Vgg(nn.Module):
    """The small VGG of R0 (windows) and R1 (pictures): blocks, global average pooling and three linear layers.

    The blocks are taken from R0: two convolutions with one batch normalisation after both; the idea is Simonyan and
    Zisserman's (arXiv 1409.1556). Windows have at least 2 ** (number of blocks) rows and frames.

    Args:
        channels: output channels of each block.
        dense: outputs of the two hidden linear layers.
        dropout: dropout rate before the second and third linear layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (32, 64, 128, 256, 256),
        dense: tuple[int, int] = (512, 128),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_vgg_block(*sizes) for sizes in pairwise((shape[0], *channels))))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            *linear_layers(channels[-1], *dense, labels, dropout=dropout),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.head(self.blocks(windows))
        return logits


class _Stack(nn.Module):
    """Layers that are applied one after the other."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.layers(windows)
        return logits


class Compact(_Stack):
    """The model that R2 could serve in 512 MB: convolutions with max pooling and two linear layers, not normalised.

    R2 states about 11.4 thousand parameters for ten labels and one channel; this network has 11,218.

    Args:
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
        sizes = pairwise((shape[0], *channels))
        super().__init__(
            Resize(_SIZE, _SIZE),
            *(_conv_pool(*size, pool) for size, pool in zip(sizes, pools, strict=True)),
            nn.Flatten(),
            nn.Dropout(dropout),
            *linear_layers(channels[-1] * (_SIZE // prod(pools)) ** 2, dense, labels, dropout=dropout),
        )


class Wide(Compact):
    """The model that R2 could not serve in 512 MB: `Compact` with more and wider layers.

    R2 states about 14 million parameters for ten labels and one channel; this network has 14.03 million, most of
    them in the first linear layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        channels: Sequence[int] = (32, 64, 128, 256),
        pools: Sequence[int] = (2, 2, 2, 2),
        dense: int = 832,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(labels, shape, channels, pools, dense, dropout)


class Conv128(_Stack):
    """The network of R3 for mel and MFCC channels: normalised convolutions with max pooling, and two linear layers.

    R3 gives the input size, batch normalisation and the range of the dropout rates, 0.3 to 0.5; it does not give
    the number of channels.

    Args:
        channels: output channels of each convolution; each halves rows and frames.
        dense: outputs of the hidden linear layer.
        dropout: dropout rate for whole channels after the last convolution.
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
        super().__init__(
            Resize(_SIZE, _SIZE),
            *(nn.Sequential(conv3x3(*sizes), nn.MaxPool2d(2)) for sizes in pairwise((shape[0], *channels))),
            nn.Dropout2d(dropout),
            nn.Flatten(),
            nn.Linear(channels[-1] * (_SIZE >> len(channels)) ** 2, dense, bias=False),
            nn.BatchNorm1d(dense),
            nn.ReLU(),
            nn.Dropout(dense_dropout),
            nn.Linear(dense, labels),
        )


class Cnn3(_Stack):
    """The custom network of R4: three convolutions with max pooling, global average pooling and two linear layers.

    Args:
        channels: output channels of each convolution.
        dense: outputs of the hidden linear layer.
        dropout: dropout rate before the last layer.
    """

    def __init__(
        self, labels: int, shape: Shape, channels: Sequence[int] = (32, 64, 128), dense: int = 256, dropout: float = 0.5
    ) -> None:
        super().__init__(
            Resize(_SIZE, _SIZE),
            *(_conv_pool(*sizes) for sizes in pairwise((shape[0], *channels))),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            *linear_layers(channels[-1], dense, labels, dropout=dropout),
        )


def _vgg_block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
    )


def _conv_pool(inputs: int, outputs: int, pool: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(pool))
