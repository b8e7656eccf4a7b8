"""A linear probe (Alain & Bengio, arXiv 1610.01644): logistic regression on embeddings, its penalty from *valid*."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from genrelens.model.session import softmax
from genrelens.train.distillation.backbone import Embeddings
from genrelens.train.recipes.probe_recipe import ProbeTable

_LEAST = 1e-7  # probability that a log loss reckons with
_STEPS = 2_000


@dataclass(frozen=True)
class Linear:
    """From embeddings to logits: weights (features, labels) and bias (labels,)."""

    unit_length: bool
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """Of each window, (windows, labels)."""
        return scaled(embeddings, self.unit_length) @ self.weights + self.bias


@dataclass(frozen=True)
class Trial:
    """A penalty, and what came of it on *valid*, by track."""

    penalty: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class Lessons:
    """Tracks: the embeddings of each one's windows, and which of the labels it has."""

    tracks: Sequence[Embeddings]
    truth: NDArray[np.int64]


def fit_probe(learn: Lessons, valid: Lessons, labels: int, table: ProbeTable) -> tuple[Linear, tuple[Trial, ...]]:
    """Fit one layer for each penalty, and keep that with the lowest log loss on *valid*.

    Returns:
        The layer, and all that was tried.
    """
    fitted = [_fitted(learn, labels, table, penalty) for penalty in table.penalties]
    trials = tuple(_tried(layer, valid, penalty) for layer, penalty in zip(fitted, table.penalties, strict=True))
    best = min(range(len(trials)), key=lambda number: trials[number].log_loss)
    return fitted[best], trials


def scaled(embeddings: Embeddings, unit_length: bool) -> Embeddings:
    """Embeddings at length 1, if so wanted; nothing stays nothing."""
    if not unit_length:
        return embeddings
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.where(lengths > 0, lengths, 1))


def _fitted(learn: Lessons, labels: int, table: ProbeTable, penalty: float) -> Linear:
    """Each track counts the same, however many windows it has; features are standardised for the penalty's sake."""
    counts = np.array([len(windows) for windows in learn.tracks])
    windows = scaled(np.concatenate(learn.tracks), table.unit_length).astype(np.float64)
    truth, weights = np.repeat(learn.truth, counts), np.repeat(_track_weights(learn.truth, table) / counts, counts)
    means, deviations = windows.mean(axis=0), np.maximum(windows.std(axis=0), 1e-6)
    regression = LogisticRegression(C=1 / (2 * penalty * weights.sum()), max_iter=_STEPS)
    regression.fit((windows - means) / deviations, truth, sample_weight=weights)
    slopes, bias = _of_all_labels(regression, labels)
    slopes = slopes / deviations
    return Linear(table.unit_length, slopes.T.astype(np.float32), (bias - slopes @ means).astype(np.float32))


def _track_weights(truth: NDArray[np.int64], table: ProbeTable) -> NDArray[np.float64]:
    if table.class_weights == "none":
        return np.ones(len(truth))
    _, places, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return np.asarray(len(truth) / len(counts) / counts[places])


def _of_all_labels(regression: LogisticRegression, labels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes (labels, features) and bias (labels,); of two labels, scikit-learn gives those of the second alone."""
    slopes, bias = regression.coef_, regression.intercept_
    if labels == 2:
        return np.concatenate([-slopes, slopes]) / 2, np.concatenate([-bias, bias]) / 2
    return slopes, bias


def _tried(layer: Linear, valid: Lessons, penalty: float) -> Trial:
    """By track, as serving answers: the mean over the windows' probabilities."""
    answers = np.stack([softmax(layer.logits(windows)).mean(axis=0) for windows in valid.tracks])
    right = answers[np.arange(len(answers)), valid.truth]
    return Trial(
        penalty,
        log_loss=float(-np.log(np.maximum(right, _LEAST)).mean()),
        accuracy=float((answers.argmax(axis=1) == valid.truth).mean()),
    )
