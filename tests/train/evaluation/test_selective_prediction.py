import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.train.evaluation.metrics import classification_metrics
from genrelens.train.evaluation.selective_prediction import (
    accuracy_at,
    cumulative_accuracies,
    rank_by_confidence,
    resampled_accuracies,
)


def make_predictions(confidence: list[float], correct: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """True classes and probabilities of two labels, of which the first is predicted."""
    first = np.array(confidence)
    return np.where(correct, 0, 1), np.stack([first, 1 - first], axis=1)


def test_accuracy_of_the_most_confident_predictions() -> None:
    truth, probabilities = make_predictions([0.6, 0.9, 0.8, 0.7, 0.95], [False, True, True, False, True])
    ranked = rank_by_confidence(truth, probabilities, np.arange(5))
    assert ranked.track_ids.tolist() == [4, 1, 2, 3, 0]
    by_count = cumulative_accuracies(ranked)
    np.testing.assert_allclose(by_count, [1, 1, 1, 3 / 4, 3 / 5])
    expected = {0.001: 1, 0.6: 1, 0.61: 0.75, 0.8: 0.75, 1.0: 0.6}
    assert {coverage: accuracy_at(by_count, coverage) for coverage in expected} == expected
    selection = classification_metrics("ab", truth, probabilities).selection
    assert selection.risk == pytest.approx((0 + 0 + 0 + 1 / 4 + 2 / 5) / 5)
    assert selection.at_80.value == 0.75
    assert selection.at_80.low <= 0.75 <= selection.at_80.high
    assert len(selection.accuracies) == 100
    assert (selection.accuracies[59], selection.accuracies[60], selection.accuracies[99]) == (1, 0.75, 0.6)


def test_equally_confident_predictions_share_their_accuracy() -> None:
    for correct in ([True, True, False, False], [False, False, True, True]):
        truth, probabilities = make_predictions([0.8] * 4, correct)
        ranked = rank_by_confidence(truth, probabilities, np.arange(4))
        np.testing.assert_allclose(cumulative_accuracies(ranked), 0.5)


def test_uninformative_confidence_gains_no_accuracy() -> None:
    rng = np.random.default_rng(0)
    confidence, correct = rng.uniform(0.5, 1, 1000), rng.random(1000) < 0.7
    truth, probabilities = make_predictions(confidence.tolist(), correct.tolist())
    selection = classification_metrics("ab", truth, probabilities).selection
    assert selection.at_80.value == pytest.approx(0.7, abs=0.05)
    assert selection.risk == pytest.approx(0.3, abs=0.05)


def test_windows_of_a_track_are_resampled_together() -> None:
    rng = np.random.default_rng(1)
    confidence, correct = rng.uniform(0.5, 1, 80), rng.random(80) < 0.7
    truth, probabilities = make_predictions(confidence.tolist(), correct.tolist())
    by_track = rank_by_confidence(truth, probabilities, np.arange(80))
    copies = np.repeat(np.arange(80), 5)
    by_window = rank_by_confidence(truth[copies], probabilities[copies], copies)
    track_spread, window_spread = (
        resampled_accuracies(ranked, 0.8, np.random.default_rng(2)).std() for ranked in (by_track, by_window)
    )
    assert window_spread == pytest.approx(track_spread, rel=0.05)


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=30))
def test_accuracy_at_full_coverage_is_the_plain_accuracy(pairs: list[tuple[float, bool]]) -> None:
    truth, probabilities = make_predictions([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    by_count = cumulative_accuracies(rank_by_confidence(truth, probabilities, np.arange(len(pairs))))
    assert by_count[-1] == pytest.approx(np.mean(probabilities.argmax(axis=1) == truth))
    assert ((by_count >= -1e-12) & (by_count <= 1 + 1e-12)).all()
