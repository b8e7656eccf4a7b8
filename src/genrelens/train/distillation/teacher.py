"""Feature distillation from a pretrained teacher: its embeddings of the training windows are additional targets."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrelens.features.spectral import to_model_input
from genrelens.model.input_spec import AudioInput
from genrelens.progress import Notify
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Examples
from genrelens.train.distillation.backbone import Embedder, embedding_graph
from genrelens.train.distillation.mel_conversion import LogMelConverter
from genrelens.train.distillation.probe import EmbeddedTracks, fit_probe
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import ProbeTable, Recipe


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
        windows = to_model_input(converted, self._input.features, self._input.layout, self._input.front_end)
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


def refit_output_layer(
    network: CamNetwork,
    projection: TeacherProjection,
    train: Examples,
    valid: Examples,
    recipe: Recipe,
    penalties: Sequence[float],
    notify: Notify,
) -> None:
    """Replace the output layer by a linear probe on the network's estimate of the teacher's embedding.

    The estimate is linear in the network's own embedding, so the probe is, too, and costs nothing in serving. In the
    teacher's space, a penalty favours directions that the teacher separates well; without it, a few hundred tracks
    are overfitted.

    Args:
        network: trained network; its output layer is replaced in place.
        projection: trained projection of its embedding to the teacher's.
        train: tracks to fit to, by all of their windows, without augmentation.
        valid: tracks to select the penalty on.
        recipe: recipe of the network.
        penalties: L2 penalties to try; see `genrelens.train.distillation.probe`.
        notify: receives a sentence about the result.
    """
    fitted_to, selected_on = (_embed(network, projection, examples, recipe) for examples in (train, valid))
    labels = train.targets.shape[1]
    probe, trials = fit_probe(fitted_to, selected_on, labels, ProbeTable(penalties=tuple(penalties)))
    best = min(trials, key=lambda trial: trial.log_loss)
    weights, bias = torch.from_numpy(probe.weights.T), torch.from_numpy(probe.bias)
    with torch.no_grad():
        layer = projection.layer
        network.set_linear_head(weights @ layer.weight, weights @ layer.bias + bias)
    notify(
        f"Refitted the output layer with a penalty of {best.penalty:g}: log loss {best.log_loss:.3f} "
        f"on {len(valid.inputs)} tracks of valid"
    )


def _embed(network: CamNetwork, projection: TeacherProjection, examples: Examples, recipe: Recipe) -> EmbeddedTracks:
    """Estimate the teacher's embedding of each window."""
    with torch.no_grad():
        embeddings = [
            projection.layer(network.embed(windows)).numpy()
            for windows, _ in TrackWindows(examples.inputs, examples.targets, recipe)
        ]
    return EmbeddedTracks(embeddings, examples.targets.argmax(axis=1))
