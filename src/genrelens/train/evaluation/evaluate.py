"""How good a model is on tracks with known genres, one answer a track."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.model.input_spec import InputSpec
from genrelens.model.session import ModelInput, Probabilities
from genrelens.prediction import Failure, PathText, Prediction, Score
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.log_mels import LogMel, LogMelSpec, is_array_row, load_array_row
from genrelens.train.data.manifest import LabelledTrack, require_labelling
from genrelens.train.data.windows import network_inputs
from genrelens.train.evaluation.metrics import Metrics, classification_metrics
from genrelens.train.evaluation.tree_metrics import TreeMetrics, tree_metrics


@dataclass(frozen=True)
class TrackProbabilities:
    """Probabilities for each window of a track (windows, labels), and for the track (labels,)."""

    windows: NDArray[np.floating]
    track: NDArray[np.floating]

    @classmethod
    def of(cls, windows: NDArray[np.floating]) -> Self:
        """Let the mean over the windows stand for the track."""
        return cls(windows, np.asarray(windows.mean(axis=0)))

    def merged(self, merge: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Self:
        """The same with other labels."""
        return type(self)(merge(self.windows), merge(self.track))


class TrackPrediction(BaseModel):
    """What the model said of one track: probabilities in the order of the labels."""

    model_config = ConfigDict(frozen=True)

    path: PathText
    truth: str
    probabilities: tuple[float, ...]


class Evaluation(BaseModel):
    """Measures, the answers they were made from, and the tracks that could not be read.

    `metrics` count tracks, and `windows` their windows; a picture is its own only window. Of a tree, labels
    and both are those of its leaves, and `tree` has what is beside them.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    labels: tuple[str, ...]
    metrics: Metrics
    windows: Metrics
    tree: TreeMetrics | None = None
    answers: tuple[TrackPrediction, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class TrackOutcomes:
    """What a model said of tracks, by path, and the tracks that could not be read."""

    judged: dict[str, TrackProbabilities]
    failures: tuple[Failure, ...]


def evaluate(
    classifier: Classifier,
    items: Sequence[LabelledTrack],
    processes: int,
    progress: Callable[[], None] = lambda: None,
    label_map: LabelMap | None = None,
) -> Evaluation:
    """Ask a model that tells one label a track, or a place in a tree, about each track, and measure its answers.

    Args:
        classifier: the model.
        items: the tracks.
        processes: to decode with.
        progress: called after each track.
        label_map: how labels of foreign data and those of the model are brought together.

    Raises:
        ManifestError: a label is neither one of the model's nor mapped to one, or no track could be read.
    """
    card, mapped = classifier.card, label_map or LabelMap()
    require_labelling(items, card.labelling)
    items = mapped.items(items, card.labels)
    answers = predict_tracks(classifier, items, processes, progress)
    labels = mapped.labels(card.labels)
    judged = {path: one.merged(lambda rows: mapped.merge(rows, card.labels)) for path, one in answers.judged.items()}
    result = build_evaluation(card.name, card.version, labels, items, judged, answers.failures)
    if not card.tree or labels != card.labels:  # labels that are merged are no leaves any more
        return result
    probabilities = np.array([answer.probabilities for answer in result.answers])
    leaves = [answer.truth for answer in result.answers]
    return result.model_copy(update={"tree": tree_metrics(card.tree, leaves, probabilities, card.certainty)})


def predict_tracks(
    classifier: Classifier, items: Sequence[LabelledTrack], processes: int, progress: Callable[[], None]
) -> TrackOutcomes:
    """Let the model hear all windows of each track.

    Tracks that are audio take the way that a user's files take; rows of an array begin at their log-mel.
    """
    card = classifier.card
    answers: dict[str, TrackProbabilities] = {}
    failures: dict[str, Failure] = {}
    for path in (item.path for item in items if is_array_row(item.path)):
        level = load_array_row(path, LogMelSpec.for_input(card.audio_input))
        answers[path] = TrackProbabilities.of(classifier.model.probabilities(network_inputs(level, card.audio_input)))
        progress()
    files = [item.path for item in items if not is_array_row(item.path)]
    for result in classifier.predict_many(files, windows="all", processes=processes):
        if isinstance(result, Prediction):
            answers[result.path] = _judged(result, card.labels)
        else:
            failures[result.path] = result
        progress()
    return TrackOutcomes(answers, tuple(failures.values()))


def predict_log_mels(
    judge: Callable[[ModelInput], Probabilities],
    own: InputSpec,
    items: Sequence[LabelledTrack],
    levels: Mapping[str, LogMel],
) -> TrackOutcomes:
    """Let whatever judges windows hear all windows of tracks whose levels are at hand.

    Args:
        judge: from windows (windows, planes, rows, frames) to probabilities (windows, labels).
        own: what it takes.
        items: the tracks.
        levels: of each, by its path.
    """
    return TrackOutcomes(
        {item.path: TrackProbabilities.of(judge(network_inputs(levels[item.path], own))) for item in items}, ()
    )


def build_evaluation(
    name: str,
    version: str,
    labels: tuple[str, ...],
    items: Sequence[LabelledTrack],
    answers: Mapping[str, TrackProbabilities],
    failures: tuple[Failure, ...] = (),
) -> Evaluation:
    """Measure answers, one for each path of a track.

    Raises:
        ManifestError: there are none.
    """
    answered = predicted_tracks(items, answers)
    judged = [answers[item.path] for item in answered]
    truth = np.array([labels.index(item.label) for item in answered])
    tracks = np.repeat(np.arange(len(judged)), [len(one.windows) for one in judged])
    return Evaluation(
        model=name,
        version=version,
        labels=labels,
        metrics=classification_metrics(labels, truth, np.stack([one.track for one in judged])),
        windows=classification_metrics(labels, truth[tracks], np.concatenate([one.windows for one in judged]), tracks),
        answers=tuple(
            TrackPrediction(path=item.path, truth=item.label, probabilities=tuple(map(float, one.track)))
            for item, one in zip(answered, judged, strict=True)
        ),
        failures=failures,
    )


def predicted_tracks(items: Sequence[LabelledTrack], answers: Mapping[str, TrackProbabilities]) -> list[LabelledTrack]:
    """The tracks that there are answers for.

    Raises:
        ManifestError: there are none.
    """
    answered = [item for item in items if item.path in answers]
    if not answered:
        raise ManifestError("none of the tracks could be read; `genrelens data check` tells why")
    return answered


def _judged(prediction: Prediction, labels: tuple[str, ...]) -> TrackProbabilities:
    """An answer in the order of the labels; a picture is its own only window."""
    track = _in_order(prediction.scores, labels)
    windows = [_in_order(segment.scores, labels) for segment in prediction.segments]
    return TrackProbabilities(np.stack(windows or [track]), track)


def _in_order(scores: Iterable[Score], labels: tuple[str, ...]) -> Probabilities:
    by_label = {score.label: score.score for score in scores}
    return np.array([by_label[label] for label in labels], np.float32)
