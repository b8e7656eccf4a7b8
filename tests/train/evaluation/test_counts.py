import numpy as np
import pytest

from genrelens.train.evaluation.counts import chance_calibration_error


def test_chance_calibration_error_shrinks_with_the_number_of_predictions() -> None:
    rng = np.random.default_rng(0)
    assert chance_calibration_error(np.array([0.5]), rng) == 0.5  # alone in its bin
    assert chance_calibration_error(np.full(4, 1.0), rng) == 0
    few, many = (chance_calibration_error(np.full(count, 0.6), rng) for count in (25, 2500))
    assert few == pytest.approx(np.sqrt(2 / np.pi * 0.24 / 25), rel=0.1)  # mean deviation of a normal distribution
    assert many == pytest.approx(few / 10, rel=0.1)
