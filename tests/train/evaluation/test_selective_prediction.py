import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.train.evaluation import selective_prediction
from genrelens.train.evaluation.bootstrap import error_by_chance
from genrelens.train.evaluation.metrics import classification_metrics


def answers(confidence: list[float], right: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities of two labels: those that are right tell the truth."""
    told = np.array(confidence)
    return np.where(right, 0, 1), np.stack([told, 1 - told], axis=1)


def test_accuracy_of_the_most_confident_answers() -> None:
    truth, probabilities = answers([0.6, 0.9, 0.8, 0.7, 0.95], [False, True, True, False, True])
    ranked = selective_prediction.rank(truth, probabilities, np.arange(5))
    assert ranked.tracks.tolist() == [4, 1, 2, 3, 0]
    by_count = selective_prediction.accuracies(ranked)
    np.testing.assert_allclose(by_count, [1, 1, 1, 3 / 4, 3 / 5])
    assert [selective_prediction.at(by_count, share) for share in (0.001, 0.6, 0.61, 0.8, 1.0)] == [
        1,
        1,
        0.75,
        0.75,
        0.6,
    ]
    own = classification_metrics("ab", truth, probabilities).selection
    assert own.risk == pytest.approx((0 + 0 + 0 + 1 / 4 + 2 / 5) / 5)
    assert own.at_80.value == 0.75
    assert own.at_80.low <= 0.75 <= own.at_80.high
    assert len(own.accuracies) == 100
    assert (own.accuracies[59], own.accuracies[60], own.accuracies[99]) == (1, 0.75, 0.6)


def test_equally_confident_answers_have_no_order() -> None:
    for right in ([True, True, False, False], [False, False, True, True]):
        truth, probabilities = answers([0.8] * 4, right)
        np.testing.assert_allclose(
            selective_prediction.accuracies(selective_prediction.rank(truth, probabilities, np.arange(4))), 0.5
        )


def test_confidence_that_tells_nothing_gains_nothing() -> None:
    rng = np.random.default_rng(0)
    truth, probabilities = answers(rng.uniform(0.5, 1, 1000).tolist(), (rng.random(1000) < 0.7).tolist())
    own = classification_metrics("ab", truth, probabilities).selection
    assert own.at_80.value == pytest.approx(0.7, abs=0.05)
    assert own.risk == pytest.approx(0.3, abs=0.05)


def test_windows_of_a_track_are_resampled_together() -> None:
    rng = np.random.default_rng(1)
    confidence, right = rng.uniform(0.5, 1, 80), rng.random(80) < 0.7
    truth, probabilities = answers(confidence.tolist(), right.tolist())
    ranked = selective_prediction.rank(truth, probabilities, np.arange(80))
    copies = np.repeat(np.arange(80), 5)
    of_windows = selective_prediction.rank(truth[copies], probabilities[copies], copies)
    one, other = (
        selective_prediction.resampled(own, 0.8, np.random.default_rng(2)).std() for own in (ranked, of_windows)
    )
    assert other == pytest.approx(one, rel=0.05)


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=30))
def test_all_answers_are_as_right_as_they_are(pairs: list[tuple[float, bool]]) -> None:
    truth, probabilities = answers([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    by_count = selective_prediction.accuracies(selective_prediction.rank(truth, probabilities, np.arange(len(pairs))))
    assert by_count[-1] == pytest.approx(np.mean(probabilities.argmax(axis=1) == truth))
    assert ((by_count >= -1e-12) & (by_count <= 1 + 1e-12)).all()


def test_what_chance_makes_of_a_perfect_calibration() -> None:
    """Alone in its bin, an answer that is half sure errs by a half; many together hardly err."""
    rng = np.random.default_rng(0)
    assert error_by_chance(np.array([0.5]), rng) == 0.5
    assert error_by_chance(np.full(4, 1.0), rng) == 0
    few, many = (error_by_chance(np.full(count, 0.6), rng) for count in (25, 2500))
    assert few == pytest.approx(np.sqrt(2 / np.pi * 0.24 / 25), rel=0.1)  # the mean deviation of a normal law
    assert many == pytest.approx(few / 10, rel=0.1)
