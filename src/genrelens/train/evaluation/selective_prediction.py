"""Accuracy against coverage: how accurate predictions are after the least confident ones are withheld."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrelens.train.evaluation.bootstrap import ClassIndices, Floats, resample_weights


@dataclass(frozen=True)
class RankedPredictions:
    """Predictions from the most to the least confident.

    Attributes:
        correct: correctness of each prediction, 0 to 1, shape (predictions,).
        track_ids: track of each prediction, shape (predictions,).
    """

    correct: Floats
    track_ids: ClassIndices


def rank_by_confidence(
    truth: ClassIndices, probabilities: NDArray[np.floating], track_ids: ClassIndices
) -> RankedPredictions:
    """Order predictions by confidence; predictions of equal confidence share their mean correctness.

    Args:
        truth: true class of each prediction, shape (predictions,).
        probabilities: shape (predictions, labels).
        track_ids: track of each prediction, counted from 0, shape (predictions,).
    """
    confidence = probabilities.max(axis=1)
    _, group = np.unique(-confidence, return_inverse=True)
    correct = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    shared = np.bincount(group, correct) / np.bincount(group)
    order = np.argsort(group, kind="stable")
    return RankedPredictions(shared[group][order], track_ids[order])


def cumulative_accuracies(ranked: RankedPredictions) -> Floats:
    """Return the accuracy of the most confident prediction, the two most confident, ..., all; shape (predictions,)."""
    return np.asarray(np.cumsum(ranked.correct) / np.arange(1, len(ranked.correct) + 1))


def accuracy_at(by_count: Floats, coverage: float) -> float:
    """Return the accuracy at a coverage of 0 to 1, rounded up to whole predictions.

    Args:
        by_count: result of `cumulative_accuracies`.
        coverage: fraction of the predictions that are not withheld.
    """
    return float(by_count[max(1, int(np.ceil(coverage * len(by_count) - 1e-9))) - 1])


def resampled_accuracies(ranked: RankedPredictions, coverage: float, rng: np.random.Generator) -> Floats:
    """Return the accuracy at a coverage in bootstrap resamples of the tracks, shape (resamples,)."""
    samples = []
    for weights in resample_weights(int(ranked.track_ids.max()) + 1, rng):
        covered = np.cumsum(weights[:, ranked.track_ids], axis=1)
        correct = np.cumsum(weights[:, ranked.track_ids] * ranked.correct, axis=1)
        last = (covered >= coverage * covered[:, -1:]).argmax(axis=1)[:, None]
        samples.append((np.take_along_axis(correct, last, 1) / np.take_along_axis(covered, last, 1))[:, 0])
    return np.concatenate(samples)
