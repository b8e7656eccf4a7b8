from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from genrelens.features.frontend import (
    FrontEnd,
    apply_floor,
    hz_to_mel,
    log_mel,
    mel_filterbank,
    mel_to_hz,
    mfcc,
    normalise,
)


@st.composite
def front_ends(draw: st.DrawFn) -> FrontEnd:
    rate = draw(st.sampled_from([8_000, 16_000, 22_050, 32_000, 44_100]))
    fmin = draw(st.floats(0, 300))
    return FrontEnd(
        rate=rate,
        n_fft=draw(st.sampled_from([256, 400, 512, 1000, 1024, 2048])),
        hop=draw(st.integers(50, 2_000)),
        window=draw(st.sampled_from(["hann", "hamming", "blackman", "rectangular"])),
        center=draw(st.booleans()),
        n_mels=draw(st.integers(1, 128)),
        fmin=fmin,
        fmax=draw(st.one_of(st.none(), st.floats(fmin + 500, rate / 2))),
        mel_scale=draw(st.sampled_from(["slaney", "htk"])),
        floor_db=draw(st.floats(20, 120)),
    )


def by_librosa(samples: Any, front_end: FrontEnd) -> Any:
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=front_end.rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop,
        window={"rectangular": "boxcar"}.get(front_end.window, front_end.window),
        center=front_end.center,
        pad_mode="constant",
        n_mels=front_end.n_mels,
        fmin=front_end.fmin,
        fmax=front_end.fmax,
        htk=front_end.mel_scale == "htk",
        norm="slaney" if front_end.mel_scale == "slaney" else None,
    )
    return librosa.power_to_db(power, ref=np.max, top_db=front_end.floor_db)


@settings(max_examples=150, deadline=None)
@given(front_ends(), st.integers(2_500, 30_000), st.integers(0, 2**32 - 1), st.floats(-60, 0))
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_log_mel_is_librosas(front_end: FrontEnd, length: int, seed: int, gain_db: float) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(length) * np.hanning(length) * 10 ** (gain_db / 20)
    np.testing.assert_allclose(log_mel(samples, front_end), by_librosa(samples, front_end), atol=1e-4)


@pytest.mark.parametrize("hop", [512, 1920])
def test_log_mel_is_librosas_in_single_precision_too(hop: int) -> None:
    front_end = FrontEnd(hop=hop, center=hop == 512)
    sweep = librosa.chirp(fmin=50, fmax=10_000, sr=22_050, duration=10).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(len(sweep)).astype(np.float32)
    samples = 0.3 * sweep + 0.001 * noise
    level = log_mel(samples, front_end)
    assert level.dtype == np.float32
    np.testing.assert_allclose(level, by_librosa(samples, front_end), atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(front_ends(), st.integers(1, 13))
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mfcc_is_librosas(front_end: FrontEnd, count: int) -> None:
    samples = np.random.default_rng(1).standard_normal(8_000)
    level = log_mel(samples, front_end)
    count = min(count, front_end.n_mels)
    np.testing.assert_allclose(mfcc(level, count), librosa.feature.mfcc(S=level, n_mfcc=count), atol=1e-6)


@settings(deadline=None)
@given(front_ends(), st.integers(1, 5_000))
def test_the_number_of_frames_is_foretold(front_end: FrontEnd, length: int) -> None:
    assert log_mel(np.ones(length), front_end).shape == (front_end.n_mels, front_end.frames(length))
    frames = front_end.frames(length)
    assert front_end.frames(front_end.samples(frames)) == frames


def test_known_values() -> None:
    """Slaney's scale: 15 mels at 1 kHz, 27 more at 6.4 kHz; HTK's: 1000 mels at 1 kHz, about."""
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 200.0, 1000.0, 6400.0]), "slaney"), [0, 3, 15, 42])
    np.testing.assert_allclose(hz_to_mel(np.array([1000.0]), "htk"), [999.9856], rtol=1e-6)
    bands = mel_filterbank(FrontEnd())
    assert bands.shape == (128, 1025)
    assert bands.sum() == pytest.approx(librosa.filters.mel(sr=22_050, n_fft=2048).sum(), rel=1e-6)


@given(st.floats(0, 20_000), st.sampled_from(["slaney", "htk", "kaldi"]))
def test_mels_and_back(hz: float, scale: Any) -> None:
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(np.array([hz]), scale), scale), [hz], atol=1e-6)


def test_a_batch_is_each_of_its_members() -> None:
    front_end = FrontEnd(n_mels=20)
    batch = np.random.default_rng(0).standard_normal((3, 9_000))
    together = normalise(log_mel(batch, front_end), front_end)
    for one, samples in zip(together, batch, strict=True):
        np.testing.assert_allclose(one, normalise(log_mel(samples, front_end), front_end), atol=1e-9)


def test_normalisation_by_window_by_band_and_none() -> None:
    level = log_mel(np.random.default_rng(0).standard_normal(20_000), FrontEnd(n_mels=20))
    by_window = normalise(level, FrontEnd(normalisation="window"))
    assert by_window.mean() == pytest.approx(0, abs=1e-9)
    assert by_window.std() == pytest.approx(1)
    by_band = normalise(level, FrontEnd(normalisation="band"))
    np.testing.assert_allclose(by_band.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(by_band.std(axis=1), 1)
    np.testing.assert_array_equal(normalise(level - 7, FrontEnd(normalisation="none")), level)


def test_gain_changes_nothing() -> None:
    samples = np.random.default_rng(0).standard_normal(20_000)
    np.testing.assert_allclose(log_mel(samples, FrontEnd()), log_mel(0.01 * samples, FrontEnd()), atol=1e-9)


def test_silence_gives_zeros_and_no_nan() -> None:
    for normalisation in ("window", "band", "none"):
        front_end = FrontEnd(normalisation=normalisation)
        level = log_mel(np.zeros(20_000, np.float32), front_end)
        assert not normalise(level, front_end).any()


def test_the_floor_is_below_the_maximum_of_each_window() -> None:
    level = np.array([[[-10.0, -200.0]], [[-50.0, -60.0]]])
    np.testing.assert_array_equal(apply_floor(level, 80), [[[0, -80]], [[0, -10]]])


@pytest.mark.parametrize(
    "wrong", [{"fmin": 6_000, "fmax": 5_000}, {"fmax": 12_000}, {"n_mels": 0}, {"hops": 3}, {"window_size": 4096}]
)
def test_impossible_front_ends_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FrontEnd(**wrong)
