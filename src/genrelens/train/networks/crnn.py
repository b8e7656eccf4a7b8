"""Convolutions, then a recurrent net over time: what three of the reference systems wished for."""

from collections.abc import Sequence

from torch import Tensor, nn

# By how much rows and frames shrink after each convolution.
_POOLS = ((2, 2), (4, 2), (4, 2), (4, 1))


class Crnn(nn.Module):
    """Four convolutions that leave channels along time, and gated recurrent units that read them both ways.

    After Choi et al. (ICASSP 2017), whose units read one way: normalised convolutions with exponential linear
    units, pooled until no bands are left. The time is pooled less here, to an eighth: windows are shorter.

    Args:
        labels: how many classes there are.
        shape: planes, rows (128 or more) and frames (8 or more) of a window.
        channels: of each convolution.
        units: of each direction.
        layers: of recurrent units.
        dropout: share of the channels that is dropped after each convolution.
        last_dropout: share that is dropped between recurrent layers and before the last layer.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (32, 64, 128, 128),
        units: int = 64,
        layers: int = 2,
        dropout: float = 0.1,
        last_dropout: float = 0.3,
    ) -> None:
        super().__init__()
        inputs = (shape[0], *channels[:-1])
        self.layers = nn.Sequential(*(_layer(*sizes, dropout) for sizes in zip(inputs, channels, _POOLS, strict=True)))
        self.recurrent = nn.GRU(channels[-1], units, layers, batch_first=True, bidirectional=True, dropout=last_dropout)
        self.head = nn.Sequential(nn.Dropout(last_dropout), nn.Linear(2 * units, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (windows, labels): from the mean over time of what both directions have read."""
        in_time = self.layers(windows).mean(dim=2).transpose(1, 2)  # (windows, time, channels)
        read, _ = self.recurrent(in_time)
        logits: Tensor = self.head(read.mean(dim=1))
        return logits


def _layer(inputs: int, outputs: int, pool: tuple[int, int], dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ELU(),
        nn.MaxPool2d(pool),
        nn.Dropout2d(dropout),
    )
