"""What a model is worth, by track or by window: accuracy, precision, recall, F1, calibration; with intervals."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.sparse import csr_array
from sklearn.metrics import precision_recall_fscore_support

from genrelens.train.evaluation import bootstrap, selective_prediction
from genrelens.train.evaluation.bootstrap import BINS, Classes, Floats, Totals

_LEAST = 1e-7  # probability that the log loss reckons with


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Part):
    """A value and its 95 % interval: percentiles over bootstrap resamples of the tracks (Efron, 1979)."""

    value: float
    low: float
    high: float


class GenreRow(_Part):
    """How well one genre is told; `support` is the number of its tracks (or windows)."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class Bin(_Part):
    """Answers whose confidence is in (low, high]: their mean confidence, and the share that is right."""

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


class CalibrationMetrics(_Part):
    """Whether answers are as often right as they are confident.

    `error` is the expected calibration error (Guo et al., ICML 2017): the mean distance of accuracy from
    confidence over the `bins`, each with its share of the answers. It has no interval: resamples are noisier
    than the tracks, which makes their errors too large. Bins without answers are left out.

    Attributes:
        error: as said.
        by_chance: the mean error of answers that are right exactly as often as they are confident, were there
            as many of them: what is left of an error when nothing is wrong (Broecker & Smith, Weather and
            Forecasting 22, 2007). Answers count as independent, which windows of a track are not.
        bins: those with answers.
    """

    error: float
    by_chance: float
    bins: tuple[Bin, ...]


class SelectiveMetrics(_Part):
    """What becomes of the answers if the least confident are held back (Geifman & El-Yaniv, NeurIPS 2017).

    Attributes:
        risk: area under the risk-coverage curve: the mean share of wrong answers over all coverages.
        at_80: accuracy of the 80 % that are most confident.
        accuracies: of the most confident 1 %, 2 % and so on to all.
    """

    risk: float
    at_80: Estimate
    accuracies: tuple[float, ...]


