"""Feature distillation from a pretrained teacher: its embeddings of the training windows are additional targets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band, noise_power, power_to_db
from genrelens.features.spectral import to_model_input
from genrelens.model.input_spec import AudioInput
from genrelens.progress import Notify
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Examples
from genrelens.train.distillation.backbone import Embedder, embedding_graph
from genrelens.train.distillation.probe import EmbeddedTracks, fit_probe
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import ProbeTable, Recipe

# Measured on the training list of GTZAN: level (dB) of the loudest mel bin in 10 s at n_fft=2048, and the distribution
# of the power in 25 ms relative to its mean over 90 ms.
_PEAK_DB = 27.0
_FLUCTUATION_DB = (-1.5, 4.4)  # mean and standard deviation


class Teacher:
    """A pretrained backbone that embeds the same augmented windows that the student is trained on.

    Teacher and student must see the same augmented view, especially in long training on few tracks (Beyer et al.,
    CVPR 2022). The student's input is a single channel of log-mel.

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
        """Pickle only the arguments: an ONNX session cannot be pickled, so another process loads the model again."""
        return Teacher, self._arguments

    def __call__(self, log_mels: Tensor, rng: torch.Generator) -> Tensor:
        """Return embeddings (windows, features) of the student's log-mels (windows, n_mels, frames) in decibels."""
        converted = self._convert(log_mels, rng).numpy()
        windows = to_model_input(converted, self._input.features, self._input.layout, self._input.front_end)
        return torch.from_numpy(self._embed(windows))


class LogMelConverter:
    """Approximate conversion of log-mels in decibels from one front end to another, without the audio.

    It lets a teacher with another front end embed augmented log-mels. Phases are not needed, as both front ends
    discard them. The fluctuation of the power within a long frame is lost; random values replace it. Power is assumed
    to be spread evenly within each source band, and to be zero above the highest one. Converted windows have `frames`
    frames.
    """

    def __init__(self, source: FrontEnd, target: FrontEnd, frames: int) -> None:
        centres = band_centres(target)
        positions = torch.from_numpy(hz_to_band(centres, source)).float().clamp(0, source.n_mels - 1)
        self._lower_band = positions.long().clamp(max=source.n_mels - 2)
        self._upper_weight = (positions - self._lower_band)[:, None]
        self._source_db = torch.from_numpy(power_to_db(noise_power(source))).float()[:, None]
        covered_power = noise_power(target) * (centres < source.highest)
        self._target_db = torch.from_numpy(power_to_db(covered_power)).float()[:, None]
        self._frames = torch.from_numpy(_nearest_frames(source, target, frames))
        self._floor_db = source.floor_db

    def __call__(self, log_mels: Tensor, rng: torch.Generator) -> Tensor:
        """Return log-mels (windows, target bands, target frames) of log-mels (windows, source bands, source frames).

        The result does not depend on the level of a window: all are scaled to the level of mastered music.
        """
        log_mels = log_mels - log_mels.amax(dim=(1, 2), keepdim=True)
        density_db = log_mels.clamp(min=-self._floor_db) + _PEAK_DB - self._source_db
        lower, upper = density_db[:, self._lower_band], density_db[:, self._lower_band + 1]
        density_db = torch.lerp(lower, upper, self._upper_weight)
        smooth_db = (density_db + self._target_db)[:, :, self._frames.clamp(max=log_mels.shape[2] - 1)]
        mean, deviation = _FLUCTUATION_DB
        return smooth_db + mean + deviation * torch.randn(smooth_db.shape, generator=rng)


def build_teacher(recipe: Recipe) -> Teacher | None:
    """Return the teacher of a recipe, or None if the recipe has no distillation.

    Raises:
        ModelError: the backbone cannot be found or downloaded, or does not match its card.
    """
    if recipe.distil is None or not isinstance(recipe.input, AudioInput):
        return None
    return Teacher(recipe.distil.backbone, recipe.input)


class TeacherProjection(nn.Module):
    """A linear layer from the student's embedding (windows, channels) to the teacher's (windows, features).

    It is used only in training (Romero et al., ICLR 2015).
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
    """Replace the output layer with a linear probe on the network's estimate of the teacher's embedding.

    The estimate is linear in the network's embedding, so the two fold into one linear layer at no inference cost. In
    the teacher's space, a penalty favours directions that the teacher separates well; without it, a few hundred
    tracks are overfitted. `fit_probe` fits the probe to all windows of *train*, without augmentation.
    """
    train_embeddings = _embed(network, projection, train, recipe)
    valid_embeddings = _embed(network, projection, valid, recipe)
    table = ProbeTable(penalties=tuple(penalties))
    probe, trials = fit_probe(train_embeddings, valid_embeddings, train.targets.shape[1], table)
    best = min(trials, key=lambda trial: trial.log_loss)
    weights, bias = torch.from_numpy(probe.weights.T), torch.from_numpy(probe.bias)
    with torch.no_grad():
        network.set_linear_head(weights @ projection.layer.weight, weights @ projection.layer.bias + bias)
    notify(
        f"Refitted the output layer with a penalty of {best.penalty:g}: log loss {best.log_loss:.3f} "
        f"on {len(valid.inputs)} tracks of valid"
    )


def _nearest_frames(source: FrontEnd, target: FrontEnd, frames: int) -> NDArray[np.int64]:
    """Return the index of the source frame nearest to each target frame, by their centres; shape (frames,)."""
    centres = _first_centre(target) + np.arange(frames) * target.seconds_per_frame
    nearest = np.rint((centres - _first_centre(source)) / source.seconds_per_frame)
    return np.asarray(np.maximum(0, nearest), np.int64)


def _first_centre(front_end: FrontEnd) -> float:
    """Return the time of the centre of the first frame, in seconds."""
    return 0.0 if front_end.center else front_end.n_fft / 2 / front_end.rate


def _embed(network: CamNetwork, projection: TeacherProjection, examples: Examples, recipe: Recipe) -> EmbeddedTracks:
    """Estimate the teacher's embedding of each window."""
    with torch.no_grad():
        embeddings = [
            projection.layer(network.embed(windows)).numpy()
            for windows, _ in TrackWindows(examples.inputs, examples.targets, recipe)
        ]
    return EmbeddedTracks(embeddings, examples.targets.argmax(axis=1))
