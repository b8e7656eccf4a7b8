"""A convolutional recurrent network, which three of the reference systems name as future work."""

from collections.abc import Sequence

from torch import Tensor, nn

from genrelens.model.input_spec import Shape

# Factors by which rows and frames shrink after each convolution.
_POOLS = ((2, 2), (4, 2), (4, 2), (4, 1))


class Crnn(nn.Module):
    """Four convolutions that reduce the bands to channels, then bidirectional gated recurrent units over time.

    After Choi et al. (ICASSP 2017), whose recurrent units are unidirectional: batch-normalised convolutions with
    exponential linear units, pooled over frequency until one band remains. Time is pooled less here, to an
    eighth, because windows are shorter.

    Args:
        labels: number of output labels.
        shape: channels, rows (at least 128) and frames (at least 8) of a window.
        channels: output channels of each convolution.
        units: recurrent units per direction.
        layers: number of recurrent layers.
        dropout: share of the channels dropped after each convolution.
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
        inputs = (shape[0], *channels[:-1])
        self.layers = nn.Sequential(*(_layer(*sizes, dropout) for sizes in zip(inputs, channels, _POOLS, strict=True)))
        self.recurrent = nn.GRU(channels[-1], units, layers, batch_first=True, bidirectional=True, dropout=last_dropout)
        self.head = nn.Sequential(nn.Dropout(last_dropout), nn.Linear(2 * units, labels))

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels), computed from the mean of the recurrent outputs over time."""
        in_time = self.layers(windows).mean(dim=2).transpose(1, 2)  # (windows, time, channels)
        outputs, _ = self.recurrent(in_time)  # (windows, time, 2 * units)
        logits: Tensor = self.head(outputs.mean(dim=1))
        return logits


def _layer(inputs: int, outputs: int, pool: tuple[int, int], dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ELU(),
        nn.MaxPool2d(pool),
        nn.Dropout2d(dropout),
    )
