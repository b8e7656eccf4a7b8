"""Single-label metrics with intervals: accuracy, precision, recall, F1, calibration and selective prediction."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.metrics import precision_recall_fscore_support

from genrelens.records import FrozenModel
from genrelens.train.evaluation import counts as count_metrics
from genrelens.train.evaluation import selective_prediction
from genrelens.train.evaluation.bootstrap import ClassIndices, Estimate, Floats, resample_weights
from genrelens.train.evaluation.counts import CALIBRATION_BINS, Counts, count_by_track

_MIN_PROBABILITY = 1e-7  # keeps the log loss finite
_COVERAGE = 0.8  # of the selective accuracy that is reported


class GenreRow(FrozenModel):
    """Metrics of one genre; `support` is the number of its tracks (or windows)."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class CalibrationBin(FrozenModel):
    """Predictions with a confidence in (low, high]: their number, mean confidence and accuracy."""

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


class CalibrationMetrics(FrozenModel):
    """Agreement of confidence with accuracy.

    Attributes:
        error: expected calibration error (Guo et al., ICML 2017): the mean distance between accuracy and confidence
            over the bins, weighted by their number of predictions. It has no interval: resamples are noisier than
            the tracks, which biases their errors upwards.
        by_chance: mean error of as many predictions that are right exactly as often as their confidence: the error
            that remains for a perfectly calibrated model (Broecker & Smith, Weather and Forecasting 22, 2007).
            Predictions count as independent, which windows of a track are not.
        bins: non-empty bins.
    """

    error: float
    by_chance: float
    bins: tuple[CalibrationBin, ...]


class SelectiveMetrics(FrozenModel):
    """Accuracy after the least confident predictions are withheld (Geifman & El-Yaniv, NeurIPS 2017).

    Attributes:
        risk: area under the risk-coverage curve: the mean error rate over all coverages.
        at_80: accuracy of the most confident 80 %.
        accuracies: accuracy of the most confident 1 %, 2 %, ..., 100 %.
    """

    risk: float
    at_80: Estimate
    accuracies: tuple[float, ...]


class Metrics(FrozenModel):
    """Metrics of one single-label model on one set of tracks.

    Attributes:
        tracks: number of tracks; for metrics by window, `support` and `confusion` count windows.
        accuracy: fraction of correct predictions, which equals the recall weighted by support.
        top3: fraction of predictions with the true label among the three most probable ones.
        macro_precision, macro_recall, macro_f1: means over the genres that occur.
        weighted_precision, weighted_recall, weighted_f1: means over the genres, weighted by support.
        log_loss: mean of -ln of the probability of the true label.
        calibration: agreement of confidence with accuracy.
        selection: how well confidence separates correct predictions from wrong ones.
        genres: metrics of each genre.
        confusion: counts by true label (row) and predicted label (column).
    """

    tracks: int
    accuracy: Estimate
    top3: Estimate
    macro_precision: Estimate
    macro_recall: Estimate
    macro_f1: Estimate
    weighted_precision: Estimate
    weighted_recall: Estimate
    weighted_f1: Estimate
    log_loss: float
    calibration: CalibrationMetrics
    selection: SelectiveMetrics
    genres: tuple[GenreRow, ...]
    confusion: tuple[tuple[int, ...], ...]


# Fields of `Metrics` with an interval, and their display names.
ESTIMATES = {
    "accuracy": "accuracy",
    "top3": "top-3 accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "weighted_precision": "weighted precision",
    "weighted_recall": "weighted recall",
    "weighted_f1": "weighted F1",
}

_ESTIMATORS: dict[str, Callable[[Counts], Floats]] = {
    "accuracy": count_metrics.accuracy,
    "top3": count_metrics.top_k_accuracy,
    "macro_precision": lambda counts: count_metrics.macro_mean(count_metrics.precision(counts), counts),
    "macro_recall": lambda counts: count_metrics.macro_mean(count_metrics.recall(counts), counts),
    "macro_f1": count_metrics.macro_f1,
    "weighted_precision": lambda counts: count_metrics.weighted_mean(count_metrics.precision(counts), counts),
    "weighted_recall": lambda counts: count_metrics.weighted_mean(count_metrics.recall(counts), counts),
    "weighted_f1": lambda counts: count_metrics.weighted_mean(count_metrics.f1(counts), counts),
}


