"""Confusion, top-3 and calibration counts that add up over tracks, and the metrics computed from them.

All metrics take counts of several samples at once (all tracks, or many bootstrap resamples) and return one value
per sample, shape (samples,), or per sample and label, shape (samples, labels).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from genrelens.train.evaluation.bootstrap import ClassIndices, Floats

TOP_K = 3  # most probable labels that count for the top-3 accuracy
CALIBRATION_BINS = 15  # of equal width (Guo et al., ICML 2017)

_CALIBRATED_DRAWS = 500  # sets of predictions drawn from a perfectly calibrated model
_BIN_SUMS = 3  # per bin: number of predictions, number of correct ones, sum of confidences


@dataclass(frozen=True)
class Counts:
    """Counts over the predictions of several samples.

    Attributes:
        confusions: true labels in rows, predicted labels in columns, shape (samples, labels, labels).
        top_k: predictions with the true label among the TOP_K most probable ones, shape (samples,).
        bins: number of predictions, number of correct ones and sum of confidences per confidence bin,
            shape (samples, CALIBRATION_BINS, 3).
    """

    confusions: Floats
    top_k: Floats
    bins: Floats

    @classmethod
    def from_sums(cls, sums: Floats, labels: int) -> Self:
        """Split sums over rows of `count_by_track`, shape (samples, columns)."""
        confusions, top_k, bins = np.split(sums, [labels**2, labels**2 + 1], axis=1)
        return cls(confusions.reshape(-1, labels, labels), top_k[:, 0], bins.reshape(-1, CALIBRATION_BINS, _BIN_SUMS))


def count_by_track(truth: ClassIndices, probabilities: NDArray[np.floating], track_ids: ClassIndices) -> csr_array:
    """Return what each track adds to the counts, shape (tracks, columns); `Counts.from_sums` takes sums of rows.

    Args:
        truth: true class of each prediction, shape (predictions,).
        probabilities: shape (predictions, labels).
        track_ids: track of each prediction, counted from 0, shape (predictions,).
    """
    labels = probabilities.shape[1]
    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    top_k = (ranking[:, :TOP_K] == truth[:, None]).any(axis=1)
    correct, confidence = ranking[:, 0] == truth, probabilities.max(axis=1)
    first_bin = labels**2 + 1 + _BIN_SUMS * confidence_bin(confidence)
    ones = np.ones(len(truth))
    columns = (
        truth * labels + ranking[:, 0],
        np.full(len(truth), labels**2),
        first_bin,
        first_bin + 1,
        first_bin + 2,
    )
    values = np.concatenate([ones, top_k, ones, correct, confidence])
    shape = (int(track_ids.max()) + 1, labels**2 + 1 + _BIN_SUMS * CALIBRATION_BINS)
    return coo_array((values, (np.tile(track_ids, len(columns)), np.concatenate(columns))), shape).tocsr()


def confidence_bin(confidence: NDArray[np.floating]) -> ClassIndices:
    """Return the calibration bin of each confidence, from 0; bins are open below and closed above, as in Guo et al."""
    return np.searchsorted(np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS, confidence, side="left")


def chance_calibration_error(confidence: NDArray[np.floating], rng: np.random.Generator) -> float:
    """Return the mean calibration error of as many predictions that are right exactly as often as their confidence."""
    bins = confidence_bin(confidence)
    errors = []
    for _ in range(_CALIBRATED_DRAWS):
        correct = rng.random(len(confidence)) < confidence
        errors.append(np.abs(np.bincount(bins, correct - confidence)).sum() / len(confidence))
    return float(np.mean(errors))


def accuracy(counts: Counts) -> Floats:
    """Return the fraction of correct predictions."""
    return np.asarray(np.trace(counts.confusions, axis1=1, axis2=2) / counts.confusions.sum(axis=(1, 2)))


def top_k_accuracy(counts: Counts) -> Floats:
    """Return the fraction of predictions with the true label among the TOP_K most probable ones."""
    return np.asarray(counts.top_k / counts.confusions.sum(axis=(1, 2)))


def precision(counts: Counts) -> Floats:
    """Return the fraction of the predictions of each label that are correct; shape (samples, labels)."""
    return np.asarray(_correct(counts) / np.maximum(1, counts.confusions.sum(axis=1)))


def recall(counts: Counts) -> Floats:
    """Return the fraction of the tracks of each label that are predicted as it; shape (samples, labels)."""
    return _correct(counts) / np.maximum(1, support(counts))


def f1(counts: Counts) -> Floats:
    """Return the harmonic mean of precision and recall; shape (samples, labels)."""
    return np.asarray(2 * _correct(counts) / np.maximum(1, support(counts) + counts.confusions.sum(axis=1)))


def support(counts: Counts) -> Floats:
    """Return the number of predictions per true label; shape (samples, labels)."""
    return np.asarray(counts.confusions.sum(axis=2))


def macro_mean(scores: Floats, counts: Counts) -> Floats:
    """Average scores of shape (samples, labels) over the labels that occur in each sample."""
    occurs = support(counts) > 0
    return np.asarray(scores.sum(axis=1, where=occurs) / occurs.sum(axis=1))


def macro_f1(counts: Counts) -> Floats:
    """Return the mean F1 over the labels that occur."""
    return macro_mean(f1(counts), counts)


def weighted_mean(scores: Floats, counts: Counts) -> Floats:
    """Average scores of shape (samples, labels), weighting each label by its support."""
    return np.asarray((scores * support(counts)).sum(axis=1) / support(counts).sum(axis=1))


def _correct(counts: Counts) -> Floats:
    return np.diagonal(counts.confusions, axis1=1, axis2=2)
