import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrelens.errors import RecipeError
from genrelens.train.augment.waveform import augment_waveform
from genrelens.train.recipes.recipe import WaveformTable

RATE = 22_050
ALL = WaveformTable(stretch=0.2, shift=2, equaliser=6, noise=20, gain=6)


def tone(hz: float = 440, seconds: float = 2.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def noise(seconds: float = 2.0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def augmented_copies(samples: NDArray[np.float32], table: WaveformTable, seeds: int = 12) -> list[NDArray[np.float32]]:
    return [augment_waveform(samples, RATE, table, np.random.default_rng(seed)) for seed in range(seeds)]


def decibels(after: NDArray[np.float32], before: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.square(after).mean() / np.square(before).mean()))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_augmentation_is_determined_by_the_generator_and_restores_the_global_ones(seed: int) -> None:
    samples = noise()
    before, numpy_before = random.getstate(), np.random.get_state()
    once = augment_waveform(samples, RATE, ALL, np.random.default_rng(seed))
    assert random.getstate() == before
    np.testing.assert_equal(np.random.get_state(), numpy_before)
    random.random()
    np.random.random()
    again = augment_waveform(samples, RATE, ALL, np.random.default_rng(seed))
    np.testing.assert_array_equal(once, again, strict=True)
    assert once.dtype == np.float32
    assert np.isfinite(once).all()


def test_copies_from_one_generator_differ() -> None:
    rng = np.random.default_rng(0)
    first, second = (augment_waveform(noise(), RATE, WaveformTable(noise=20), rng) for _ in range(2))
    assert not np.array_equal(first, second)


def test_restores_the_global_generators_after_an_error() -> None:
    before = random.getstate()
    with pytest.raises(AttributeError):
        augment_waveform(None, RATE, ALL, np.random.default_rng(0))  # type: ignore[arg-type]
    assert random.getstate() == before


def test_default_settings_change_nothing() -> None:
    np.testing.assert_array_equal(augment_waveform(noise(), RATE, WaveformTable(), np.random.default_rng(0)), noise())


def test_stretch_changes_the_length_and_keeps_the_pitch() -> None:
    copies = augmented_copies(tone(), WaveformTable(stretch=0.25))
    ratios = np.array([len(copy) / len(tone()) for copy in copies])
    assert ratios.min() < 0.9
    assert ratios.max() > 1.1
    assert ((ratios >= 0.79) & (ratios <= 1.26)).all()
    for copy in copies:
        assert peak(copy) == pytest.approx(440, abs=2)


def test_slowest_stretch_is_determined_by_the_generator() -> None:
    table = WaveformTable(stretch=0.999)
    for seed in range(5):
        once, again = (augment_waveform(noise(), RATE, table, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(once, again)


def test_shift_changes_the_pitch_and_keeps_the_length() -> None:
    copies = augmented_copies(tone(), WaveformTable(shift=3))
    semitones = np.array([12 * np.log2(peak(copy) / 440) for copy in copies])
    assert all(len(copy) == len(tone()) for copy in copies)
    assert semitones.min() < -1
    assert semitones.max() > 1
    assert np.abs(semitones).max() < 3.1


def test_noise_is_within_the_signal_to_noise_ratio() -> None:
    ratios = [-decibels(copy - tone(), tone()) for copy in augmented_copies(tone(), WaveformTable(noise=15))]
    assert min(ratios) > 14.8
    assert max(ratios) < 45.2
    assert np.std(ratios) > 3


def test_gain_is_within_its_limits_and_constant() -> None:
    gains = [decibels(copy, noise()) for copy in augmented_copies(noise(), WaveformTable(gain=6))]
    assert min(gains) < -1
    assert max(gains) > 1
    assert np.abs(gains).max() <= 6.01
    copy = augmented_copies(noise(), WaveformTable(gain=6))[0]
    np.testing.assert_allclose(copy, noise() * 10 ** (gains[0] / 20), rtol=1e-4)


def test_equaliser_changes_the_spectrum() -> None:
    before = bands(noise())
    changes = np.stack([bands(copy) - before for copy in augmented_copies(noise(), WaveformTable(equaliser=6))])
    assert changes.std(axis=1).mean() > 1
    assert np.abs(changes).max() < 15  # neighbouring bands add up


def test_silence_stays_silence() -> None:
    copy = augment_waveform(np.zeros(RATE, np.float32), RATE, ALL, np.random.default_rng(0))
    assert not copy.any()


def test_rejects_an_equaliser_at_a_low_rate() -> None:
    with pytest.raises(RecipeError, match="needs a rate above 8808 Hz, but it is 8000 Hz; leave"):
        augment_waveform(noise(), 8_000, ALL, np.random.default_rng(0))
    assert np.isfinite(augment_waveform(noise(), 8_820, WaveformTable(equaliser=12), np.random.default_rng(0))).all()


def peak(samples: NDArray[np.float32]) -> float:
    """Return the frequency of the spectral peak, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


def bands(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the level of each octave from 43 Hz, in decibels."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    edges = 43 * 2 ** np.arange(9) * len(samples) // RATE
    return np.array([10 * np.log10(power[low:high].mean()) for low, high in pairwise(edges)])
