"""Comparison of two models on the same tracks: paired bootstrap and McNemar's test."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from scipy.stats import binomtest

from genrelens.errors import DataError, display_name
from genrelens.records import FrozenModel
from genrelens.train.evaluation import counts
from genrelens.train.evaluation.bootstrap import ClassIndices, Floats, resample_weights
from genrelens.train.evaluation.counts import Counts, count_by_track
from genrelens.train.evaluation.evaluate import Evaluation


class Difference(FrozenModel):
    """A metric of both models, and the first minus the second.

    Attributes:
        first, second: metric of each model.
        value: difference.
        low, high: 95 % interval of the difference: percentiles over bootstrap resamples of the tracks, the same
            tracks for both models.
        p: smallest level at which such a two-sided interval excludes 0 (Davison & Hinkley, Bootstrap Methods, 1997,
            4.4 and 5.3).
    """

    first: float
    second: float
    value: float
    low: float
    high: float
    p: float


class Comparison(FrozenModel):
    """Two models on the same tracks.

    Attributes:
        models: name and version of the first and the second model.
        tracks: number of tracks.
        accuracy, macro_f1: both metrics of each model, and the differences.
        only_first, only_second: number of tracks that only one of the models classifies correctly.
        mcnemar_p: p of McNemar's exact test, a sign test on those tracks (Dietterich, Neural Computation 10, 1998):
            the probability of a count at least as uneven if both models err equally often.
    """

    models: tuple[str, str]
    tracks: int
    accuracy: Difference
    macro_f1: Difference
    only_first: int
    only_second: int
    mcnemar_p: float


def read_evaluation(file: Path) -> Evaluation:
    """Read a result of `genrelens evaluate --out`.

    Raises:
        DataError: the file cannot be read, or is not such a result.
    """
    try:
        return Evaluation.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DataError(f"{display_name(file)} cannot be read ({error.strerror}); check the path") from error
    except ValidationError as error:
        raise DataError(
            f"{display_name(file)} is not an evaluation of this version of GenreLens; create it again with "
            "`genrelens evaluate --out`"
        ) from error


def compare_evaluations(first: Evaluation, second: Evaluation, seed: int = 0) -> Comparison:
    """Compare the predictions of two models track by track.

    Args:
        first: evaluation of one model.
        second: evaluation of the other model on the same tracks, matched by path.
        seed: seed of the bootstrap.

    Raises:
        DataError: the tracks or their labels differ.
    """
    _require_same_tracks(first, second)
    labels = sorted({*first.labels, *second.labels})
    truth = np.array([labels.index(answer.truth) for answer in first.answers])
    paths = [answer.path for answer in first.answers]
    predicted = [_predicted_classes(result, paths, labels) for result in (first, second)]
    by_track = [count_by_track(truth, np.eye(len(labels))[classes], np.arange(len(truth))) for classes in predicted]
    totals = [Counts.from_sums(rows.sum(axis=0)[None], len(labels)) for rows in by_track]
    samples: list[list[Counts]] = [[], []]
    for weights in resample_weights(len(truth), np.random.default_rng(seed)):
        for rows, blocks in zip(by_track, samples, strict=True):
            blocks.append(Counts.from_sums(weights @ rows, len(labels)))
    correct = [classes == truth for classes in predicted]
    only_first = int((correct[0] & ~correct[1]).sum())
    only_second = int((correct[1] & ~correct[0]).sum())
    return Comparison(
        models=(f"{first.model} {first.version}", f"{second.model} {second.version}"),
        tracks=len(truth),
        accuracy=_difference(counts.accuracy, totals, samples),
        macro_f1=_difference(counts.macro_f1, totals, samples),
        only_first=only_first,
        only_second=only_second,
        mcnemar_p=mcnemar_p(only_first, only_second),
    )


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the two-sided p of McNemar's exact test; 1 if the models never differ."""
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def _require_same_tracks(first: Evaluation, second: Evaluation) -> None:
    truths = [{answer.path: answer.truth for answer in result.answers} for result in (first, second)]
    unmatched = sorted(truths[0].keys() ^ truths[1].keys())
    if unmatched:
        raise DataError(
            f"the two models were evaluated on different tracks: {len(unmatched)} have a prediction of only one model, "
            f"such as {display_name(unmatched[0])}; evaluate both on the same data and split"
        )
    relabelled = [path for path, truth in truths[0].items() if truths[1][path] != truth]
    if relabelled:
        path = relabelled[0]
        raise DataError(
            f"{display_name(path)} is labelled {truths[0][path]} for one model and {truths[1][path]} for the other; "
            "evaluate both with the same labels"
        )


def _predicted_classes(result: Evaluation, paths: list[str], labels: list[str]) -> ClassIndices:
    """Return the predicted label of each path, as an index into `labels`."""
    predicted = {answer.path: result.labels[int(np.argmax(answer.probabilities))] for answer in result.answers}
    return np.array([labels.index(predicted[path]) for path in paths])


def _difference(metric: Callable[[Counts], Floats], totals: list[Counts], samples: list[list[Counts]]) -> Difference:
    first, second = (float(metric(total)[0]) for total in totals)
    differences = np.concatenate([metric(a) - metric(b) for a, b in zip(*samples, strict=True)])
    low, high = np.percentile(differences, [2.5, 97.5])
    tail = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return Difference(
        first=first,
        second=second,
        value=first - second,
        low=float(low),
        high=float(high),
        p=min(1.0, 2 * (1 + tail) / (1 + len(differences))),
    )
