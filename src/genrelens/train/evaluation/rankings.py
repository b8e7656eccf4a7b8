"""Average precision and area under the ROC curve, of tracks as they are and of many bootstrap resamples at once."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Answers from the most to the least probable, cut after each distinct probability.

    Attributes:
        cuts: the distinct probabilities, falling, shape (cuts,).
        hits: weight of the answers above each cut that are true, shape (samples, cuts).
        misses: of those that are not.
    """

    cuts: Floats
    hits: Floats
    misses: Floats

    @classmethod
    def of(cls, truth: NDArray[Any], probabilities: NDArray[np.floating[Any]], weights: Floats | None = None) -> Self:
        """Rank answers about one label.

        Args:
            truth: whether each is true, shape (answers,).
            probabilities: that it was told with, shape (answers,).
            weights: how often each answer counts in each sample, shape (samples, answers); once in one if not given.
        """
        order = np.argsort(-probabilities, kind="stable")
        told, true = probabilities[order].astype(np.float64), truth[order] > 0
        ends = np.append(np.flatnonzero(np.diff(told)), len(told) - 1)
        counts = np.ones((1, len(told))) if weights is None else weights[:, order]
        hits, misses = (np.cumsum(counts * kind, axis=1)[:, ends] for kind in (true, ~true))
        return cls(told[ends], hits, misses)

    def average_precision(self) -> Floats:
        """The mean precision at each true answer, shape (samples,); NaN where none is true (as in scikit-learn)."""
        with np.errstate(invalid="ignore"):
            precision = self.hits / np.maximum(self.hits + self.misses, 1)
            return np.asarray((np.diff(self.hits, prepend=0, axis=1) * precision).sum(axis=1) / self.hits[:, -1])

    def roc_auc(self) -> Floats:
        """How probably a true answer ranks above one that is not, shape (samples,); NaN where one kind lacks."""
        before = np.pad(self.hits, ((0, 0), (1, 0)))[:, :-1]
        passed = (np.diff(self.misses, prepend=0, axis=1) * (before + self.hits) / 2).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(passed / (self.hits[:, -1] * self.misses[:, -1]))

    def f1(self) -> Floats:
        """Of telling all above each cut, shape (samples, cuts)."""
        return np.asarray(2 * self.hits / np.maximum(1, self.hits + self.misses + self.hits[:, -1:]))
