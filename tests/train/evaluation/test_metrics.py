import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats, integers
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, top_k_accuracy_score
from torchmetrics.classification import MulticlassCalibrationError

from genrelens.train.evaluation.metrics import classification_metrics


def test_metrics_of_known_predictions() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 1, 1, 1, 0])
    probabilities = np.full((6, 3), 0.1)
    probabilities[np.arange(6), predicted] = 0.8
    metrics = classification_metrics(("a", "b", "c"), truth, probabilities)
    assert metrics.tracks == 6
    assert metrics.accuracy.value == pytest.approx(4 / 6)
    assert metrics.confusion == ((2, 1, 0), (0, 2, 0), (1, 0, 0))
    assert [(row.label, row.support) for row in metrics.genres] == [("a", 3), ("b", 2), ("c", 1)]
    assert [row.precision for row in metrics.genres] == pytest.approx([2 / 3, 2 / 3, 0])
    assert [row.recall for row in metrics.genres] == pytest.approx([2 / 3, 1, 0])
    assert metrics.macro_f1.value == pytest.approx((2 / 3 + 0.8 + 0) / 3)
    assert metrics.weighted_f1.value == pytest.approx((3 * 2 / 3 + 2 * 0.8) / 6)
    assert metrics.log_loss == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)


def test_intervals_contain_the_value_and_narrow_with_more_tracks() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (50, 800):
        truth = rng.integers(0, 4, count)
        correct = rng.random(count) < 0.7
        probabilities = np.eye(4)[np.where(correct, truth, (truth + 1) % 4)]
        accuracy = classification_metrics("abcd", truth, probabilities).accuracy
        assert accuracy.low < accuracy.value < accuracy.high
        widths.append(accuracy.high - accuracy.low)
        normal = 2 * 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / count)
        assert widths[-1] == pytest.approx(normal, rel=0.2)
    assert widths[1] < widths[0] / 2


def test_perfect_predictions_have_a_zero_width_interval() -> None:
    metrics = classification_metrics(("a", "b"), np.array([0, 1, 1]), np.eye(2)[[0, 1, 1]])
    assert (metrics.accuracy.low, metrics.accuracy.high) == (1, 1)
    assert metrics.macro_f1.value == 1


def test_accuracy_and_f1_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 5, 200)
    probabilities = rng.dirichlet(np.ones(5), 200)
    predicted = probabilities.argmax(axis=1)
    metrics = classification_metrics("abcde", truth, probabilities)
    assert metrics.accuracy.value == pytest.approx(accuracy_score(truth, predicted))
    assert metrics.macro_f1.value == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert metrics.weighted_f1.value == pytest.approx(f1_score(truth, predicted, average="weighted"))


def test_precision_recall_top_three_and_calibration_agree_with_other_libraries() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 5, 300)
    probabilities = rng.dirichlet(np.ones(5), 300)
    predicted = probabilities.argmax(axis=1)
    metrics = classification_metrics("abcde", truth, probabilities)
    for average in ("macro", "weighted"):
        expected = precision_recall_fscore_support(truth, predicted, average=average)
        actual = [getattr(metrics, f"{average}_{name}").value for name in ("precision", "recall", "f1")]
        assert actual == pytest.approx(expected[:3])
    assert metrics.weighted_recall == metrics.accuracy
    assert metrics.top3.value == pytest.approx(top_k_accuracy_score(truth, probabilities, k=3))
    expected_error = MulticlassCalibrationError(num_classes=5, n_bins=15)(
        torch.tensor(probabilities), torch.tensor(truth)
    )
    assert metrics.calibration.error == pytest.approx(float(expected_error), abs=1e-5)


def test_calibration_of_known_predictions() -> None:
    """Bins are open below and closed above as in Guo et al.: a confidence of 0.6 is in (8/15, 9/15]."""
    probabilities = np.array([[0.6, 0.4], [0.6, 0.4], [0.0, 1.0], [0.0, 1.0]])
    calibration = classification_metrics("ab", np.array([0, 1, 1, 1]), probabilities).calibration
    assert [(row.answers, row.confidence, row.accuracy) for row in calibration.bins] == [(2, 0.6, 0.5), (2, 1.0, 1.0)]
    assert (calibration.bins[0].low, calibration.bins[0].high) == (8 / 15, 9 / 15)
    assert calibration.error == pytest.approx(0.05)


def test_windows_of_a_track_are_resampled_together() -> None:
    """Windows that agree with their track do not narrow the intervals; windows that err independently do."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 60)
    predicted = np.eye(3)[np.where(rng.random(60) < 0.7, truth, (truth + 1) % 3)]
    by_track = classification_metrics("abc", truth, predicted)
    tracks = np.repeat(np.arange(60), 10)
    by_window = classification_metrics("abc", truth[tracks], predicted[tracks], tracks)
    assert by_window.accuracy == by_track.accuracy
    assert by_window.macro_f1.low == pytest.approx(by_track.macro_f1.low)
    assert by_window.tracks == 60
    assert sum(row.support for row in by_window.genres) == 600

    correct = rng.random(600) < 0.7
    independent = classification_metrics(
        "abc", truth[tracks], np.eye(3)[np.where(correct, truth[tracks], (truth[tracks] + 1) % 3)], tracks
    )
    assert independent.accuracy.high - independent.accuracy.low < 0.6 * (by_track.accuracy.high - by_track.accuracy.low)


@settings(max_examples=20, deadline=None)
@given(
    arrays(np.int64, 30, elements=integers(0, 3)),
    arrays(np.float64, (30, 4), elements=floats(0.01, 1.0)),
)
def test_metrics_stay_within_their_bounds(truth: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
    metrics = classification_metrics("abcd", truth, weights / weights.sum(axis=1, keepdims=True))
    assert 0 <= metrics.accuracy.low <= metrics.accuracy.value <= metrics.accuracy.high <= 1
    assert metrics.accuracy.value <= metrics.top3.value <= 1
    assert 0 <= metrics.calibration.error <= 1
    assert sum(row.answers for row in metrics.calibration.bins) == 30
