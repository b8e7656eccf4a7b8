"""Nets that end in the mean of their last maps and a linear layer: what they tell can be traced back to its place."""

from torch import Tensor, nn
from torch.nn import functional


class Mapped(nn.Module):
    """A net whose logits are linear in the mean of its `maps` over rows and frames.

    The mean is the embedding of a window. By linearity `linear` tells how much each place adds to each label
    (class-activation maps; Zhou et al., CVPR 2016).
    """

    def maps(self, windows: Tensor) -> Tensor:
        """The last maps, (windows, channels, rows, frames), of windows (windows, planes, rows, frames)."""
        raise NotImplementedError

    def linear(self) -> tuple[Tensor, Tensor]:
        """From an embedding to logits: weights (labels, channels), and what is added, (labels,)."""
        raise NotImplementedError

    def answer_by(self, weights: Tensor, bias: Tensor) -> None:
        """Let `linear` be this from now on: weights (labels, channels), bias (labels,)."""
        for own, given in zip(self.linear(), (weights, bias), strict=True):
            own.copy_(given)

    def embed(self, windows: Tensor) -> Tensor:
        """Embeddings (windows, channels)."""
        return self.maps(windows).mean(dim=(2, 3))

    def judge(self, embeddings: Tensor) -> Tensor:
        """Logits (windows, labels) of embeddings (windows, channels)."""
        return functional.linear(embeddings, *self.linear())
