"""Accuracy against coverage: how right the answers are that are left when the least confident are held back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrelens.train.evaluation import bootstrap
from genrelens.train.evaluation.bootstrap import Classes, Floats


@dataclass(frozen=True)
class Ranked:
    """Answers from the most to the least confident: how right each is, (answers,), and its track, (answers,)."""

    right: Floats
    tracks: Classes


def rank(truth: Classes, probabilities: NDArray[np.floating], tracks: Classes) -> Ranked:
    """Order answers by their confidence; equally confident ones are as right as they are on the mean.

    Args:
        truth: the right class of each answer, (answers,).
        probabilities: (answers, labels).
        tracks: the track that each answer is about, from 0 on, (answers,).
    """
    confidence = probabilities.max(axis=1)
    _, group = np.unique(-confidence, return_inverse=True)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    shared = np.bincount(group, right) / np.bincount(group)
    order = np.argsort(group, kind="stable")
    return Ranked(shared[group][order], tracks[order])


def accuracies(ranked: Ranked) -> Floats:
    """Of the most confident answer, the two most confident, and so on to all, (answers,)."""
    return np.asarray(np.cumsum(ranked.right) / np.arange(1, len(ranked.right) + 1))


def at(by_count: Floats, coverage: float) -> float:
    """The accuracy of that share of the answers, 0 to 1, rounded up to whole ones; of `accuracies`."""
    return float(by_count[max(1, int(np.ceil(coverage * len(by_count) - 1e-9))) - 1])


def resampled(ranked: Ranked, coverage: float, rng: np.random.Generator) -> Floats:
    """The accuracy at a coverage in bootstrap resamples of the tracks, (resamples,); see `tallies.resamples`."""
    drawn = []
    for weights in bootstrap.resamples(int(ranked.tracks.max()) + 1, rng):
        kept = np.cumsum(weights[:, ranked.tracks], axis=1)
        right = np.cumsum(weights[:, ranked.tracks] * ranked.right, axis=1)
        last = (kept >= coverage * kept[:, -1:]).argmax(axis=1)[:, None]
        drawn.append((np.take_along_axis(right, last, 1) / np.take_along_axis(kept, last, 1))[:, 0])
    return np.concatenate(drawn)
