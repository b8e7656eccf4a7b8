"""Building blocks that several networks share."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional


class CamNetwork(nn.Module):
    """A network that ends in global average pooling and a linear layer.

    The pooled feature maps are the embedding of a window. Logits are linear in the mean of `feature_maps` over rows
    and frames, so `linear_head` gives the contribution of each position to each label (class activation maps;
    Zhou et al., CVPR 2016).
    """

    def feature_maps(self, windows: Tensor) -> Tensor:
        """Return the last feature maps (windows, channels, rows, frames) of windows (windows, inputs, rows, frames)."""
        raise NotImplementedError

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """Return weights (labels, channels) and bias (labels,) of the map from embeddings to logits."""
        raise NotImplementedError

    def set_linear_head(self, weights: Tensor, bias: Tensor) -> None:
        """Replace the values of `linear_head` with weights (labels, channels) and bias (labels,)."""
        for parameter, values in zip(self.linear_head(), (weights, bias), strict=True):
            parameter.copy_(values)

    def embed(self, windows: Tensor) -> Tensor:
        """Return embeddings (windows, channels)."""
        return self.feature_maps(windows).mean(dim=(2, 3))

    def classify(self, embeddings: Tensor) -> Tensor:
        """Return logits (windows, labels) of embeddings (windows, channels)."""
        return functional.linear(embeddings, *self.linear_head())


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


def linear_layers(*sizes: int, dropout: float) -> list[nn.Module]:
    """Build linear layers from each of these sizes to the next, with ReLU and dropout between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
    return layers[:-2]
