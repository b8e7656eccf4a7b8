import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.audio.windows import Samples
from genrelens.train.robustness.perturbations import (
    AudioPerturbation,
    Compression,
    Gain,
    LowPass,
    Mp3,
    Noise,
    Offset,
    Opus,
    Perturbation,
    Pitch,
    Polarity,
    Resampling,
    Shuffle,
    Tempo,
)

RATE = 22_050


def melody(seconds: float = 3.0, rate: int = RATE) -> Samples:
    """Notes with onsets and decays, so that a delay can be detected."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * rate)) / rate
    notes = [
        np.sin(2 * np.pi * hz * time) * np.exp(-8 * np.maximum(0, time - start)) * (time >= start)
        for start, hz in zip(rng.uniform(0, seconds, 12), rng.uniform(150, 3000, 12), strict=True)
    ]
    return np.asarray(0.2 * np.sum(notes, axis=0), np.float32)


def apply(perturbation: AudioPerturbation, samples: Samples, rate: int = RATE, seed: int = 0) -> Samples:
    perturbed = perturbation.apply(samples, rate, np.random.default_rng(seed))
    assert perturbed.dtype == np.float32
    return perturbed


def loudest_hz(samples: Samples) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))


def delay(first: Samples, second: Samples) -> int:
    size = 2 * max(len(first), len(second))
    correlation = np.fft.irfft(np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size)), size)
    lag = int(correlation.argmax())
    return lag if lag < size // 2 else lag - size


def tone(hz: float, seconds: float = 2.0) -> Samples:
    return np.asarray(0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE), np.float32)


def test_names_and_descriptions() -> None:
    perturbations: list[Perturbation] = [
        Tempo(4),
        Tempo(-4),
        Pitch(1),
        Gain(-20),
        Polarity(),
        Mp3(64),
        Offset(0.5),
        Shuffle(0),
    ]
    assert [perturbation.name for perturbation in perturbations] == [
        "tempo:+4", "tempo:-4", "pitch:+1", "gain:-20", "polarity", "mp3:64", "offset:0.5", "shuffle:0"
    ]  # fmt: skip
    assert [str(perturbation) for perturbation in perturbations] == [
        "tempo +4 %", "tempo -4 %", "pitch +1 semitone", "gain -20 dB", "polarity inverted", "mp3 at 64 kbit/s",
        "start offset 0.5 s", "frames shuffled",
    ]  # fmt: skip


@pytest.mark.parametrize("percent", [-6, 4])
def test_tempo_keeps_the_pitch(percent: float) -> None:
    samples = tone(440)
    perturbed = apply(Tempo(percent), samples)
    assert len(perturbed) == pytest.approx(len(samples) / (1 + percent / 100), abs=2)
    assert loudest_hz(perturbed) == pytest.approx(440, rel=0.005)


def test_pitch_keeps_the_tempo() -> None:
    samples = tone(440)
    perturbed = apply(Pitch(-2), samples)
    assert len(perturbed) == len(samples)
    assert loudest_hz(perturbed) == pytest.approx(440 * 2 ** (-2 / 12), rel=0.005)


@pytest.mark.parametrize("perturbation", [Mp3(32), Mp3(128), Opus(32), Opus(128)])
@pytest.mark.parametrize("rate", [16_000, RATE])
def test_codecs_neither_delay_nor_lengthen(perturbation: AudioPerturbation, rate: int) -> None:
    samples = melody(rate=rate)
    perturbed = apply(perturbation, samples, rate)
    assert len(perturbed) == len(samples)
    assert delay(samples, perturbed) == 0
    assert not np.array_equal(perturbed, samples)


def test_codec_loses_less_at_a_higher_bit_rate() -> None:
    samples = melody()
    losses = [np.square(apply(Opus(kbits), samples) - samples).sum() for kbits in (32, 64, 128)]
    assert losses == sorted(losses, reverse=True)


def test_gain_and_polarity_scale_the_samples() -> None:
    samples = melody()
    np.testing.assert_allclose(apply(Gain(-20), samples), samples / 10, rtol=1e-6)
    np.testing.assert_array_equal(apply(Polarity(), samples), -samples)


def test_offset_leaves_at_least_half() -> None:
    samples = melody()
    np.testing.assert_array_equal(apply(Offset(0.5), samples), samples[RATE // 2 :])
    assert len(apply(Offset(60), samples)) == len(samples) // 2 + len(samples) % 2


def test_low_pass_removes_high_frequencies() -> None:
    low, high = tone(500), tone(6000)
    assert np.abs(apply(LowPass(4000), low)[RATE:]).max() == pytest.approx(0.5, rel=0.01)
    assert np.abs(apply(LowPass(4000), high)[RATE:]).max() < 0.05
    np.testing.assert_array_equal(apply(LowPass(12_000), high), high)


@given(st.floats(0, 60), st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_noise_has_the_signal_to_noise_ratio_of_its_strength(decibels: float, seed: int) -> None:
    samples = tone(440)
    noise = (apply(Noise(decibels), samples, seed=seed) - samples).astype(np.float64)
    ratio = 10 * np.log10(np.square(samples, dtype=np.float64).sum() / np.square(noise).sum())
    assert ratio == pytest.approx(decibels, abs=0.2)


def test_noise_is_reproducible() -> None:
    samples = melody()
    np.testing.assert_array_equal(apply(Noise(20), samples, seed=1), apply(Noise(20), samples, seed=1))
    assert not np.array_equal(apply(Noise(20), samples, seed=1), apply(Noise(20), samples, seed=2))


def test_compression_reduces_the_contrast() -> None:
    samples = np.concatenate([tone(440), tone(440) / 100])
    perturbed = apply(Compression(8), samples)
    assert len(perturbed) == len(samples)

    def contrast(wave: Samples) -> float:
        loud, soft = (np.abs(part).max() for part in (wave[RATE : 2 * RATE], wave[-RATE:]))
        return float(20 * np.log10(loud / soft))

    assert contrast(samples) == pytest.approx(40, abs=0.1)
    assert contrast(perturbed) == pytest.approx(40 - 30 * (1 - 1 / 8), abs=2)
    np.testing.assert_array_equal(apply(Compression(8), np.zeros(RATE, np.float32)), 0)


def test_resampling_upwards_is_lossless_and_downwards_removes_high_frequencies() -> None:
    samples = tone(440) + tone(3_000)
    perturbed = apply(Resampling(48_000), samples)
    assert abs(len(perturbed) - len(samples)) <= 1
    np.testing.assert_allclose(perturbed[1000:-1000], samples[1000 : len(perturbed) - 1000], atol=1e-3)
    assert np.abs(apply(Resampling(16_000), tone(9_000))[RATE // 2 : RATE]).max() < 1e-3


@given(st.integers(1, 200), st.floats(0, 5), st.integers(0, 9))
def test_shuffle_is_a_permutation_of_blocks(frames: int, seconds: float, seed: int) -> None:
    order = Shuffle(seconds).order(frames, 0.1, np.random.default_rng(seed))
    assert sorted(order) == list(range(frames))
    size = max(1, round(seconds / 0.1))
    assert np.count_nonzero(np.diff(order) != 1) <= -(-frames // size) - 1


def test_shuffle_changes_the_order() -> None:
    assert list(Shuffle(0).order(50, 0.1, np.random.default_rng(0))) != list(range(50))


def test_tempo_is_deterministic() -> None:
    samples = melody(1)
    random.seed(1)
    first = apply(Tempo(2), samples)
    random.seed(2)
    np.testing.assert_array_equal(apply(Tempo(2), samples), first)
