"""What a model is worth that tells several labels a track: average precision, ROC-AUC, F1 at thresholds."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import precision_recall_fscore_support

from genrelens.model.labels import DEFAULT_CERTAINTY
from genrelens.train.evaluation import bootstrap
from genrelens.train.evaluation.metrics import Estimate
from genrelens.train.evaluation.rankings import Floats, Ranking

_LEAST = 1e-7  # probability that the log loss reckons with

Truth = NDArray[Any]  # which labels each track has, (tracks, labels)
Probabilities = NDArray[np.floating[Any]]  # of each label, (tracks, labels)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelRow(_Part):
    """How well one label is told; `support` is the number of tracks that have it.

    `average_precision` and `roc_auc` judge the ranking of the tracks, the others what is told from `threshold`
    on. Where no track has the label, or all have it, there is no ranking to judge.
    """

    label: str
    average_precision: float | None
    roc_auc: float | None
    threshold: float
    precision: float
    recall: float
    f1: float
    support: int


class MultilabelMetrics(_Part):
    """The measures of one model on one set of tracks.

    Attributes:
        tracks: how many there are.
        mean_ap: the mean over the labels of their average precision (mAP, macro).
        micro_ap: the average precision of all pairs of a track and a label, ranked together.
        mean_auc, micro_auc: the same of the area under the ROC curve; a ranking by chance has 0.5. None where
            every label is had by all tracks or by none.
        macro_f1: the mean over the labels of the F1 at their thresholds; on the tracks that these were chosen
            on, it flatters.
        log_loss: the mean over tracks and labels of -ln of the probability of what is so.
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
    labels: Sequence[str], truth: Truth, probabilities: Probabilities, thresholds: Sequence[float], seed: int = 0
) -> MultilabelMetrics:
    """Measure answers against the truth.

    Args:
        labels: their names.
        truth: 1 where a track has a label, shape (tracks, labels).
        probabilities: of the same shape.
        thresholds: from which on each label is told.
        seed: of the bootstrap over tracks.
    """
    rows = _rows(labels, truth, probabilities, thresholds)
    own = np.clip(np.where(truth > 0, probabilities, 1 - probabilities), _LEAST, 1)
    estimates = _estimates(truth, probabilities, np.random.default_rng(seed))
    return MultilabelMetrics(
        tracks=len(truth),
        mean_ap=estimates["mean_ap"],
        micro_ap=estimates["micro_ap"],
        mean_auc=estimates.get("mean_auc"),
        micro_auc=estimates.get("micro_auc"),
        macro_f1=float(np.mean([row.f1 for row in rows if row.support])),
        log_loss=float(-np.log(own).mean()),
        labels=rows,
    )


def mean_average_precision(truth: Truth, probabilities: Probabilities) -> float:
    """The mean over the labels that there are."""
    return float(_macro(Ranking.average_precision, truth, probabilities, np.ones((1, len(truth))))[0])


def best_thresholds(truth: Truth, probabilities: Probabilities) -> tuple[float, ...]:
    """For each label the threshold with the best F1, half-way between the probabilities that it parts.

    A label that no track has gets one half. With few tracks, thresholds fit their chance as well, and those of
    labels that cannot be told tend to let all pass (Lipton, Elkan & Naryanaswamy, ECML 2014).
    """
    chosen = []
    for has, own in zip(truth.T, probabilities.T, strict=True):
        ranking = Ranking.of(has, own)
        best = int(ranking.f1()[0].argmax())
        following = ranking.cuts[best + 1] if best + 1 < len(ranking.cuts) else 0.0
        chosen.append(float(ranking.cuts[best] + following) / 2 if has.any() else DEFAULT_CERTAINTY)
    return tuple(chosen)


def _rows(
    labels: Sequence[str], truth: Truth, probabilities: Probabilities, thresholds: Sequence[float]
) -> tuple[LabelRow, ...]:
    told = probabilities >= np.asarray(thresholds)
    shares = precision_recall_fscore_support(truth > 0, told, average=None, zero_division=0)
    rankings = [Ranking.of(has, own) for has, own in zip(truth.T, probabilities.T, strict=True)]
    return tuple(
        LabelRow(
            label=label,
            average_precision=_known(ranking.average_precision()),
            roc_auc=_known(ranking.roc_auc()),
            threshold=float(threshold),
            precision=float(p),
            recall=float(r),
            f1=float(f),
            support=int(n),
        )
        for label, ranking, threshold, p, r, f, n in zip(labels, rankings, thresholds, *shares, strict=True)
    )


def _known(value: Floats) -> float | None:
    return None if np.isnan(value[0]) else float(value[0])


Score = Callable[[Ranking], Floats]
Mean = Callable[[Score, Truth, Probabilities, Floats], Floats]


def _macro(score: Score, truth: Truth, probabilities: Probabilities, weights: Floats) -> Floats:
    """The mean of a score over the labels that have one, in each sample (samples, tracks); shape (samples,)."""
    scores = np.stack([score(Ranking.of(has, own, weights)) for has, own in zip(truth.T, probabilities.T, strict=True)])
    known = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        return np.asarray(scores.sum(axis=0, where=known) / known.sum(axis=0))


def _micro(score: Score, truth: Truth, probabilities: Probabilities, weights: Floats) -> Floats:
    """The score of all pairs of a track and a label, in each sample (samples, tracks); shape (samples,)."""
    return score(Ranking.of(truth.ravel(), probabilities.ravel(), np.repeat(weights, truth.shape[1], axis=1)))


_ESTIMATED: dict[str, tuple[Mean, Score]] = {
    "mean_ap": (_macro, Ranking.average_precision),
    "micro_ap": (_micro, Ranking.average_precision),
    "mean_auc": (_macro, Ranking.roc_auc),
    "micro_auc": (_micro, Ranking.roc_auc),
}


def _estimates(truth: Truth, probabilities: Probabilities, rng: np.random.Generator) -> dict[str, Estimate]:
    """The estimates by name, without those that these tracks leave open."""
    once = np.ones((1, len(truth)))
    values = {name: float(mean(score, truth, probabilities, once)[0]) for name, (mean, score) in _ESTIMATED.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name, value in values.items() if not np.isnan(value)}
    for weights in bootstrap.resamples(len(truth), rng):
        for name, samples in drawn.items():
            mean, score = _ESTIMATED[name]
            samples.append(mean(score, truth, probabilities, weights))
    bounds = {name: np.nanpercentile(np.concatenate(samples), [2.5, 97.5]) for name, samples in drawn.items()}
    return {
        name: Estimate(value=values[name], low=float(low), high=float(high)) for name, (low, high) in bounds.items()
    }
