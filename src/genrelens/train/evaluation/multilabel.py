"""Evaluation of multi-label models, and of models with any kind of labels."""

from collections.abc import Iterable, Sequence

import numpy as np

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.prediction import Failure, PathText
from genrelens.progress import Progress, no_progress
from genrelens.records import FrozenModel
from genrelens.train.data.dataset import target_matrix
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.manifest import LabelledTrack, require_labelling
from genrelens.train.evaluation.evaluate import Evaluation, Predictions, evaluate, predict_tracks
from genrelens.train.evaluation.multilabel_metrics import MultilabelMetrics, multilabel_metrics


class MultilabelPrediction(FrozenModel):
    """True labels of a track and predicted probabilities, in the order of the model's labels."""

    path: PathText
    truth: tuple[str, ...]
    probabilities: tuple[float, ...]


class MultilabelEvaluation(FrozenModel):
    """Metrics of a multi-label model, with the predictions behind them; fields as in `Evaluation`."""

    model: str
    version: str
    labels: tuple[str, ...]
    metrics: MultilabelMetrics
    answers: tuple[MultilabelPrediction, ...]
    failures: tuple[Failure, ...]


def evaluate_model(
    classifier: Classifier,
    tracks: Sequence[LabelledTrack],
    processes: int,
    progress: Progress = no_progress,
    label_map: LabelMap | None = None,
) -> Evaluation | MultilabelEvaluation:
    """Evaluate a model of any labelling on labelled tracks. Takes the same arguments as `evaluate`.

    Raises:
        ManifestError: see `evaluate`; or a label map is given for a multi-label model.
    """
    if classifier.card.labelling == "several":
        if label_map not in (None, LabelMap()):
            raise ManifestError("a label map is for models that predict one label per track; leave --labels out")
        return evaluate_multilabel(classifier, tracks, processes, progress)
    return evaluate(classifier, tracks, processes, progress, label_map)


def evaluate_multilabel(
    classifier: Classifier, tracks: Sequence[LabelledTrack], processes: int, progress: Progress = no_progress
) -> MultilabelEvaluation:
    """Evaluate a multi-label model on labelled tracks. Takes the same arguments as `evaluate`.

    Raises:
        ManifestError: the model lacks a label of the tracks, or no track can be read.
    """
    card = classifier.card
    require_labelling(tracks, card.labelling)
    require_known_labels(tracks, card.labels)
    predictions = predict_tracks(classifier, tracks, processes, progress)
    return build_multilabel_evaluation(card.name, card.version, card.labels, card.thresholds, tracks, predictions)


def build_multilabel_evaluation(
    name: str,
    version: str,
    labels: tuple[str, ...],
    thresholds: tuple[float, ...],
    tracks: Sequence[LabelledTrack],
    predictions: Predictions,
) -> MultilabelEvaluation:
    """Compute the metrics of predictions for labelled tracks.

    Raises:
        ManifestError: no track has a prediction.
    """
    predicted = predictions.predicted_tracks(tracks)
    probabilities = np.stack([predictions.by_path[track.path].track for track in predicted])
    return MultilabelEvaluation(
        model=name,
        version=version,
        labels=labels,
        metrics=multilabel_metrics(labels, target_matrix(predicted, labels), probabilities, thresholds),
        answers=tuple(
            MultilabelPrediction(path=track.path, truth=track.labels, probabilities=tuple(map(float, row)))
            for track, row in zip(predicted, probabilities, strict=True)
        ),
        failures=predictions.failures,
    )


def require_known_labels(tracks: Iterable[LabelledTrack], labels: tuple[str, ...]) -> None:
    """Check that the model has all labels of the tracks.

    Raises:
        ManifestError: the model lacks a label.
    """
    unknown = sorted({label for track in tracks for label in track.labels} - set(labels))
    if unknown:
        raise ManifestError(f"the model lacks the label {', '.join(unknown)}; its labels are {', '.join(labels)}")
