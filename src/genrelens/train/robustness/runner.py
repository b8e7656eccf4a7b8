"""What a model says of tracks as they are and as they are changed: each is decoded once, in worker processes."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.decoder import load
from genrelens.audio.windows import Samples
from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError, TooShortError, display_name
from genrelens.model.session import Model, ModelInput, ModelOutput
from genrelens.prediction import Failure
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.robustness.perturbations import AudioPerturbation, Perturbation, Shuffle

_SHORTEST = 1.0  # s: less is hardly left when some is cut off or played faster

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class PerturbedPredictions:
    """Answers about the tracks that could be heard, and those that could not.

    Attributes:
        items: the tracks.
        plain: probabilities of the labels for each as it is, shape (tracks, labels).
        changed: the same for each change, shape (tracks, changes, labels).
        failures: one for each track that is left out.
    """

    items: tuple[LabelledTrack, ...]
    plain: Probabilities
    changed: Probabilities
    failures: tuple[Failure, ...]


def predict_perturbed(
    model: Path,
    labels: int,
    items: Sequence[LabelledTrack],
    changes: Sequence[Perturbation],
    seed: int,
    processes: int,
    advance: Callable[[], None],
) -> PerturbedPredictions:
    """Let a model hear all windows of each track, plain and changed.

    Args:
        model: its file.
        labels: how many it has.
        items: the tracks, which are recordings.
        changes: in their order.
        seed: of what chance there is in a change; it is the same for a track whatever else is asked.
        processes: to decode, change and judge in.
        advance: called after each track.
    """
    heard: list[LabelledTrack] = []
    answers: list[Probabilities] = []
    failures: list[Failure] = []
    judge = partial(predict_track, model=model, changes=tuple(changes), seed=seed)
    for item, outcome in workers.map_in_order(judge, items, processes):
        if isinstance(outcome, GenrelensError):
            failures.append(Failure.from_error(item.path, outcome))
        else:
            heard.append(item)
            answers.append(outcome)
        advance()
    table = np.array(answers, np.float32).reshape(len(heard), 1 + len(changes), labels)
    return PerturbedPredictions(tuple(heard), table[:, 0], table[:, 1:], tuple(failures))


def predict_track(item: LabelledTrack, model: Path, changes: tuple[Perturbation, ...], seed: int) -> Probabilities:
    """Probabilities for a track as it is and after each change, shape (1 + changes, labels).

    Raises:
        AudioError: it cannot be decoded, or is too short.
    """
    classifier = _resident(model)
    rate = classifier.card.audio_input.front_end.rate
    samples = load(item.path, rate)
    if len(samples) < _SHORTEST * rate:
        raise TooShortError(
            f"{display_name(item.path)} lasts {len(samples) / rate:.2f} s; at least {_SHORTEST} s are needed to change it"
        )
    rows = [_probabilities(classifier, samples, rate)]
    for change in changes:
        rng = np.random.default_rng([seed, _number(item.name), _number(change.name)])
        if isinstance(change, Shuffle):
            rows.append(_probabilities(Classifier(ShuffledFramesModel(model, change, rng)), samples, rate))
        elif isinstance(change, AudioPerturbation):
            rows.append(_probabilities(classifier, change.apply(samples, rate, rng), rate))
    return np.stack(rows)


class ShuffledFramesModel(Model):
    """A model that hears the frames of its windows in another order."""

    def __init__(self, path: Path, shuffle: Shuffle, rng: np.random.Generator) -> None:
        super().__init__(path, threads=1)
        self._shuffle, self._rng = shuffle, rng

    def run(self, planes: ModelInput) -> ModelOutput:
        """What the model says of windows whose frames are put in one other order."""
        order = self._shuffle.order(planes.shape[-1], self.card.audio_input.front_end.seconds_per_frame, self._rng)
        return super().run(planes[..., order])


def _probabilities(classifier: Classifier, samples: Samples, rate: int) -> Probabilities:
    scores = classifier.predict_samples(samples, rate).scores
    by_label = {score.label: score.score for score in scores}
    return np.array([by_label[label] for label in classifier.card.labels], np.float32)


def _number(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogateescape"))


@lru_cache(maxsize=1)
def _resident(model: Path) -> Classifier:
    """The classifier that a worker process keeps."""
    return Classifier(Model(model, threads=1))