def classification_metrics(
    labels: Sequence[str],
    truth: ClassIndices,
    probabilities: NDArray[np.floating],
    track_ids: ClassIndices | None = None,
    seed: int = 0,
) -> Metrics:
    """Compare predictions with the true labels.

    Args:
        labels: names of the classes.
        truth: true class of each prediction, shape (predictions,).
        probabilities: shape (predictions, labels).
        track_ids: track of each prediction, counted from 0, shape (predictions,), where tracks have several
            predictions, such as one per window; intervals then come from a cluster bootstrap (see
            `resample_weights`).
        seed: seed of the bootstrap.
    """
    ids = np.arange(len(truth)) if track_ids is None else track_ids
    by_track = count_by_track(truth, probabilities, ids)
    totals = Counts.from_sums(by_track.sum(axis=0)[None], len(labels))
    rows = precision_recall_fscore_support(
        truth, probabilities.argmax(axis=1), labels=np.arange(len(labels)), zero_division=0
    )
    of_truth = np.clip(probabilities[np.arange(len(truth)), truth], _MIN_PROBABILITY, 1)
    return Metrics(
        tracks=by_track.shape[0],
        **_estimates(by_track, totals, np.random.default_rng(seed)),
        log_loss=float(-np.log(of_truth).mean()),
        calibration=calibration_metrics(truth, probabilities),
        selection=_selective_metrics(truth, probabilities, ids, seed),
        genres=tuple(
            GenreRow(label=label, precision=float(p), recall=float(r), f1=float(f), support=int(n))
            for label, p, r, f, n in zip(labels, *rows, strict=True)
        ),
        confusion=tuple(tuple(map(int, row)) for row in totals.confusions[0]),
    )


def calibration_metrics(truth: ClassIndices, probabilities: NDArray[np.floating], seed: int = 0) -> CalibrationMetrics:
    """Compare confidence with accuracy. Takes the same arguments as `classification_metrics`."""
    by_track = count_by_track(truth, probabilities, np.arange(len(truth)))
    totals = Counts.from_sums(by_track.sum(axis=0)[None], probabilities.shape[1])
    number, correct, confidence = totals.bins[0].T
    return CalibrationMetrics(
        error=float(np.abs(correct - confidence).sum() / number.sum()),
        by_chance=count_metrics.chance_calibration_error(probabilities.max(axis=1), np.random.default_rng(seed)),
        bins=tuple(
            CalibrationBin(
                low=int(index) / CALIBRATION_BINS,
                high=(int(index) + 1) / CALIBRATION_BINS,
                answers=int(number[index]),
                confidence=float(confidence[index] / number[index]),
                accuracy=float(correct[index] / number[index]),
            )
            for index in np.flatnonzero(number)
        ),
    )


def _estimates(by_track: csr_array, totals: Counts, rng: np.random.Generator) -> dict[str, Estimate]:
    labels = totals.confusions.shape[1]
    samples: dict[str, list[Floats]] = {name: [] for name in _ESTIMATORS}
    for weights in resample_weights(by_track.shape[0], rng):
        resampled = Counts.from_sums(weights @ by_track, labels)
        for name, estimator in _ESTIMATORS.items():
            samples[name].append(estimator(resampled))
    return {
        name: Estimate.from_samples(float(estimator(totals)[0]), samples[name])
        for name, estimator in _ESTIMATORS.items()
    }


def _selective_metrics(
    truth: ClassIndices, probabilities: NDArray[np.floating], track_ids: ClassIndices, seed: int
) -> SelectiveMetrics:
    ranked = selective_prediction.rank_by_confidence(truth, probabilities, track_ids)
    by_count = selective_prediction.cumulative_accuracies(ranked)
    samples = selective_prediction.resampled_accuracies(ranked, _COVERAGE, np.random.default_rng(seed))
    return SelectiveMetrics(
        risk=float(1 - by_count.mean()),
        at_80=Estimate.from_samples(selective_prediction.accuracy_at(by_count, _COVERAGE), [samples]),
        accuracies=tuple(selective_prediction.accuracy_at(by_count, percent / 100) for percent in range(1, 101)),
    )
