"""The counts that measures are made from, of tracks as they are and of bootstrap resamples of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

RESAMPLES = 2000  # of the bootstrap
TOP = 3  # answers among which the right one counts for the top-3 accuracy
BINS = 15  # of equal width, for the calibration (Guo et al., ICML 2017)

_PERFECT = 500  # sets of answers that are drawn to be perfectly calibrated
_BLOCK = 100  # resamples made at a time: memory stays bounded
_BIN_PARTS = 3  # how many answers, how many right ones, the sum of their confidences

Classes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Totals:
    """Counts over the answers of each of several samples.

    Attributes:
        confusions: the truth in rows, shape (samples, labels, labels).
        near: answers with the truth among the first TOP, shape (samples,).
        bins: for each bin of confidence the answers, the right ones and the sum of confidences,
            shape (samples, BINS, 3).
    """

    confusions: Floats
    near: Floats
    bins: Floats

    @classmethod
    def of(cls, sums: Floats, labels: int) -> "Totals":
        """Take apart sums of rows of `tally`, shape (samples, columns)."""
        confusions, near, bins = np.split(sums, [labels**2, labels**2 + 1], axis=1)
        return cls(confusions.reshape(-1, labels, labels), near[:, 0], bins.reshape(-1, BINS, _BIN_PARTS))


def tally(truth: Classes, probabilities: NDArray[np.floating], tracks: Classes) -> csr_array:
    """What each track adds to the counts.

    Args:
        truth: the right class of each answer, shape (answers,).
        probabilities: shape (answers, labels).
        tracks: the track that each answer belongs to, from 0 on, shape (answers,).

    Returns:
        Shape (tracks, columns); sums of its rows are for `Totals.of`.
    """
    labels = probabilities.shape[1]
    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    near = (ranking[:, :TOP] == truth[:, None]).any(axis=1)
    right, confidence = ranking[:, 0] == truth, probabilities.max(axis=1)
    first = labels**2 + 1 + _BIN_PARTS * confidence_bin(confidence)
    ones = np.ones(len(truth))
    columns = (truth * labels + ranking[:, 0], np.full(len(truth), labels**2), first, first + 1, first + 2)
    values = np.concatenate([ones, near, ones, right, confidence])
    shape = (int(tracks.max()) + 1, labels**2 + 1 + _BIN_PARTS * BINS)
    return coo_array((values, (np.tile(tracks, len(columns)), np.concatenate(columns))), shape).tocsr()


def confidence_bin(confidence: NDArray[np.floating]) -> Classes:
    """The bin (from 0 on) of each confidence; bins are open below and closed above, as in Guo et al."""
    return np.searchsorted(np.arange(1, BINS) / BINS, confidence, side="left")


def error_by_chance(confidence: NDArray[np.floating], rng: np.random.Generator) -> float:
    """The mean calibration error of as many answers that are right exactly as often as they are confident."""
    bins = confidence_bin(confidence)
    errors = []
    for _ in range(_PERFECT):
        right = rng.random(len(confidence)) < confidence
        errors.append(np.abs(np.bincount(bins, right - confidence)).sum() / len(confidence))
    return float(np.mean(errors))


def resamples(tracks: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each track is drawn in each bootstrap resample, in blocks of shape (resamples, tracks).

    Tracks are drawn with all of their answers. Where these are windows, that is the cluster bootstrap
    (Davison & Hinkley, Bootstrap Methods, 1997, 3.8; Field & Welsh, JRSS B 69, 2007): windows of a track
    go right or wrong together, and intervals from windows drawn singly would be far too narrow.
    """
    for _ in range(0, RESAMPLES, _BLOCK):
        drawn = rng.integers(tracks, size=(_BLOCK, tracks)) + tracks * np.arange(_BLOCK)[:, None]
        yield np.bincount(drawn.ravel(), minlength=_BLOCK * tracks).reshape(_BLOCK, tracks).astype(np.float64)


def accuracy(totals: Totals) -> Floats:
    """The share of right answers, shape (samples,) as of all measures."""
    return np.asarray(np.trace(totals.confusions, axis1=1, axis2=2) / totals.confusions.sum(axis=(1, 2)))


def top_accuracy(totals: Totals) -> Floats:
    """The share of answers with the truth among the first TOP."""
    return np.asarray(totals.near / totals.confusions.sum(axis=(1, 2)))


def precision(totals: Totals) -> Floats:
    """Of what is told as a class, the share that is; shape (samples, labels)."""
    return np.asarray(_right(totals) / np.maximum(1, totals.confusions.sum(axis=1)))


def recall(totals: Totals) -> Floats:
    """Of what is a class, the share that is told; shape (samples, labels)."""
    return _right(totals) / np.maximum(1, support(totals))


def f1(totals: Totals) -> Floats:
    """The harmonic mean of precision and recall; shape (samples, labels)."""
    return np.asarray(2 * _right(totals) / np.maximum(1, support(totals) + totals.confusions.sum(axis=1)))


def support(totals: Totals) -> Floats:
    """Answers of each true class; shape (samples, labels)."""
    return np.asarray(totals.confusions.sum(axis=2))


def macro(scores: Floats, totals: Totals) -> Floats:
    """The mean of scores (samples, labels) over the classes that there are."""
    there = support(totals) > 0
    return np.asarray(scores.sum(axis=1, where=there) / there.sum(axis=1))


def macro_f1(totals: Totals) -> Floats:
    """The mean F1 over the classes that there are."""
    return macro(f1(totals), totals)


def weighted(scores: Floats, totals: Totals) -> Floats:
    """The mean of scores (samples, labels), each class with its support."""
    return np.asarray((scores * support(totals)).sum(axis=1) / support(totals).sum(axis=1))


def _right(totals: Totals) -> Floats:
    return np.diagonal(totals.confusions, axis1=1, axis2=2)
