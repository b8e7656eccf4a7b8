"""The net behind the bundled model: little is left of frequency early on, much is learnt along time."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.networks.cam import CamNetwork

_BANDS = 128  # become one, on the way
_END = 4  # layers of a branch after its last maps: their mean, its shape, dropout and the linear layer


class Lens(CamNetwork):
    """Branches that learn apart, each from its share of a batch, and answer together.

    Each branch looks at the log-mel with three small two-dimensional convolutions that forgive a little
    transposition, then makes channels of the remaining bands and follows them along time, as the front ends
    of musicnn do (Pons & Serra, arXiv 1909.06654). The branches differ by their first weights alone; their
    mean is steadier than any of them. Each ends in the mean over time and a linear layer, and so does, by
    linearity, the whole: the maps of all branches, side by side, are its own.

    Args:
        labels: how many classes there are.
        shape: of a window: one plane of 128 bands, any number of frames.
        branches: how many there are of what follows.
        stem: channels of the first and of the other two-dimensional convolutions.
        width: channels along time.
        depth: residual layers along time.
        kernel: their reach, in frames of the halved rate.
        band_dropout: share of the stem's channels that is dropped in training.
        dropout: share of the features that is dropped before the linear layer.
    """

    def __init__(
        self,
        labels: int,
        shape: Shape,
        branches: int = 1,
        stem: tuple[int, int] = (16, 32),
        width: int = 192,
        depth: int = 3,
        kernel: int = 5,
        band_dropout: float = 0.1,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if shape[:2] != (1, _BANDS):
            raise RecipeError(
                f"the net lens takes one plane of {_BANDS} bands, and the input has {shape[0]} of {shape[1]}"
            )
        self.dropout = dropout
        self.branches = nn.ModuleList(
            nn.Sequential(
                _stem(*stem),
                nn.Dropout2d(band_dropout),
                _bands_to_channels(stem[1], width),
                *(_TimeLayer(width, kernel) for _ in range(depth)),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Dropout(dropout),
                nn.Linear(width, labels),
            )
            for _ in range(branches)
        )

    def forward(self, mels: Tensor) -> Tensor:
        """Logits (windows, labels): in training, of one branch for each window; else the mean of all branches."""
        if self.training:
            if len(mels) < len(self.branches):
                raise RecipeError(f"{len(self.branches)} branches cannot share {len(mels)} windows; raise train.batch")
            shares = mels.tensor_split(len(self.branches))
            return torch.cat([branch(share) for branch, share in zip(self.branches, shares, strict=True)])
        return torch.stack([branch(mels) for branch in self.branches]).mean(dim=0)

    def feature_maps(self, windows: Tensor) -> Tensor:
        """The last maps of all branches, (windows, branches * width, 1, frames)."""
        return torch.cat([branch[:-_END](windows) for branch in self._whole()], dim=1)

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """The linear layers of all branches, which share the answer."""
        last = self._ends()
        weights = torch.cat([layer.weight for layer in last], dim=1) / len(last)
        return weights, torch.stack([layer.bias for layer in last]).mean(dim=0)

    def set_linear_head(self, weights: Tensor, bias: Tensor) -> None:
        """Give each branch its share of the linear layer."""
        last = self._ends()
        for layer, own in zip(last, weights.chunk(len(last), dim=1), strict=True):
            layer.weight.copy_(own * len(last))
            layer.bias.copy_(bias)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Logits of embeddings; in training, with as much dropped of them as a branch drops."""
        return super().classify(functional.dropout(embeddings, self.dropout, self.training))

    def _ends(self) -> list[nn.Linear]:
        return [end for branch in self._whole() if isinstance(end := branch[-1], nn.Linear)]

    def _whole(self) -> list[nn.Sequential]:
        return [branch for branch in self.branches if isinstance(branch, nn.Sequential)]


class _TimeLayer(nn.Module):
    """A residual convolution along time."""

    def __init__(self, width: int, kernel: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Dropout(dropout),
            nn.Conv2d(width, width, (1, kernel), padding=(0, kernel // 2), bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.change(features))


def _stem(first: int, second: int) -> nn.Sequential:
    """128 bands become 8, the rate of frames is halved."""
    return nn.Sequential(
        _convolution(1, first, (5, 3), (2, 1)),
        nn.MaxPool2d((2, 1)),
        _convolution(first, second, (3, 3)),
        nn.MaxPool2d(2, ceil_mode=True),
        _convolution(second, second, (3, 3)),
        nn.AvgPool2d((2, 1)),
    )


def _bands_to_channels(channels: int, width: int) -> nn.Sequential:
    """All eight bands that are left into one: (windows, width, 1, time)."""
    return nn.Sequential(nn.Conv2d(channels, width, (8, 1), bias=False), nn.BatchNorm2d(width), nn.ReLU())


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
