"""Layers that several networks share."""

from torch import Tensor, nn
from torch.nn import functional

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape


class Resize(nn.Module):
    """Bilinear resizing of windows (windows, channels, rows, frames) to a fixed number of rows and frames.

    Networks with a linear layer on flattened maps need it: their size must not depend on the window length.
    """

    def __init__(self, rows: int, frames: int) -> None:
        super().__init__()
        self.size = (rows, frames)

    def forward(self, windows: Tensor) -> Tensor:
        """Return windows (windows, channels, self.size)."""
        if tuple(windows.shape[2:]) == self.size:
            return windows
        return functional.interpolate(windows, size=self.size, mode="bilinear", align_corners=False)


def conv3x3(inputs: int, outputs: int) -> nn.Sequential:
    """Build a 3x3 convolution with batch normalisation and ReLU that keeps the number of rows and frames."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def conv_pool(inputs: int, outputs: int, pool: int = 2) -> nn.Sequential:
    """Build a 3x3 convolution with ReLU and max pooling that divides rows and frames by `pool`."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(pool))


def require_image_channels(shape: Shape) -> None:
    """Check that windows can be treated as grey or colour images.

    Raises:
        RecipeError: windows have neither one channel nor three.
    """
    if shape[0] not in (1, 3):
        raise RecipeError(f"an ImageNet network takes one channel or three, not {shape[0]}; change input.features")
