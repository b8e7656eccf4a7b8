"""Evaluation of single-label and tree models on labelled tracks, with one prediction per track."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.model.input_spec import InputSpec
from genrelens.model.session import ModelInput, Probabilities
from genrelens.prediction import Failure, PathText, Prediction, Score
from genrelens.progress import Progress, no_progress
from genrelens.records import FrozenModel
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.log_mels import LogMel, LogMelSpec, is_array_row, load_array_row, network_inputs
from genrelens.train.data.manifest import LabelledTrack, require_labelling
from genrelens.train.evaluation.metrics import Metrics, classification_metrics
from genrelens.train.evaluation.tree_metrics import TreeMetrics, tree_metrics


@dataclass(frozen=True)
class TrackProbabilities:
    """Probabilities of the labels for each window of a track and for the whole track.

    Attributes:
        windows: shape (windows, labels).
        track: shape (labels,).
    """

    windows: NDArray[np.floating]
    track: NDArray[np.floating]

    @classmethod
    def from_windows(cls, windows: NDArray[np.floating]) -> Self:
        """Average windows into the probabilities of the track."""
        return cls(windows, np.asarray(windows.mean(axis=0)))

    def merge_labels(self, merge: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Self:
        """Return the probabilities of merged labels."""
        return type(self)(merge(self.windows), merge(self.track))


@dataclass(frozen=True)
class Predictions:
    """Probabilities of each track by its path, and a failure for each unreadable track."""

    by_path: Mapping[str, TrackProbabilities]
    failures: tuple[Failure, ...] = ()

    def predicted_tracks(self, tracks: Sequence[LabelledTrack]) -> list[LabelledTrack]:
        """Return the tracks that have a prediction.

        Raises:
            ManifestError: none of them has one.
        """
        predicted = [track for track in tracks if track.path in self.by_path]
        if not predicted:
            raise ManifestError("none of the tracks could be read; `genrelens data check` shows why")
        return predicted


class TrackPrediction(FrozenModel):
    """True label of a track and predicted probabilities, in the order of the model's labels."""

    path: PathText
    truth: str
    probabilities: tuple[float, ...]


class Evaluation(FrozenModel):
    """Metrics of a single-label or tree model, with the predictions behind them.

    Attributes:
        model, version: name and version of the model.
        labels: labels of the model, or the leaves of its tree.
        metrics: metrics by track.
        windows: metrics by window; a picture is a single window.
        tree: additional metrics of a tree model.
        answers: prediction of each track.
        failures: one for each unreadable track.
    """

    model: str
    version: str
    labels: tuple[str, ...]
    metrics: Metrics
    windows: Metrics
    tree: TreeMetrics | None = None
    answers: tuple[TrackPrediction, ...]
    failures: tuple[Failure, ...]


def evaluate(
    classifier: Classifier,
    tracks: Sequence[LabelledTrack],
    processes: int,
    progress: Progress = no_progress,
    label_map: LabelMap | None = None,
) -> Evaluation:
    """Evaluate a single-label or tree model on labelled tracks.

    Args:
        classifier: model to evaluate.
        tracks: labelled tracks.
        processes: number of processes that decode audio.
        progress: called after each track.
        label_map: mapping between the labels of the dataset and of the model.

    Raises:
        ManifestError: a label is neither one of the model's nor mapped to one, or no track can be read.
    """
    card, label_map = classifier.card, label_map or LabelMap()
    require_labelling(tracks, card.labelling)
    tracks = label_map.map_tracks(tracks, card.labels)
    labels = label_map.merged_labels(card.labels)
    predictions = predict_tracks(classifier, tracks, processes, progress)
    merged = {
        path: probabilities.merge_labels(lambda rows: label_map.merge(rows, card.labels))
        for path, probabilities in predictions.by_path.items()
    }
    result = build_evaluation(card.name, card.version, labels, tracks, Predictions(merged, predictions.failures))
    if not card.tree or labels != card.labels:  # merged labels are not leaves of the tree
        return result
    leaf_probabilities = np.array([prediction.probabilities for prediction in result.answers])
    leaves = [prediction.truth for prediction in result.answers]
    return result.model_copy(update={"tree": tree_metrics(card.tree, leaves, leaf_probabilities, card.certainty)})


def predict_tracks(
    classifier: Classifier, tracks: Sequence[LabelledTrack], processes: int, progress: Progress = no_progress
) -> Predictions:
    """Classify all windows of each track.

    Audio files are processed as any user's files; rows of an array start at their log-mel.
    """
    card = classifier.card
    by_path: dict[str, TrackProbabilities] = {}
    failures: list[Failure] = []
    for path in (track.path for track in tracks if is_array_row(track.path)):
        log_mel = load_array_row(path, LogMelSpec.for_input(card.audio_input))
        windows = classifier.model.probabilities(network_inputs(log_mel, card.audio_input))
        by_path[path] = TrackProbabilities.from_windows(windows)
        progress()
    files = [track.path for track in tracks if not is_array_row(track.path)]
    for result in classifier.predict_many(files, windows="all", processes=processes):
        if isinstance(result, Prediction):
            by_path[result.path] = _track_probabilities(result, card.labels)
        else:
            failures.append(result)
        progress()
    return Predictions(by_path, tuple(failures))


def predict_log_mels(
    classify: Callable[[ModelInput], Probabilities],
    input_spec: InputSpec,
    tracks: Sequence[LabelledTrack],
    log_mels: Mapping[str, LogMel],
) -> Predictions:
    """Classify all windows of tracks whose log-mels are already computed.

    Args:
        classify: maps windows (windows, channels, rows, frames) to probabilities (windows, labels).
        input_spec: input specification of the model.
        tracks: labelled tracks.
        log_mels: log-mel of each track by its path.
    """
    return Predictions(
        {
            track.path: TrackProbabilities.from_windows(classify(network_inputs(log_mels[track.path], input_spec)))
            for track in tracks
        }
    )


def build_evaluation(
    name: str, version: str, labels: tuple[str, ...], tracks: Sequence[LabelledTrack], predictions: Predictions
) -> Evaluation:
    """Compute the metrics of predictions for labelled tracks.

    Raises:
        ManifestError: no track has a prediction.
    """
    predicted = predictions.predicted_tracks(tracks)
    probabilities = [predictions.by_path[track.path] for track in predicted]
    by_track = np.stack([track.track for track in probabilities])
    by_window = np.concatenate([track.windows for track in probabilities])
    truth = np.array([labels.index(track.label) for track in predicted])
    track_ids = np.repeat(np.arange(len(predicted)), [len(track.windows) for track in probabilities])
    return Evaluation(
        model=name,
        version=version,
        labels=labels,
        metrics=classification_metrics(labels, truth, by_track),
        windows=classification_metrics(labels, truth[track_ids], by_window, track_ids),
        answers=tuple(
            TrackPrediction(path=track.path, truth=track.label, probabilities=tuple(map(float, row)))
            for track, row in zip(predicted, by_track, strict=True)
        ),
        failures=predictions.failures,
    )


def _track_probabilities(prediction: Prediction, labels: tuple[str, ...]) -> TrackProbabilities:
    """Order the scores of a prediction by the model's labels; a picture is a single window."""
    track = _in_label_order(prediction.scores, labels)
    windows = [_in_label_order(segment.scores, labels) for segment in prediction.segments]
    return TrackProbabilities(np.stack(windows or [track]), track)


def _in_label_order(scores: Iterable[Score], labels: tuple[str, ...]) -> Probabilities:
    by_label = {score.label: score.score for score in scores}
    return np.array([by_label[label] for label in labels], np.float32)
