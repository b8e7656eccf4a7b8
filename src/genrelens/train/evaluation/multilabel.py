"""How good a model is that tells several labels a track; and the one way to measure whatever a model tells."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.prediction import Failure, PathText
from genrelens.train.data.dataset import target_matrix
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.manifest import LabelledTrack, require_labelling
from genrelens.train.evaluation.evaluate import Evaluation, TrackOutcomes, evaluate, predict_tracks, predicted_tracks
from genrelens.train.evaluation.multilabel_metrics import MultilabelMetrics, multilabel_metrics


class MultilabelPrediction(BaseModel):
    """What the model said of one track: probabilities in the order of the labels, each for itself."""

    model_config = ConfigDict(frozen=True)

    path: PathText
    truth: tuple[str, ...]
    probabilities: tuple[float, ...]


class MultilabelEvaluation(BaseModel):
    """As `Evaluation`, with measures that suit several labels a track."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    labels: tuple[str, ...]
    metrics: MultilabelMetrics
    answers: tuple[MultilabelPrediction, ...]
    failures: tuple[Failure, ...]


def evaluate_model(
    classifier: Classifier,
    items: Sequence[LabelledTrack],
    processes: int,
    progress: Callable[[], None] = lambda: None,
    label_map: LabelMap | None = None,
) -> Evaluation | MultilabelEvaluation:
    """Ask the model about each track, and measure its answers by what it tells; as `evaluate`.

    Raises:
        ManifestError: as `evaluate`; or labels are to be mapped, and the model tells several.
    """
    if classifier.card.labelling == "several":
        if label_map not in (None, LabelMap()):
            raise ManifestError("a label map is for models that tell one label a track; leave --labels out")
        return evaluate_multilabel(classifier, items, processes, progress)
    return evaluate(classifier, items, processes, progress, label_map)


def evaluate_multilabel(
    classifier: Classifier,
    items: Sequence[LabelledTrack],
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> MultilabelEvaluation:
    """Ask a model that tells several labels about each track, and measure its answers; as `evaluate`."""
    card = classifier.card
    require_labelling(items, card.labelling)
    require_labels(items, card.labels)
    answers = predict_tracks(classifier, items, processes, progress)
    return build_multilabel_evaluation(card.name, card.version, card.labels, card.thresholds, items, answers)


def build_multilabel_evaluation(
    name: str,
    version: str,
    labels: tuple[str, ...],
    thresholds: tuple[float, ...],
    items: Sequence[LabelledTrack],
    answers: TrackOutcomes,
) -> MultilabelEvaluation:
    """Measure answers, one for each path of a track.

    Raises:
        ManifestError: there are none.
    """
    answered = predicted_tracks(items, answers.judged)
    probabilities = np.stack([answers.judged[item.path].track for item in answered])
    return MultilabelEvaluation(
        model=name,
        version=version,
        labels=labels,
        metrics=multilabel_metrics(labels, target_matrix(answered, labels), probabilities, thresholds),
        answers=tuple(
            MultilabelPrediction(path=item.path, truth=item.labels, probabilities=tuple(map(float, row)))
            for item, row in zip(answered, probabilities, strict=True)
        ),
        failures=answers.failures,
    )


def require_labels(items: Iterable[LabelledTrack], labels: tuple[str, ...]) -> None:
    """See that the model knows what the tracks are called.

    Raises:
        ManifestError: it lacks a label.
    """
    unknown = sorted({label for item in items for label in item.labels} - set(labels))
    if unknown:
        raise ManifestError(f"the model has no label {', '.join(unknown)}; it knows {', '.join(labels)}")
