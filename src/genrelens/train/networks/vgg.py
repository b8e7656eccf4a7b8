"""A small VGG: the network of the reference systems R0 (windows) and R1 (pictures)."""

from collections.abc import Sequence

from torch import Tensor, nn

from genrelens.model.input_spec import Shape


class Vgg(nn.Module):
    """Blocks of two convolutions, global average pooling and three linear layers.

    The blocks are those of R0, with one batch normalisation per block, after both convolutions; the idea is
    Simonyan and Zisserman's (arXiv 1409.1556).

    Args:
        labels: number of output labels.
        shape: channels, rows and frames of a window; rows and frames are at least 2 ** (number of blocks).
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
        inputs = (shape[0], *channels[:-1])
        self.blocks = nn.Sequential(*(_block(*sizes) for sizes in zip(inputs, channels, strict=True)))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels[-1], dense[0]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense[0], dense[1]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dense[1], labels),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits (windows, labels)."""
        logits: Tensor = self.head(self.blocks(windows))
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
    )
