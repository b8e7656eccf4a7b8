"""Predictions for tracks before and after perturbations; each track is decoded once, in worker processes."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.decoder import load
from genrelens.audio.windows import Samples
from genrelens.classifier import Classifier, cached_classifier
from genrelens.errors import GenrelensError, TooShortError, display_name
from genrelens.model.session import Model, ModelInput, ModelOutput
from genrelens.prediction import Failure
from genrelens.progress import Progress
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.robustness.perturbations import AudioPerturbation, Perturbation, Shuffle

_MIN_SECONDS = 1.0  # leaves some audio after a start offset or a higher tempo

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class PerturbedPredictions:
    """Predictions for all readable tracks.

    Attributes:
        tracks: readable tracks.
        clean: probabilities for the unperturbed tracks, shape (tracks, labels).
        perturbed: probabilities after each perturbation, shape (tracks, perturbations, labels).
        failures: one for each unreadable track.
    """

    tracks: tuple[LabelledTrack, ...]
    clean: Probabilities
    perturbed: Probabilities
    failures: tuple[Failure, ...]


def predict_perturbed(
    model: Path,
    labels: int,
    tracks: Sequence[LabelledTrack],
    perturbations: Sequence[Perturbation],
    seed: int,
    processes: int,
    progress: Progress,
) -> PerturbedPredictions:
    """Classify all windows of each track, before and after each perturbation.

    Args:
        model: path of the model.
        labels: number of labels of the model.
        tracks: recordings.
        perturbations: perturbations to apply, each on its own.
        seed: seed of random perturbations, which are the same for a track whatever else is applied.
        processes: number of processes that decode, perturb and classify.
        progress: called after each track.
    """
    readable: list[LabelledTrack] = []
    predictions: list[Probabilities] = []
    failures: list[Failure] = []
    predict = partial(predict_track, model=model, perturbations=tuple(perturbations), seed=seed)
    for track, outcome in workers.map_in_order(predict, tracks, processes):
        if isinstance(outcome, GenrelensError):
            failures.append(Failure.from_error(track.path, outcome))
        else:
            readable.append(track)
            predictions.append(outcome)
        progress()
    table = np.array(predictions, np.float32).reshape(len(readable), 1 + len(perturbations), labels)
    return PerturbedPredictions(tuple(readable), table[:, 0], table[:, 1:], tuple(failures))


def predict_track(
    track: LabelledTrack, model: Path, perturbations: tuple[Perturbation, ...], seed: int
) -> Probabilities:
    """Return the probabilities for a track, unperturbed and perturbed, shape (1 + perturbations, labels).

    Raises:
        AudioError: the track cannot be decoded, or is too short.
    """
    classifier = cached_classifier(model)
    rate = classifier.card.audio_input.front_end.rate
    samples = load(track.path, rate)
    if len(samples) < _MIN_SECONDS * rate:
        raise TooShortError(
            f"{display_name(track.path)} lasts {len(samples) / rate:.2f} s; perturbations need at least "
            f"{_MIN_SECONDS} s"
        )
    rows = [_probabilities(classifier, samples, rate)]
    for perturbation in perturbations:
        rng = np.random.default_rng([seed, _stable_hash(track.name), _stable_hash(perturbation.name)])
        if isinstance(perturbation, Shuffle):
            shuffled = Classifier(ShuffledFramesModel(model, perturbation, rng))
            rows.append(_probabilities(shuffled, samples, rate))
        elif isinstance(perturbation, AudioPerturbation):
            rows.append(_probabilities(classifier, perturbation.apply(samples, rate, rng), rate))
    return np.stack(rows)


class ShuffledFramesModel(Model):
    """A model that shuffles the frames of its input windows."""

    def __init__(self, path: Path, shuffle: Shuffle, rng: np.random.Generator) -> None:
        super().__init__(path, threads=1)
        self._shuffle, self._rng = shuffle, rng

    def run(self, inputs: ModelInput) -> ModelOutput:
        """Run the model on windows with shuffled frames; all windows of a call share one order."""
        order = self._shuffle.order(inputs.shape[-1], self.card.audio_input.front_end.seconds_per_frame, self._rng)
        return super().run(inputs[..., order])


def _probabilities(classifier: Classifier, samples: Samples, rate: int) -> Probabilities:
    scores = classifier.predict_samples(samples, rate, windows="all").scores
    by_label = {score.label: score.score for score in scores}
    return np.array([by_label[label] for label in classifier.card.labels], np.float32)


def _stable_hash(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogateescape"))
