"""What a model is worth, by track: accuracy, F1, a table of genres, confusions; with intervals."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

RESAMPLES = 2000  # of the bootstrap

Classes = NDArray[np.int64]


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
    classes = np.arange(len(labels))
    rows = precision_recall_fscore_support(truth, answers, labels=classes, zero_division=0)

    def f1(average: str) -> Callable[[Classes, Classes], float]:
        return lambda t, a: float(f1_score(t, a, labels=np.unique(t), average=average, zero_division=0))

    return Metrics(
        tracks=len(truth),
        accuracy=_estimate(lambda t, a: float(accuracy_score(t, a)), truth, answers, seed),
        macro_f1=_estimate(f1("macro"), truth, answers, seed),
        weighted_f1=_estimate(f1("weighted"), truth, answers, seed),
        log_loss=float(-np.log(np.clip(probabilities[np.arange(len(truth)), truth], 1e-7, 1)).mean()),
        genres=tuple(
            GenreRow(label=label, precision=float(p), recall=float(r), f1=float(f), support=int(n))
            for label, p, r, f, n in zip(labels, *rows, strict=True)
        ),
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(truth, answers, labels=classes)),
    )


def _estimate(score: Callable[[Classes, Classes], float], truth: Classes, answers: Classes, seed: int) -> Estimate:
    draws = np.random.default_rng(seed).integers(len(truth), size=(RESAMPLES, len(truth)))
    low, high = np.percentile([score(truth[draw], answers[draw]) for draw in draws], [2.5, 97.5])
    return Estimate(value=score(truth, answers), low=float(low), high=float(high))
