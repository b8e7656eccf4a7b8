"""How good a model is on tracks with known genres, one answer a track."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.frontend import FrontEnd, normalised, refloor
from genrelens.model import Mels, Probabilities
from genrelens.prediction import Failure, PathText, Prediction
from genrelens.train.manifest import Item
from genrelens.train.mels import Level, is_row, load_row
from genrelens.train.metrics import Metrics, measure


class TrackAnswer(BaseModel):
    """What the model said of one track: probabilities in the order of the labels."""

    model_config = ConfigDict(frozen=True)

    path: PathText
    truth: str
    probabilities: tuple[float, ...]


class Evaluation(BaseModel):
    """Measures, the answers they were made from, and the tracks that could not be read."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    labels: tuple[str, ...]
    metrics: Metrics
    answers: tuple[TrackAnswer, ...]
    failures: tuple[Failure, ...]


def evaluate(
    classifier: Classifier,
    items: Sequence[Item],
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Ask the model about each track, all windows, and measure its answers.

    Tracks that are audio take the way that a user's files take; rows of an array begin at their log-mel.

    Args:
        classifier: the model.
        items: the tracks.
        processes: to decode with.
        progress: called after each track.

    Raises:
        ManifestError: a label is not one of the model's, or no track could be read.
    """
    labels = classifier.card.labels
    unknown = sorted({item.label for item in items} - set(labels))
    if unknown:
        raise ManifestError(f"the model has no label {', '.join(unknown)}; it knows {', '.join(labels)}")
    answers = {}
    for path in (item.path for item in items if is_row(item.path)):
        answers[path] = track_probabilities(classifier, load_row(path, classifier.card.front_end))
        progress()
    failures: dict[str, Failure] = {}
    audio = [item.path for item in items if not is_row(item.path)]
    for result in classifier.predict_many(audio, windows="all", processes=processes):
        if isinstance(result, Prediction):
            answers[result.path] = _in_order(result, labels)
        else:
            failures[result.path] = result
        progress()
    answered = [item for item in items if item.path in answers]
    if not answered:
        raise ManifestError("none of the tracks could be read; `genrelens data check` tells why")
    probabilities = np.stack([answers[item.path] for item in answered])
    truth = np.array([labels.index(item.label) for item in answered])
    return Evaluation(
        model=classifier.card.name,
        version=classifier.card.version,
        labels=labels,
        metrics=measure(labels, truth, probabilities),
        answers=tuple(
            TrackAnswer(path=item.path, truth=item.label, probabilities=tuple(map(float, row)))
            for item, row in zip(answered, probabilities, strict=True)
        ),
        failures=tuple(failures.values()),
    )


def track_probabilities(classifier: Classifier, level: Level) -> Probabilities:
    """The mean answer over all windows of a track's log-mel."""
    card = classifier.card
    windows = net_windows(level, card.front_end, card.frames, card.hop)
    return np.asarray(classifier.model.probabilities(windows).mean(axis=0))


def net_windows(level: Level, front_end: FrontEnd, frames: int, hop: float) -> Mels:
    """What the net takes of a track's log-mel: all windows, one every `hop` seconds, floored and normalised."""
    windows = all_windows(level, frames, max(1, round(hop / front_end.seconds_per_frame)))
    return np.asarray(normalised(refloor(windows, front_end.floor_db), front_end), np.float32)


def all_windows(level: Level, frames: int, hop: int) -> Mels:
    """Windows of a log-mel (n_mels, frames), the last one ending with it; shape (windows, n_mels, frames)."""
    if level.shape[1] < frames:
        level = level[:, np.arange(frames) % level.shape[1]]
    starts = [*range(0, level.shape[1] - frames, hop), level.shape[1] - frames]
    return np.stack([level[:, start : start + frames] for start in starts]).astype(np.float32)


def _in_order(prediction: Prediction, labels: tuple[str, ...]) -> NDArray[np.float32]:
    scores = {score.label: score.score for score in prediction.scores}
    return np.array([scores[label] for label in labels], np.float32)
