"""Average precision and area under the ROC curve, for all tracks and for many bootstrap resamples at once."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from genrelens.train.evaluation.bootstrap import Floats


@dataclass(frozen=True)
class Ranking:
    """Predictions for one label from the most to the least probable, cut after each distinct probability.

    Attributes:
        cuts: distinct probabilities, descending, shape (cuts,).
        hits: weight of the positives at or above each cut, shape (samples, cuts).
        misses: weight of the negatives at or above each cut, shape (samples, cuts).
    """

    cuts: Floats
    hits: Floats
    misses: Floats

    @classmethod
    def build(
        cls, truth: NDArray[Any], probabilities: NDArray[np.floating[Any]], weights: Floats | None = None
    ) -> Self:
        """Rank the predictions for one label.

        Args:
            truth: positive where the label is true, shape (predictions,).
            probabilities: predicted probability, shape (predictions,).
            weights: how often each prediction counts in each sample, shape (samples, predictions); once in a single
                sample by default.
        """
        order = np.argsort(-probabilities, kind="stable")
        sorted_probabilities, positive = probabilities[order].astype(np.float64), truth[order] > 0
        ends = np.append(np.flatnonzero(np.diff(sorted_probabilities)), len(order) - 1)
        counts = np.ones((1, len(order))) if weights is None else weights[:, order]
        hits, misses = (np.cumsum(counts * members, axis=1)[:, ends] for members in (positive, ~positive))
        return cls(sorted_probabilities[ends], hits, misses)

    def average_precision(self) -> Floats:
        """Return the mean precision at each positive, shape (samples,); NaN without positives (as in scikit-learn)."""
        with np.errstate(invalid="ignore"):
            precision = self.hits / np.maximum(self.hits + self.misses, 1)
            return np.asarray((np.diff(self.hits, prepend=0, axis=1) * precision).sum(axis=1) / self.hits[:, -1])

    def roc_auc(self) -> Floats:
        """Return the probability that a positive ranks above a negative, shape (samples,); NaN without either."""
        before = np.pad(self.hits, ((0, 0), (1, 0)))[:, :-1]
        passed = (np.diff(self.misses, prepend=0, axis=1) * (before + self.hits) / 2).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(passed / (self.hits[:, -1] * self.misses[:, -1]))

    def f1(self) -> Floats:
        """Return the F1 of predicting the label at or above each cut, shape (samples, cuts)."""
        return np.asarray(2 * self.hits / np.maximum(1, self.hits + self.misses + self.hits[:, -1:]))
