"""A small VGG: the net of the reference systems R0 (windows) and R1 (pictures)."""

from collections.abc import Sequence

from torch import Tensor, nn


class Vgg(nn.Module):
    """Blocks of two convolutions each, a mean over what is left, and three dense layers.

    The blocks are those of R0, with batch normalisation once a block, after both convolutions; the idea is
    Simonyan and Zisserman's (arXiv 1409.1556).

    Args:
        labels: how many classes there are.
        shape: planes, rows and frames of a window; rows and frames are at least two to the power of the blocks.
        channels: of each block.
        dense: outputs of the dense layers before the last.
        dropout: share that is dropped before each dense layer but the first.
    """

    def __init__(
        self,
        labels: int,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (32, 64, 128, 256, 256),
        dense: tuple[int, int] = (512, 128),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        inputs = (shape[0], *channels[:-1])
        self.blocks = nn.Sequential(*(_block(*ends) for ends in zip(inputs, channels, strict=True)))
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
        """Logits (windows, labels)."""
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
