"""Feature distillation from a pretrained teacher: its embeddings of the training windows are additional targets."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrelens.features.spectral import to_model_input
from genrelens.model.input_spec import AudioInput
from genrelens.train.distillation.backbone import Embedder, embedding_graph
from genrelens.train.distillation.mel_conversion import LogMelConverter
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import Recipe


class Teacher:
    """A pretrained backbone that embeds the same augmented windows that the student is trained on.

    Consistent views are essential for long training on few tracks (Beyer et al., CVPR 2022).

    Args:
        backbone: adapter card of the teacher.
        student_input: input specification of the student; a single channel of log-mel.

    Raises:
        ModelError: the backbone cannot be found or downloaded, or does not match its card.
    """

    def __init__(self, backbone: BackboneCard, student_input: AudioInput) -> None:
        self._arguments = backbone, student_input
        self._input = backbone.input
        self._convert = LogMelConverter(student_input.front_end, self._input.front_end, self._input.frames)
        self._embed = Embedder(embedding_graph(backbone))
        silence = torch.zeros(1, student_input.front_end.n_mels, student_input.frames)
        self.features = self(silence, torch.Generator()).shape[1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arguments only: a session cannot be pickled, so another process loads the model again."""
        return Teacher, self._arguments

    def __call__(self, log_mels: Tensor, rng: torch.Generator) -> Tensor:
        """Return embeddings (windows, features) of the student's log-mels (windows, n_mels, frames) in decibels."""
        converted = self._convert(log_mels, rng).numpy()
        spec = self._input
        windows = to_model_input(converted, spec.features, spec.layout, spec.front_end)
        return torch.from_numpy(self._embed(windows))


def build_teacher(recipe: Recipe) -> Teacher | None:
    """Return the teacher of a recipe, or None if the recipe has no distillation.

    Raises:
        ModelError: the backbone cannot be found or downloaded, or does not match its card.
    """
    if recipe.distil is None or not isinstance(recipe.input, AudioInput):
        return None
    return Teacher(recipe.distil.backbone, recipe.input)


class TeacherProjection(nn.Module):
    """A linear layer from the student's embedding to the teacher's, used in training only (Romero et al., ICLR 2015).

    Args:
        channels: size of the student's embedding.
        features: size of the teacher's embedding.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(channels, features)
        self.scale = nn.BatchNorm1d(features, affine=False)

    def loss(self, embeddings: Tensor, teacher_embeddings: Tensor) -> Tensor:
        """Return the mean squared error to the teacher's embeddings, standardised to mean 0 and deviation 1."""
        return functional.mse_loss(self.layer(embeddings).float(), self.scale(teacher_embeddings))
