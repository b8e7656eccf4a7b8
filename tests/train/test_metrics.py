import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from genrelens.train.metrics import measure


def test_known_answers() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    answers = np.array([0, 0, 1, 1, 1, 0])
    probabilities = np.full((6, 3), 0.1)
    probabilities[np.arange(6), answers] = 0.8
    metrics = measure(("a", "b", "c"), truth, probabilities)
    assert metrics.tracks == 6
    assert metrics.accuracy.value == pytest.approx(4 / 6)
    assert metrics.confusion == ((2, 1, 0), (0, 2, 0), (1, 0, 0))
    assert [(row.label, row.support) for row in metrics.genres] == [("a", 3), ("b", 2), ("c", 1)]
    assert [row.precision for row in metrics.genres] == pytest.approx([2 / 3, 2 / 3, 0])
    assert [row.recall for row in metrics.genres] == pytest.approx([2 / 3, 1, 0])
    assert metrics.macro_f1.value == pytest.approx((2 / 3 + 0.8 + 0) / 3)
    assert metrics.weighted_f1.value == pytest.approx((3 * 2 / 3 + 2 * 0.8) / 6)
    assert metrics.log_loss == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)


def test_intervals_hold_the_value_and_shrink_with_more_tracks() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (50, 800):
        truth = rng.integers(0, 4, count)
        right = rng.random(count) < 0.7
        probabilities = np.eye(4)[np.where(right, truth, (truth + 1) % 4)]
        accuracy = measure("abcd", truth, probabilities).accuracy
        assert accuracy.low < accuracy.value < accuracy.high
        widths.append(accuracy.high - accuracy.low)
        normal = 2 * 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / count)
        assert widths[-1] == pytest.approx(normal, rel=0.2)
    assert widths[1] < widths[0] / 2


def test_all_right_is_certain() -> None:
    metrics = measure(("a", "b"), np.array([0, 1, 1]), np.eye(2)[[0, 1, 1]])
    assert (metrics.accuracy.low, metrics.accuracy.high) == (1, 1)
    assert metrics.macro_f1.value == 1


def test_the_measures_are_scikit_learns() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 5, 200)
    probabilities = rng.dirichlet(np.ones(5), 200)
    answers = probabilities.argmax(axis=1)
    metrics = measure("abcde", truth, probabilities)
    assert metrics.accuracy.value == pytest.approx(accuracy_score(truth, answers))
    assert metrics.macro_f1.value == pytest.approx(f1_score(truth, answers, average="macro"))
    assert metrics.weighted_f1.value == pytest.approx(f1_score(truth, answers, average="weighted"))
