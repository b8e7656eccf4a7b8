"""Multi-label metrics with intervals: average precision, ROC AUC, and F1 at decision thresholds."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from genrelens.model.labels import DEFAULT_CERTAINTY
from genrelens.records import FrozenModel
from genrelens.train.evaluation.bootstrap import Estimate, Floats, resample_weights
from genrelens.train.evaluation.rankings import Ranking

_MIN_PROBABILITY = 1e-7  # keeps the log loss finite

Targets = NDArray[Any]  # 1 for the labels of each track, shape (tracks, labels)
Probabilities = NDArray[np.floating[Any]]  # shape (tracks, labels)
RankingMetric = Callable[[Ranking], Floats]
Averaging = Callable[[RankingMetric, Targets, Probabilities, Floats], Floats]


class LabelRow(FrozenModel):
    """Metrics of one label; `support` is the number of tracks that have it.

    `average_precision` and `roc_auc` measure the ranking of the tracks, and are None where no track has the label or
    all have it. The other metrics count the label as predicted from `threshold`.
    """

    label: str
    average_precision: float | None
    roc_auc: float | None
    threshold: float
    precision: float
    recall: float
    f1: float
    support: int


class MultilabelMetrics(FrozenModel):
    """Metrics of one multi-label model on one set of tracks.

    Attributes:
        tracks: number of tracks.
        mean_ap: mean average precision over the labels (mAP, macro).
        micro_ap: average precision of all pairs of a track and a label, ranked together.
        mean_auc, micro_auc: the same for the area under the ROC curve, 0.5 for a random ranking; None if no label
            splits the tracks.
        macro_f1: mean F1 over the labels at their thresholds; optimistic on the tracks that these were chosen on.
        log_loss: mean over tracks and labels of -ln of the probability of the correct value.
        labels: metrics of each label.
    """

    tracks: int
    mean_ap: Estimate
    micro_ap: Estimate
    mean_auc: Estimate | None
    micro_auc: Estimate | None
    macro_f1: float
    log_loss: float
    labels: tuple[LabelRow, ...]


def multilabel_metrics(
    labels: Sequence[str], targets: Targets, probabilities: Probabilities, thresholds: Sequence[float], seed: int = 0
) -> MultilabelMetrics:
    """Compare predictions with the true labels.

    Args:
        labels: label names.
        targets: 1 where a track has a label, shape (tracks, labels).
        probabilities: shape (tracks, labels).
        thresholds: probability from which each label is predicted, shape (labels,).
        seed: seed of the bootstrap over tracks.
    """
    rows = _label_rows(labels, targets, probabilities, thresholds)
    of_truth = np.clip(np.where(targets > 0, probabilities, 1 - probabilities), _MIN_PROBABILITY, 1)
    estimates = _estimates(targets, probabilities, np.random.default_rng(seed))
    return MultilabelMetrics(
        tracks=len(targets),
        mean_ap=estimates["mean_ap"],
        micro_ap=estimates["micro_ap"],
        mean_auc=estimates.get("mean_auc"),
        micro_auc=estimates.get("micro_auc"),
        macro_f1=float(np.mean([row.f1 for row in rows if row.support])),
        log_loss=float(-np.log(of_truth).mean()),
        labels=rows,
    )


def mean_average_precision(targets: Targets, probabilities: Probabilities) -> float:
    """Return the mean average precision over the labels that occur."""
    return float(_macro(Ranking.average_precision, targets, probabilities, np.ones((1, len(targets))))[0])


def best_thresholds(targets: Targets, probabilities: Probabilities) -> tuple[float, ...]:
    """Choose the threshold with the best F1 for each label, half-way between the two probabilities it separates.

    A label that no track has gets a threshold of one half. With few tracks, thresholds overfit, and a label that
    cannot be predicted tends to get one that accepts every track (Lipton, Elkan & Naryanaswamy, ECML 2014).
    """
    thresholds = []
    for target, scores in zip(targets.T, probabilities.T, strict=True):
        ranking = Ranking.build(target, scores)
        best = int(ranking.f1()[0].argmax())
        following = ranking.cuts[best + 1] if best + 1 < len(ranking.cuts) else 0.0
        thresholds.append(float(ranking.cuts[best] + following) / 2 if target.any() else DEFAULT_CERTAINTY)
    return tuple(thresholds)


def _label_rows(
    labels: Sequence[str], targets: Targets, probabilities: Probabilities, thresholds: Sequence[float]
) -> tuple[LabelRow, ...]:
    predicted = probabilities >= np.asarray(thresholds)
    at_threshold = precision_recall_fscore_support(targets > 0, predicted, average=None, zero_division=0)
    rankings = [Ranking.build(target, scores) for target, scores in zip(targets.T, probabilities.T, strict=True)]
    return tuple(
        LabelRow(
            label=label,
            average_precision=_none_if_nan(ranking.average_precision()),
            roc_auc=_none_if_nan(ranking.roc_auc()),
            threshold=float(threshold),
            precision=float(p),
            recall=float(r),
            f1=float(f),
            support=int(n),
        )
        for label, ranking, threshold, p, r, f, n in zip(labels, rankings, thresholds, *at_threshold, strict=True)
    )


def _none_if_nan(value: Floats) -> float | None:
    return None if np.isnan(value[0]) else float(value[0])


def _macro(metric: RankingMetric, targets: Targets, probabilities: Probabilities, weights: Floats) -> Floats:
    """Average a metric over the labels that have a value, for weights (samples, tracks); shape (samples,)."""
    scores = np.stack(
        [
            metric(Ranking.build(target, column, weights))
            for target, column in zip(targets.T, probabilities.T, strict=True)
        ]
    )
    known = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        return np.asarray(scores.sum(axis=0, where=known) / known.sum(axis=0))


def _micro(metric: RankingMetric, targets: Targets, probabilities: Probabilities, weights: Floats) -> Floats:
    """Score all pairs of a track and a label together, for weights (samples, tracks); shape (samples,)."""
    return metric(Ranking.build(targets.ravel(), probabilities.ravel(), np.repeat(weights, targets.shape[1], axis=1)))


_ESTIMATORS: dict[str, tuple[Averaging, RankingMetric]] = {
    "mean_ap": (_macro, Ranking.average_precision),
    "micro_ap": (_micro, Ranking.average_precision),
    "mean_auc": (_macro, Ranking.roc_auc),
    "micro_auc": (_micro, Ranking.roc_auc),
}


def _estimates(targets: Targets, probabilities: Probabilities, rng: np.random.Generator) -> dict[str, Estimate]:
    """Return the estimates by name, without those that are undefined on these tracks."""
    once = np.ones((1, len(targets)))
    values = {
        name: float(average(metric, targets, probabilities, once)[0]) for name, (average, metric) in _ESTIMATORS.items()
    }
    samples: dict[str, list[Floats]] = {name: [] for name, value in values.items() if not np.isnan(value)}
    for weights in resample_weights(len(targets), rng):
        for name, blocks in samples.items():
            average, metric = _ESTIMATORS[name]
            blocks.append(average(metric, targets, probabilities, weights))
    return {name: Estimate.from_samples(values[name], blocks) for name, blocks in samples.items()}
