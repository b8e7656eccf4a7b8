"""What a model is worth, by track: accuracy, F1, a table of genres, confusions; with intervals."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import precision_recall_fscore_support

RESAMPLES = 2000  # of the bootstrap

_LEAST = 1e-7  # probability that the log loss reckons with

Classes = NDArray[np.int64]
Floats = NDArray[np.float64]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Part):
    """A value and its 95 % interval: percentiles over bootstrap resamples of the tracks (Efron, 1979)."""

    value: float
    low: float
    high: float


class GenreRow(_Part):
    """How well one genre is told; `support` is the number of its tracks."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class Metrics(_Part):
    """The measures of one model on one set of tracks; rows of `confusion` are the truth."""

    tracks: int
    accuracy: Estimate
    macro_f1: Estimate
    weighted_f1: Estimate
    log_loss: float
    genres: tuple[GenreRow, ...]
    confusion: tuple[tuple[int, ...], ...]


def measure(labels: Sequence[str], truth: Classes, probabilities: NDArray[np.floating], seed: int = 0) -> Metrics:
    """Measure answers against the truth.

    Args:
        labels: of the classes.
        truth: the right class of each track, shape (tracks,).
        probabilities: shape (tracks, labels).
        seed: of the bootstrap.
    """
    answers = probabilities.argmax(axis=1)
    count = len(labels)
    confusion = _confusions(truth[None], answers[None], count)
    draws = np.random.default_rng(seed).integers(len(truth), size=(RESAMPLES, len(truth)))
    resampled = _confusions(truth[draws], answers[draws], count)
    rows = precision_recall_fscore_support(truth, answers, labels=np.arange(count), zero_division=0)
    own = np.clip(probabilities[np.arange(len(truth)), truth], _LEAST, 1)
    return Metrics(
        tracks=len(truth),
        accuracy=_estimate(_accuracy, confusion, resampled),
        macro_f1=_estimate(_macro_f1, confusion, resampled),
        weighted_f1=_estimate(_weighted_f1, confusion, resampled),
        log_loss=float(-np.log(own).mean()),
        genres=tuple(
            GenreRow(label=label, precision=float(p), recall=float(r), f1=float(f), support=int(n))
            for label, p, r, f, n in zip(labels, *rows, strict=True)
        ),
        confusion=tuple(tuple(map(int, row)) for row in confusion[0]),
    )


def _estimate(score: Callable[[Classes], Floats], confusion: Classes, resampled: Classes) -> Estimate:
    low, high = np.percentile(score(resampled), [2.5, 97.5])
    return Estimate(value=float(score(confusion)[0]), low=float(low), high=float(high))


def _confusions(truth: Classes, answers: Classes, count: int) -> Classes:
    """Confusion matrices (samples, labels, labels) of classes (samples, tracks), the truth in rows."""
    cells = (np.arange(len(truth))[:, None] * count + truth) * count + answers
    return np.bincount(cells.ravel(), minlength=len(truth) * count * count).reshape(-1, count, count)


def _accuracy(confusions: Classes) -> Floats:
    return np.asarray(np.trace(confusions, axis1=1, axis2=2) / confusions.sum(axis=(1, 2)))


def _f1(confusions: Classes) -> tuple[Floats, Classes]:
    """F1 and support of each class, (samples, labels)."""
    support, told = confusions.sum(axis=2), confusions.sum(axis=1)
    right = np.diagonal(confusions, axis1=1, axis2=2)
    return 2 * right / np.maximum(1, support + told), support


def _macro_f1(confusions: Classes) -> Floats:
    """The mean over the classes that there are."""
    f1, support = _f1(confusions)
    return np.asarray(f1.sum(axis=1, where=support > 0) / (support > 0).sum(axis=1))


def _weighted_f1(confusions: Classes) -> Floats:
    f1, support = _f1(confusions)
    return np.asarray((f1 * support).sum(axis=1) / support.sum(axis=1))
