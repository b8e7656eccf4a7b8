"""The architecture of the bundled model: frequency is reduced early, most capacity is spent along time."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrelens.errors import RecipeError
from genrelens.model.input_spec import Shape
from genrelens.train.networks.layers import CamNetwork

_BANDS = 128  # mel bands, reduced to one by the stem and the layer after it
_TAIL = 4  # layers of a branch after its feature maps: pooling, flattening, dropout, linear


class Lens(CamNetwork):
    """An ensemble of branches that train separately, each on its part of a batch, and predict together.

    Each branch processes the log-mel with three small two-dimensional convolutions that tolerate slight
    transposition, then turns the remaining bands into channels and convolves them along time, like the front ends
    of musicnn (Pons & Serra, arXiv 1909.06654). Branches differ only in their initial weights; their mean is more
    stable than any single one. Each ends in global average pooling and a linear layer, so by linearity the ensemble
    does too: its feature maps are the branches' maps, concatenated along the channels. Windows have one channel of 128
    bands, and any number of frames.

    Args:
        branches: number of branches.
        stem: channels of the first and of the other two-dimensional convolutions.
        width: channels of the layers along time.
        depth: number of residual layers along time.
        kernel: kernel size of these layers, in frames at half the frame rate.
        band_dropout: dropout rate for whole channels of the stem.
        dropout: dropout rate of the embedding, before the linear layer.
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
                f"the network lens takes one channel of {_BANDS} bands, but the input has shape "
                f"{shape[0]} x {shape[1]} x {shape[2]}"
            )
        self.dropout = dropout
        # The layer after the stem turns its eight bands into channels, (windows, width, 1, time).
        self.branches = nn.ModuleList(
            nn.Sequential(
                _stem(*stem),
                nn.Dropout2d(band_dropout),
                nn.Sequential(nn.Conv2d(stem[1], width, (8, 1), bias=False), nn.BatchNorm2d(width), nn.ReLU()),
                *(_TimeLayer(width, kernel) for _ in range(depth)),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Dropout(dropout),
                nn.Linear(width, labels),
            )
            for _ in range(branches)
        )

    def forward(self, mels: Tensor) -> Tensor:
        """Return logits (windows, labels): in training of one branch per window, otherwise the mean of all branches."""
        if self.training:
            if len(mels) < len(self.branches):
                raise RecipeError(f"{len(self.branches)} branches cannot share {len(mels)} windows; raise train.batch")
            shares = mels.tensor_split(len(self.branches))
            return torch.cat([branch(share) for branch, share in zip(self.branches, shares, strict=True)])
        return torch.stack([branch(mels) for branch in self.branches]).mean(dim=0)

    def feature_maps(self, windows: Tensor) -> Tensor:
        """Return the last feature maps of all branches, (windows, branches * width, 1, frames)."""
        return torch.cat([branch[:-_TAIL](windows) for branch in self._branches()], dim=1)

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """Return the linear layers of all branches as one, weights (labels, branches * width) and bias (labels,)."""
        layers = self._linear_layers()
        weights = torch.cat([layer.weight for layer in layers], dim=1) / len(layers)
        return weights, torch.stack([layer.bias for layer in layers]).mean(dim=0)

    def set_linear_head(self, weights: Tensor, bias: Tensor) -> None:
        """Distribute a linear layer, weights (labels, branches * width) and bias (labels,), to the branches."""
        layers = self._linear_layers()
        for layer, share in zip(layers, weights.chunk(len(layers), dim=1), strict=True):
            layer.weight.copy_(share * len(layers))
            layer.bias.copy_(bias)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Return logits of embeddings; in training, with the dropout that a branch applies."""
        return super().classify(functional.dropout(embeddings, self.dropout, self.training))

    def _linear_layers(self) -> list[nn.Linear]:
        return [layer for branch in self._branches() if isinstance(layer := branch[-1], nn.Linear)]

    def _branches(self) -> list[nn.Sequential]:
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
    """Reduce 128 bands to 8, and halve the frame rate."""
    return nn.Sequential(
        _convolution(1, first, (5, 3), (2, 1)),
        nn.MaxPool2d((2, 1)),
        _convolution(first, second, (3, 3)),
        nn.MaxPool2d(2, ceil_mode=True),
        _convolution(second, second, (3, 3)),
        nn.AvgPool2d((2, 1)),
    )


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
