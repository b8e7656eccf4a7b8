"""Filters: as gentle as they say, and a search that goes on from the extremes."""

import numpy as np
import pytest

from genrelens.train.robustness.equaliser import (
    MAX_GAIN_DB,
    NEIGHBOURING_FILTERS,
    POINTS_HZ,
    RANDOM_FILTERS,
    Equaliser,
    neighbouring_filters,
    random_filters,
)

RATE = 44_100


def response(filter_: Equaliser) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and what a click's spectrum becomes there, in decibels."""
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 1
    changed = filter_.apply(click, RATE, np.random.default_rng(0))
    assert len(changed) == len(click)
    assert abs(int(np.abs(changed).argmax()) - RATE // 2) <= 1
    return np.fft.rfftfreq(RATE, 1 / RATE), 20 * np.log10(np.abs(np.fft.rfft(changed)))


def test_gains_are_those_at_the_points() -> None:
    gains = np.array([0, 0, 0, 0, 3, -6, 4, 0, -2, 1.0])
    hz, level = response(Equaliser.of(1, gains))
    for point, gain in zip(POINTS_HZ[4:], gains[4:], strict=True):  # below, the taps are too few
        assert level[hz.searchsorted(point)] == pytest.approx(gain, abs=0.5)


def test_a_flat_filter_changes_nothing() -> None:
    wave = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    flat = Equaliser.of(1, np.zeros(len(POINTS_HZ))).apply(wave, RATE, np.random.default_rng(0))
    np.testing.assert_allclose(flat, wave, atol=1e-4)


def test_draws_follow_from_the_generator_and_stay_gentle() -> None:
    first, again, other = (random_filters(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert [one.name for one in first] == [f"equaliser:{number}" for number in range(1, RANDOM_FILTERS + 1)]
    assert all(0 < one.strength <= MAX_GAIN_DB for one in first)


def test_neighbours_are_near_and_as_gentle() -> None:
    parent = Equaliser.of(1, np.full(len(POINTS_HZ), MAX_GAIN_DB))
    found = neighbouring_filters(parent, 17, np.random.default_rng(0))
    assert [one.number for one in found] == list(range(17, 17 + NEIGHBOURING_FILTERS))
    gains = np.array([one.gains for one in found])
    assert gains.max() <= MAX_GAIN_DB
    assert 0 < np.abs(gains - MAX_GAIN_DB).mean() < MAX_GAIN_DB / 2
