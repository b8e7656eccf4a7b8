import numpy as np
import pytest

from genrelens.train.robustness.equaliser import (
    FREQUENCIES_HZ,
    MAX_GAIN_DB,
    NEIGHBOURING_FILTERS,
    RANDOM_FILTERS,
    Equaliser,
    neighbouring_filters,
    random_filters,
)

RATE = 44_100


def response(equaliser: Equaliser) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and the magnitude response to an impulse in decibels."""
    impulse = np.zeros(RATE, np.float32)
    impulse[RATE // 2] = 1
    output = equaliser.apply(impulse, RATE, np.random.default_rng(0))
    assert len(output) == len(impulse)
    assert abs(int(np.abs(output).argmax()) - RATE // 2) <= 1
    return np.fft.rfftfreq(RATE, 1 / RATE), 20 * np.log10(np.abs(np.fft.rfft(output)))


def test_response_matches_the_gains() -> None:
    gains = np.array([0, 0, 0, 0, 3, -6, 4, 0, -2, 1.0])
    hz, decibels = response(Equaliser.from_gains(1, gains))
    for frequency, gain in zip(FREQUENCIES_HZ[4:], gains[4:], strict=True):  # too few taps for lower frequencies
        assert decibels[hz.searchsorted(frequency)] == pytest.approx(gain, abs=0.5)


def test_flat_filter_has_no_effect() -> None:
    wave = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    flat = Equaliser.from_gains(1, np.zeros(len(FREQUENCIES_HZ))).apply(wave, RATE, np.random.default_rng(0))
    np.testing.assert_allclose(flat, wave, atol=1e-4)


def test_random_filters_are_reproducible_and_gentle() -> None:
    first, again, other = (random_filters(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert [equaliser.name for equaliser in first] == [f"equaliser:{number}" for number in range(1, RANDOM_FILTERS + 1)]
    assert all(0 < equaliser.strength <= MAX_GAIN_DB for equaliser in first)


def test_neighbouring_filters_are_near_and_gentle() -> None:
    centre = Equaliser.from_gains(1, np.full(len(FREQUENCIES_HZ), MAX_GAIN_DB))
    neighbours = neighbouring_filters(centre, 17, np.random.default_rng(0))
    assert [equaliser.number for equaliser in neighbours] == list(range(17, 17 + NEIGHBOURING_FILTERS))
    gains = np.array([equaliser.gains for equaliser in neighbours])
    assert gains.max() <= MAX_GAIN_DB
    assert 0 < np.abs(gains - MAX_GAIN_DB).mean() < MAX_GAIN_DB / 2
