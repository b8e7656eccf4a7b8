"""How good a model is that tells several labels a track; and the one way to measure whatever a model tells."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from genrelens.classifier import Classifier
from genrelens.prediction import Failure, PathText
from genrelens.train.evaluate import Evaluation, ask, by_track, evaluate
from genrelens.train.label_metrics import LabelMetrics, measure_labels
from genrelens.train.manifest import Item
from genrelens.train.tracks import targets


class LabelAnswer(BaseModel):
    """What the model said of one track: probabilities in the order of the labels, each for itself."""

    model_config = ConfigDict(frozen=True)

    path: PathText
    truth: tuple[str, ...]
    probabilities: tuple[float, ...]


class LabelEvaluation(BaseModel):
    """As `Evaluation`, with measures that suit several labels a track."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    labels: tuple[str, ...]
    metrics: LabelMetrics
    answers: tuple[LabelAnswer, ...]
    failures: tuple[Failure, ...]


def evaluate_any(
    classifier: Classifier,
    items: Sequence[Item],
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> Evaluation | LabelEvaluation:
    """Ask the model about each track, and measure its answers by what it tells; as `evaluate`."""
    if classifier.card.labelling == "several":
        return evaluate_several(classifier, items, processes, progress)
    return evaluate(classifier, items, processes, progress)


def evaluate_several(
    classifier: Classifier,
    items: Sequence[Item],
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> LabelEvaluation:
    """Ask a model that tells several labels about each track, and measure its answers; as `evaluate`."""
    card = classifier.card
    answers = ask(classifier, items, processes, progress)
    answered, probabilities = by_track(items, answers.judged)
    return LabelEvaluation(
        model=card.name,
        version=card.version,
        labels=card.labels,
        metrics=measure_labels(card.labels, targets(answered, card.labels), probabilities, card.thresholds),
        answers=tuple(
            LabelAnswer(path=item.path, truth=item.labels, probabilities=tuple(map(float, row)))
            for item, row in zip(answered, probabilities, strict=True)
        ),
        failures=answers.failures,
    )
