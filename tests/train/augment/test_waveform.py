import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from genrelens.errors import RecipeError
from genrelens.train.augment.waveform import vary
from genrelens.train.recipes.recipe import AugmentTable, WaveformTable

RATE = 22_050
ALL = WaveformTable(stretch=0.2, shift=2, equaliser=6, noise=20, gain=6)


def tone(hz: float = 440, seconds: float = 2.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def noise(seconds: float = 2.0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def varied(samples: NDArray[np.float32], table: WaveformTable, seeds: int = 12) -> list[NDArray[np.float32]]:
    return [vary(samples, RATE, table, np.random.default_rng(seed)) for seed in range(seeds)]


def decibels(after: NDArray[np.float32], before: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.square(after).mean() / np.square(before).mean()))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_draws_follow_from_the_generator_alone_and_leave_the_global_ones_as_they_were(seed: int) -> None:
    samples = noise()
    before, numpy_before = random.getstate(), np.random.get_state()
    once = vary(samples, RATE, ALL, np.random.default_rng(seed))
    assert random.getstate() == before
    np.testing.assert_equal(np.random.get_state(), numpy_before)
    random.random()
    np.random.random()
    again = vary(samples, RATE, ALL, np.random.default_rng(seed))
    np.testing.assert_array_equal(once, again, strict=True)
    assert once.dtype == np.float32
    assert np.isfinite(once).all()


def test_one_generator_gives_another_copy_each_time() -> None:
    rng = np.random.default_rng(0)
    first, second = (vary(noise(), RATE, WaveformTable(noise=20), rng) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_global_generators_are_set_back_after_an_error_too() -> None:
    before = random.getstate()
    with pytest.raises(AttributeError):
        vary(None, RATE, ALL, np.random.default_rng(0))  # type: ignore[arg-type]
    assert random.getstate() == before


def test_nothing_asked_for_changes_nothing() -> None:
    np.testing.assert_array_equal(vary(noise(), RATE, WaveformTable(), np.random.default_rng(0)), noise())


def test_a_stretch_changes_the_length_and_keeps_the_pitch() -> None:
    copies = varied(tone(), WaveformTable(stretch=0.25))
    ratios = np.array([len(copy) / len(tone()) for copy in copies])
    assert ratios.min() < 0.9
    assert ratios.max() > 1.1
    assert ((ratios >= 0.79) & (ratios <= 1.26)).all()
    for copy in copies:
        assert peak(copy) == pytest.approx(440, abs=2)


def test_the_slowest_stretch_follows_from_the_generator_too() -> None:
    table = WaveformTable(stretch=0.999)
    for seed in range(5):
        once, again = (vary(noise(), RATE, table, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(once, again)


def test_a_shift_changes_the_pitch_and_keeps_the_length() -> None:
    copies = varied(tone(), WaveformTable(shift=3))
    semitones = np.array([12 * np.log2(peak(copy) / 440) for copy in copies])
    assert all(len(copy) == len(tone()) for copy in copies)
    assert semitones.min() < -1
    assert semitones.max() > 1
    assert np.abs(semitones).max() < 3.1


def test_noise_is_no_louder_than_the_ratio_allows() -> None:
    ratios = [-decibels(copy - tone(), tone()) for copy in varied(tone(), WaveformTable(noise=15))]
    assert min(ratios) > 14.8
    assert max(ratios) < 45.2
    assert np.std(ratios) > 3


def test_gain_is_within_its_limits_and_the_same_all_over() -> None:
    gains = [decibels(copy, noise()) for copy in varied(noise(), WaveformTable(gain=6))]
    assert min(gains) < -1
    assert max(gains) > 1
    assert np.abs(gains).max() <= 6.01
    copy = varied(noise(), WaveformTable(gain=6))[0]
    np.testing.assert_allclose(copy, noise() * 10 ** (gains[0] / 20), rtol=1e-4)


def test_an_equaliser_colours_the_spectrum() -> None:
    before = bands(noise())
    changes = np.stack([bands(copy) - before for copy in varied(noise(), WaveformTable(equaliser=6))])
    assert changes.std(axis=1).mean() > 1
    assert np.abs(changes).max() < 15  # neighbouring bands add up


def test_silence_stays_silence() -> None:
    copy = vary(np.zeros(RATE, np.float32), RATE, ALL, np.random.default_rng(0))
    assert not copy.any()


def test_an_equaliser_that_the_rate_cannot_hold_is_refused() -> None:
    with pytest.raises(RecipeError, match="needs a rate above 8808 Hz, and it is 8000 Hz; leave"):
        vary(noise(), 8_000, ALL, np.random.default_rng(0))
    assert np.isfinite(vary(noise(), 8_820, WaveformTable(equaliser=12), np.random.default_rng(0))).all()


def test_copies_and_what_varies_them_go_together() -> None:
    assert AugmentTable(expand=5, waveform=WaveformTable(noise=0.0)).expand == 5
    with pytest.raises(ValidationError, match="nothing makes the copies differ; set one of stretch, shift"):
        AugmentTable(expand=2)
    with pytest.raises(ValidationError, match="there are none; set expand to 2 or more"):
        AugmentTable(waveform=WaveformTable(shift=1))
    with pytest.raises(ValidationError, match="less than 1"):
        WaveformTable(stretch=1)


def peak(samples: NDArray[np.float32]) -> float:
    """The frequency that is loudest, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


def bands(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Decibels of the octaves from 43 Hz on."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    edges = 43 * 2 ** np.arange(9) * len(samples) // RATE
    return np.array([10 * np.log10(power[low:high].mean()) for low, high in pairwise(edges)])
