"""Nets that end in the mean of their last maps and a linear layer: what they tell can be traced back to its place."""

from torch import Tensor, nn
from torch.nn import functional


class CamNetwork(nn.Module):
    """A net whose logits are linear in the mean of its `feature_maps` over rows and frames.

    The mean is the embedding of a window. By linearity `linear_head` tells how much each place adds to each label
    (class-activation maps; Zhou et al., CVPR 2016).
    """

    def feature_maps(self, windows: Tensor) -> Tensor:
        """The last maps, (windows, channels, rows, frames), of windows (windows, planes, rows, frames)."""
        raise NotImplementedError

    def linear_head(self) -> tuple[Tensor, Tensor]:
        """From an embedding to logits: weights (labels, channels), and what is added, (labels,)."""
        raise NotImplementedError

    def set_linear_head(self, weights: Tensor, bias: Tensor) -> None:
        """Let `linear_head` be this from now on: weights (labels, channels), bias (labels,)."""
        for own, given in zip(self.linear_head(), (weights, bias), strict=True):
            own.copy_(given)

    def embed(self, windows: Tensor) -> Tensor:
        """Embeddings (windows, channels)."""
        return self.feature_maps(windows).mean(dim=(2, 3))

    def classify(self, embeddings: Tensor) -> Tensor:
        """Logits (windows, labels) of embeddings (windows, channels)."""
        return functional.linear(embeddings, *self.linear_head())
