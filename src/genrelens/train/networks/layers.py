"""What several nets are made of."""

from torch import Tensor, nn
from torch.nn import functional

from genrelens.errors import RecipeError


class Resize(nn.Module):
    """Stretch windows (windows, planes, rows, frames) to `rows` by `frames`, between neighbours (bilinear).

    Nets that end in a dense layer need it: their size must not depend on the length of a window.
    """

    def __init__(self, rows: int, frames: int) -> None:
        super().__init__()
        self.size = (rows, frames)

    def forward(self, windows: Tensor) -> Tensor:
        """The windows, as many and with as many planes."""
        if tuple(windows.shape[2:]) == self.size:
            return windows
        return functional.interpolate(windows, size=self.size, mode="bilinear", align_corners=False)


def conv3x3(inputs: int, outputs: int) -> nn.Sequential:
    """Three by three, normalised over the batch, rectified; it keeps rows and frames."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def conv_pool(inputs: int, outputs: int, pool: int = 2) -> nn.Sequential:
    """Three by three, rectified; rows and frames shrink by `pool`."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(pool))


def require_image_channels(shape: tuple[int, int, int]) -> None:
    """Refuse what cannot be seen as a picture in colours.

    Raises:
        RecipeError: there are two planes or more than three.
    """
    if shape[0] not in (1, 3):
        raise RecipeError(f"a net from ImageNet sees one plane or three, not {shape[0]}; change input.features")
