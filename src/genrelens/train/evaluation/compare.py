"""Which of two models is better on the same tracks, and whether that could be chance."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.stats import binomtest

from genrelens.errors import DataError, display_name
from genrelens.train.evaluation import bootstrap
from genrelens.train.evaluation.bootstrap import Classes, Floats, Totals
from genrelens.train.evaluation.evaluate import Evaluation


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(_Part):
    """A measure of both models, and by how much the first is higher.

    `low` and `high` bound the 95 % interval of the difference, percentiles over bootstrap resamples of the
    tracks, the same tracks for both models. `p` is the smallest level at which such an interval, two-sided,
    leaves out 0 (Davison & Hinkley, Bootstrap Methods, 1997, 4.4 and 5.3).
    """

    first: float
    second: float
    value: float
    low: float
    high: float
    p: float


class Comparison(_Part):
    """Two models on the same tracks.

    Attributes:
        models: names and versions, the first and the second.
        tracks: how many there are.
        accuracy, macro_f1: of both, and the differences.
        only_first, only_second: tracks that one of them alone tells right.
        mcnemar_p: of McNemar's exact test, a sign test on those tracks (Dietterich, Neural Computation 10,
            1998): how probable so uneven a count is, or a more uneven one, if both models err equally often.
    """

    models: tuple[str, str]
    tracks: int
    accuracy: Difference
    macro_f1: Difference
    only_first: int
    only_second: int
    mcnemar_p: float


def read_evaluation(file: Path) -> Evaluation:
    """Read what `genrelens evaluate --out` wrote.

    Raises:
        DataError: it cannot be read, or is something else.
    """
    try:
        return Evaluation.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DataError(f"{display_name(file)} cannot be read ({error.strerror}); check the path") from error
    except ValidationError as error:
        raise DataError(
            f"{display_name(file)} does not hold the measures of this GenreLens; write it anew with `genrelens evaluate --out`"
        ) from error


def compare_evaluations(first: Evaluation, second: Evaluation, seed: int = 0) -> Comparison:
    """Compare the answers of two models track by track.

    Args:
        first: one model's answers.
        second: the other's, on the same tracks, matched by their paths.
        seed: of the bootstrap.

    Raises:
        DataError: the tracks are not the same, or are labelled otherwise.
    """
    _require_same_tracks(first, second)
    labels = sorted({*first.labels, *second.labels})
    truth = np.array([labels.index(answer.truth) for answer in first.answers])
    told = [_told(first, first, labels), _told(second, first, labels)]
    right = [answers == truth for answers in told]
    parts = [bootstrap.tally(truth, np.eye(len(labels))[answers], np.arange(len(truth))) for answers in told]
    totals = [Totals.of(part.sum(axis=0)[None], len(labels)) for part in parts]
    drawn: list[list[Totals]] = [[], []]
    for weights in bootstrap.resamples(len(truth), np.random.default_rng(seed)):
        for part, samples in zip(parts, drawn, strict=True):
            samples.append(Totals.of(weights @ part, len(labels)))
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return Comparison(
        models=(f"{first.model} {first.version}", f"{second.model} {second.version}"),
        tracks=len(truth),
        accuracy=_difference(bootstrap.accuracy, totals, drawn),
        macro_f1=_difference(bootstrap.macro_f1, totals, drawn),
        only_first=only_first,
        only_second=only_second,
        mcnemar_p=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p of McNemar's exact test; 1 if the models never differ."""
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def _require_same_tracks(first: Evaluation, second: Evaluation) -> None:
    truths = [{answer.path: answer.truth for answer in result.answers} for result in (first, second)]
    alone = sorted(truths[0].keys() ^ truths[1].keys())
    if alone:
        raise DataError(
            f"the two models were not measured on the same tracks: {len(alone)} have an answer of one alone, "
            f"such as {display_name(alone[0])}; measure both on the same data, split and side"
        )
    other = [path for path, truth in truths[0].items() if truths[1][path] != truth]
    if other:
        raise DataError(
            f"{display_name(other[0])} is {truths[0][other[0]]} for one model and {truths[1][other[0]]} for the other; "
            "measure both with the same labels"
        )


def _told(result: Evaluation, order: Evaluation, labels: list[str]) -> Classes:
    """What a model told, as indices into `labels`, in the order of another's tracks."""
    told = {answer.path: result.labels[int(np.argmax(answer.probabilities))] for answer in result.answers}
    return np.array([labels.index(told[answer.path]) for answer in order.answers])


def _difference(score: Callable[[Totals], Floats], totals: list[Totals], drawn: list[list[Totals]]) -> Difference:
    first, second = (float(score(total)[0]) for total in totals)
    differences = np.concatenate([score(one) - score(other) for one, other in zip(*drawn, strict=True)])
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