class Metrics(_Part):
    """The measures of one model on one set of tracks; rows of `confusion` are the truth.

    Attributes:
        tracks: how many there are; by window, answers are counted in `support` and `confusion`.
        accuracy: share of right answers; the recall weighted by support is the same number.
        top3: share of answers with the truth among the three most probable labels.
        macro_precision, macro_recall, macro_f1: means over the genres that there are.
        weighted_precision, weighted_recall, weighted_f1: means over the genres, weighted by support.
        log_loss: mean of -ln of the probability of the truth.
        calibration: whether confidence means what it says.
        selection: whether it tells right answers from wrong ones.
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
    calibration_metrics: CalibrationMetrics
    selection: SelectiveMetrics
    genres: tuple[GenreRow, ...]
    confusion: tuple[tuple[int, ...], ...]


ESTIMATES = {
    "accuracy": "accuracy",
    "top3": "top-3 accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "weighted_precision": "weighted precision",
    "weighted_recall": "weighted recall",
    "weighted_f1": "weighted F1",
}  # what they are called, for people

_ESTIMATED: dict[str, Callable[[Totals], Floats]] = {
    "accuracy": bootstrap.accuracy,
    "top3": bootstrap.top_accuracy,
    "macro_precision": lambda totals: bootstrap.macro(bootstrap.precision(totals), totals),
    "macro_recall": lambda totals: bootstrap.macro(bootstrap.recall(totals), totals),
    "macro_f1": bootstrap.macro_f1,
    "weighted_precision": lambda totals: bootstrap.weighted(bootstrap.precision(totals), totals),
    "weighted_recall": lambda totals: bootstrap.weighted(bootstrap.recall(totals), totals),
    "weighted_f1": lambda totals: bootstrap.weighted(bootstrap.f1(totals), totals),
}


def classification_metrics(
    labels: Sequence[str],
    truth: Classes,
    probabilities: NDArray[np.floating],
    tracks: Classes | None = None,
    seed: int = 0,
) -> Metrics:
    """Measure answers against the truth.

    Args:
        labels: of the classes.
        truth: the right class of each answer, shape (answers,).
        probabilities: shape (answers, labels).
        tracks: the track that each answer is about, from 0 on, shape (answers,), if there are several
            about one, as by window; intervals then come from a cluster bootstrap (see `tallies.resamples`).
        seed: of the bootstrap.
    """
    own_track = np.arange(len(truth)) if tracks is None else tracks
    parts = bootstrap.tally(truth, probabilities, own_track)
    totals = Totals.of(parts.sum(axis=0)[None], len(labels))
    rows = precision_recall_fscore_support(
        truth, probabilities.argmax(axis=1), labels=np.arange(len(labels)), zero_division=0
    )
    own = np.clip(probabilities[np.arange(len(truth)), truth], _LEAST, 1)
    return Metrics(
        tracks=parts.shape[0],
        **_estimates(parts, totals, np.random.default_rng(seed)),
        log_loss=float(-np.log(own).mean()),
        calibration=calibration_metrics(truth, probabilities),
        selection=_selection(truth, probabilities, own_track, seed),
        genres=tuple(
            GenreRow(label=label, precision=float(p), recall=float(r), f1=float(f), support=int(n))
            for label, p, r, f, n in zip(labels, *rows, strict=True)
        ),
        confusion=tuple(tuple(map(int, row)) for row in totals.confusions[0]),
    )


def _estimates(parts: csr_array, totals: Totals, rng: np.random.Generator) -> dict[str, Estimate]:
    labels = totals.confusions.shape[1]
    scores: dict[str, list[Floats]] = {name: [] for name in _ESTIMATED}
    for weights in bootstrap.resamples(parts.shape[0], rng):
        resampled = Totals.of(weights @ parts, labels)
        for name, score in _ESTIMATED.items():
            scores[name].append(score(resampled))
    bounds = {name: np.percentile(np.concatenate(values), [2.5, 97.5]) for name, values in scores.items()}
    return {
        name: Estimate(value=float(score(totals)[0]), low=float(bounds[name][0]), high=float(bounds[name][1]))
        for name, score in _ESTIMATED.items()
    }


def calibration_metrics(truth: Classes, probabilities: NDArray[np.floating], seed: int = 0) -> CalibrationMetrics:
    """Whether answers are as often right as they are confident; arguments are as of `classification_metrics`."""
    totals = Totals.of(
        bootstrap.tally(truth, probabilities, np.arange(len(truth))).sum(axis=0)[None], len(probabilities.T)
    )
    answers, right, confidence = totals.bins[0].T
    filled = np.flatnonzero(answers)
    return CalibrationMetrics(
        error=float(np.abs(right - confidence).sum() / answers.sum()),
        by_chance=bootstrap.error_by_chance(probabilities.max(axis=1), np.random.default_rng(seed)),
        bins=tuple(
            Bin(
                low=int(number) / BINS,
                high=(int(number) + 1) / BINS,
                answers=int(answers[number]),
                confidence=float(confidence[number] / answers[number]),
                accuracy=float(right[number] / answers[number]),
            )
            for number in filled
        ),
    )


def _selection(truth: Classes, probabilities: NDArray[np.floating], tracks: Classes, seed: int) -> SelectiveMetrics:
    ranked = selective_prediction.rank(truth, probabilities, tracks)
    drawn = selective_prediction.resampled(ranked, 0.8, np.random.default_rng(seed))
    low, high = np.percentile(drawn, [2.5, 97.5])
    accuracies = selective_prediction.accuracies(ranked)
    return SelectiveMetrics(
        risk=float(1 - accuracies.mean()),
        at_80=Estimate(value=float(selective_prediction.at(accuracies, 0.8)), low=float(low), high=float(high)),
        accuracies=tuple(float(selective_prediction.at(accuracies, percent / 100)) for percent in range(1, 101)),
    )
