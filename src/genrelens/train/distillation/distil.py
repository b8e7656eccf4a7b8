"""Learning from another net: what it hears in a window is told beside the labels."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrelens.features.spectral import planes
from genrelens.model.input_spec import Sound
from genrelens.train.distillation.backbone import Backbone, Embedder, embedding_graph
from genrelens.train.distillation.mel_conversion import Resound
from genrelens.train.recipes.recipe import Recipe


class Teacher:
    """A published net that hears the very windows that ours learns from, varied and overlaid as they are.

    That it sees the same view is what makes much of a long training on few tracks (Beyer et al., CVPR 2022).

    Args:
        backbone: how it is fed, and where it gives its embedding.
        own: what our net hears; one plane of log-mel.

    Raises:
        ModelError: the backbone cannot be had, or does not fit its card.
    """

    def __init__(self, backbone: Backbone, own: Sound) -> None:
        self._made_of = backbone, own
        self._input = backbone.input
        self._resound = Resound(own.front_end, self._input.front_end, self._input.frames)
        self._embed = Embedder(embedding_graph(backbone))
        self.features = self(torch.zeros(1, own.front_end.n_mels, own.frames), torch.Generator()).shape[1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to a new process, where it loads its net anew."""
        return Teacher, self._made_of

    def __call__(self, level: Tensor, rng: torch.Generator) -> Tensor:
        """What it makes of windows in decibels, (windows, bands, frames): embeddings (windows, features)."""
        heard = self._resound(level, rng).numpy()
        own = self._input
        return torch.from_numpy(self._embed(planes(heard, own.features, own.layout, own.front_end)))


def teacher_of(recipe: Recipe) -> Teacher | None:
    """The net that the recipe names to learn from, if it does.

    Raises:
        ModelError: it cannot be had, or does not fit its card.
    """
    if recipe.distil is None or not isinstance(recipe.input, Sound):
        return None
    return Teacher(recipe.distil.backbone, recipe.input)


class Pupil(nn.Module):
    """A linear layer from our net's embedding to the teacher's, for training alone (Romero et al., ICLR 2015).

    Args:
        channels: of our embedding.
        features: of the teacher's.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(channels, features)
        self.scale = nn.BatchNorm1d(features, affine=False)

    def loss(self, embeddings: Tensor, taught: Tensor) -> Tensor:
        """The mean squared error, the teacher's features being at mean 0 and deviation 1."""
        return functional.mse_loss(self.layer(embeddings).float(), self.scale(taught))
