from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from numpy.typing import NDArray
from scipy.stats import binom

from genrelens.errors import DataError
from genrelens.train.evaluation.compare import compare_evaluations, mcnemar, read_evaluation
from genrelens.train.evaluation.evaluate import Evaluation, TrackPrediction
from genrelens.train.evaluation.metrics import classification_metrics

LABELS = ("a", "b", "c")


def evaluation(
    truth: Sequence[int] | NDArray[np.int64], told: Sequence[int], labels: tuple[str, ...] = LABELS
) -> Evaluation:
    """Answers of a model that is sure of everything; classes are indices into LABELS."""
    positions = [labels.index(LABELS[answer]) for answer in told]
    probabilities = np.eye(len(labels))[positions]
    answers = tuple(
        TrackPrediction(path=f"{number}.wav", truth=LABELS[right], probabilities=tuple(row))
        for number, (right, row) in enumerate(zip(truth, probabilities, strict=True))
    )
    own = np.array([labels.index(LABELS[right]) for right in truth])
    metrics = classification_metrics(labels, own, probabilities)
    return Evaluation(
        model="m", version="1", labels=labels, metrics=metrics, windows=metrics, answers=answers, failures=()
    )


def told(truth: NDArray[np.int64], right: NDArray[np.bool_]) -> list[int]:
    return [int(answer) for answer in np.where(right, truth, (truth + 1) % 3)]


def test_a_model_against_itself() -> None:
    truth = np.random.default_rng(0).integers(0, 3, 50)
    one = evaluation(truth, told(truth, np.arange(50) % 3 > 0))
    result = compare_evaluations(one, one)
    assert (result.accuracy.value, result.accuracy.low, result.accuracy.high, result.accuracy.p) == (0, 0, 0, 1)
    assert (result.only_first, result.only_second, result.mcnemar_p) == (0, 0, 1)


def test_a_clear_difference() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 300)
    good, bad = rng.random(300) < 0.8, rng.random(300) < 0.6
    result = compare_evaluations(evaluation(truth, told(truth, good)), evaluation(truth, told(truth, bad)))
    assert result.tracks == 300
    assert result.accuracy.first == pytest.approx(good.mean())
    assert result.accuracy.value == pytest.approx(good.mean() - bad.mean())
    assert 0 < result.accuracy.low < result.accuracy.value < result.accuracy.high
    assert result.accuracy.p < 0.01
    assert result.macro_f1.p < 0.01
    assert result.only_first == int((good & ~bad).sum())
    assert result.mcnemar_p < 0.01
    # The interval is that of the mean of the paired differences.
    spread = 2 * 1.96 * (good.astype(int) - bad.astype(int)).std() / np.sqrt(300)
    assert result.accuracy.high - result.accuracy.low == pytest.approx(spread, rel=0.1)


def test_pairs_tell_more_than_two_intervals() -> None:
    """Two models that err on the same tracks differ surely, although each alone is known roughly."""
    truth = np.arange(200) % 3
    good = np.arange(200) < 130
    bad = np.arange(200) < 120
    first, second = evaluation(truth, told(truth, good)), evaluation(truth, told(truth, bad))
    assert first.metrics.accuracy.low < second.metrics.accuracy.high
    result = compare_evaluations(first, second)
    assert result.accuracy.low > 0
    assert (result.only_first, result.only_second) == (10, 0)
    assert result.mcnemar_p == pytest.approx(2 * 0.5**10)


def test_the_order_of_tracks_and_of_labels_plays_no_part() -> None:
    truth, answers = [0, 1, 2, 0, 1, 2], [0, 1, 1, 0, 2, 2]
    one = evaluation(truth, answers)
    other = evaluation(truth, answers, ("c", "a", "b"))
    other = other.model_copy(update={"answers": other.answers[::-1]})
    result = compare_evaluations(one, other)
    assert result.accuracy.value == result.macro_f1.value == 0
    assert result.only_first == result.only_second == 0


def test_swapping_turns_the_sign() -> None:
    truth = np.arange(60) % 3
    one, other = (evaluation(truth, told(truth, np.arange(60) % n > 0)) for n in (2, 5))
    there, back = compare_evaluations(one, other), compare_evaluations(other, one)
    assert there.accuracy.value == -back.accuracy.value
    assert there.accuracy.p == back.accuracy.p
    assert there.mcnemar_p == back.mcnemar_p


@given(integers(0, 40), integers(0, 40))
def test_mcnemar_is_a_sign_test(only_first: int, only_second: int) -> None:
    fewer, count = min(only_first, only_second), only_first + only_second
    assert mcnemar(only_first, only_second) == pytest.approx(min(1.0, 2 * binom.cdf(fewer, count, 0.5)))


def test_other_tracks_are_refused() -> None:
    one = evaluation([0, 1, 2], [0, 1, 2])
    with pytest.raises(
        DataError, match=r"not measured on the same tracks: 1 have an answer of one alone, such as 2\.w"
    ):
        compare_evaluations(one, evaluation([0, 1], [0, 1]))
    with pytest.raises(DataError, match=r"2\.wav is c for one model and a for the other"):
        compare_evaluations(one, evaluation([0, 1, 0], [0, 1, 2]))


def test_files(tmp_path: Path) -> None:
    one = evaluation([0, 1, 2], [0, 1, 2])
    file = tmp_path / "one.json"
    file.write_text(one.model_dump_json())
    assert read_evaluation(file) == one
    file.write_text("{}")
    with pytest.raises(DataError, match=r"one\.json does not hold the measures"):
        read_evaluation(file)
    with pytest.raises(DataError, match=r"missing\.json cannot be read"):
        read_evaluation(tmp_path / "missing.json")
