from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from numpy.typing import NDArray
from scipy.stats import binom

from genrelens.errors import DataError
from genrelens.train.evaluation.compare import compare_evaluations, mcnemar_p, read_evaluation
from genrelens.train.evaluation.evaluate import Evaluation, TrackPrediction
from genrelens.train.evaluation.metrics import classification_metrics

LABELS = ("a", "b", "c")


def make_evaluation(
    truth: Sequence[int] | NDArray[np.int64], predicted: Sequence[int], labels: tuple[str, ...] = LABELS
) -> Evaluation:
    """An evaluation of a model with a confidence of 1 throughout; classes are indices into LABELS."""
    positions = [labels.index(LABELS[index]) for index in predicted]
    probabilities = np.eye(len(labels))[positions]
    answers = tuple(
        TrackPrediction(path=f"{number}.wav", truth=LABELS[index], probabilities=tuple(row))
        for number, (index, row) in enumerate(zip(truth, probabilities, strict=True))
    )
    classes = np.array([labels.index(LABELS[index]) for index in truth])
    metrics = classification_metrics(labels, classes, probabilities)
    return Evaluation(
        model="m", version="1", labels=labels, metrics=metrics, windows=metrics, answers=answers, failures=()
    )


def predict(truth: NDArray[np.int64], correct: NDArray[np.bool_]) -> list[int]:
    return [int(index) for index in np.where(correct, truth, (truth + 1) % 3)]


def test_model_does_not_differ_from_itself() -> None:
    truth = np.random.default_rng(0).integers(0, 3, 50)
    first = make_evaluation(truth, predict(truth, np.arange(50) % 3 > 0))
    result = compare_evaluations(first, first)
    assert (result.accuracy.value, result.accuracy.low, result.accuracy.high, result.accuracy.p) == (0, 0, 0, 1)
    assert (result.only_first, result.only_second, result.mcnemar_p) == (0, 0, 1)


def test_clear_difference_is_significant() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 300)
    better, worse = rng.random(300) < 0.8, rng.random(300) < 0.6
    result = compare_evaluations(
        make_evaluation(truth, predict(truth, better)), make_evaluation(truth, predict(truth, worse))
    )
    assert result.tracks == 300
    assert result.accuracy.first == pytest.approx(better.mean())
    assert result.accuracy.value == pytest.approx(better.mean() - worse.mean())
    assert 0 < result.accuracy.low < result.accuracy.value < result.accuracy.high
    assert result.accuracy.p < 0.01
    assert result.macro_f1.p < 0.01
    assert result.only_first == int((better & ~worse).sum())
    assert result.mcnemar_p < 0.01
    # The interval is that of the mean of the paired differences.
    spread = 2 * 1.96 * (better.astype(int) - worse.astype(int)).std() / np.sqrt(300)
    assert result.accuracy.high - result.accuracy.low == pytest.approx(spread, rel=0.1)


def test_paired_comparison_detects_what_separate_intervals_miss() -> None:
    """Two models that err on the same tracks differ significantly, although their intervals overlap."""
    truth = np.arange(200) % 3
    better = np.arange(200) < 130
    worse = np.arange(200) < 120
    first, second = make_evaluation(truth, predict(truth, better)), make_evaluation(truth, predict(truth, worse))
    assert first.metrics.accuracy.low < second.metrics.accuracy.high
    result = compare_evaluations(first, second)
    assert result.accuracy.low > 0
    assert (result.only_first, result.only_second) == (10, 0)
    assert result.mcnemar_p == pytest.approx(2 * 0.5**10)


def test_order_of_tracks_and_labels_does_not_matter() -> None:
    truth, predicted = [0, 1, 2, 0, 1, 2], [0, 1, 1, 0, 2, 2]
    first = make_evaluation(truth, predicted)
    second = make_evaluation(truth, predicted, ("c", "a", "b"))
    second = second.model_copy(update={"answers": second.answers[::-1]})
    result = compare_evaluations(first, second)
    assert result.accuracy.value == result.macro_f1.value == 0
    assert result.only_first == result.only_second == 0


def test_swapping_the_models_flips_the_sign() -> None:
    truth = np.arange(60) % 3
    first, second = (make_evaluation(truth, predict(truth, np.arange(60) % n > 0)) for n in (2, 5))
    forward, backward = compare_evaluations(first, second), compare_evaluations(second, first)
    assert forward.accuracy.value == -backward.accuracy.value
    assert forward.accuracy.p == backward.accuracy.p
    assert forward.mcnemar_p == backward.mcnemar_p


@given(integers(0, 40), integers(0, 40))
def test_mcnemar_is_a_sign_test(only_first: int, only_second: int) -> None:
    fewer, count = min(only_first, only_second), only_first + only_second
    assert mcnemar_p(only_first, only_second) == pytest.approx(min(1.0, 2 * binom.cdf(fewer, count, 0.5)))


def test_evaluations_of_different_tracks_are_rejected() -> None:
    evaluation = make_evaluation([0, 1, 2], [0, 1, 2])
    with pytest.raises(
        DataError, match=r"evaluated on different tracks: 1 have a prediction of only one model, such as 2\.w"
    ):
        compare_evaluations(evaluation, make_evaluation([0, 1], [0, 1]))
    with pytest.raises(DataError, match=r"2\.wav is labelled c for one model and a for the other"):
        compare_evaluations(evaluation, make_evaluation([0, 1, 0], [0, 1, 2]))


def test_read_evaluation(tmp_path: Path) -> None:
    evaluation = make_evaluation([0, 1, 2], [0, 1, 2])
    file = tmp_path / "one.json"
    file.write_text(evaluation.model_dump_json())
    assert read_evaluation(file) == evaluation
    file.write_text("{}")
    with pytest.raises(DataError, match=r"one\.json is not an evaluation of this version"):
        read_evaluation(file)
    with pytest.raises(DataError, match=r"missing\.json cannot be read"):
        read_evaluation(tmp_path / "missing.json")
