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


def librosa_log_mel(samples: Any, front_end: FrontEnd) -> Any:
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
def test_log_mel_matches_librosa(front_end: FrontEnd, length: int, seed: int, gain_db: float) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(length) * np.hanning(length) * 10 ** (gain_db / 20)
    np.testing.assert_allclose(log_mel(samples, front_end), librosa_log_mel(samples, front_end), atol=1e-4)


@pytest.mark.parametrize("hop", [512, 1920])
def test_log_mel_matches_librosa_in_single_precision(hop: int) -> None:
    front_end = FrontEnd(hop=hop, center=hop == 512)
    sweep = librosa.chirp(fmin=50, fmax=10_000, sr=22_050, duration=10).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(len(sweep)).astype(np.float32)
    samples = 0.3 * sweep + 0.001 * noise
    mel = log_mel(samples, front_end)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, librosa_log_mel(samples, front_end), atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(front_ends(), st.integers(1, 13))
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mfcc_matches_librosa(front_end: FrontEnd, count: int) -> None:
    samples = np.random.default_rng(1).standard_normal(8_000)
    mel = log_mel(samples, front_end)
    count = min(count, front_end.n_mels)
    np.testing.assert_allclose(mfcc(mel, count), librosa.feature.mfcc(S=mel, n_mfcc=count), atol=1e-6)


@settings(deadline=None)
@given(front_ends(), st.integers(1, 5_000))
def test_frames_predicts_the_shape_of_the_log_mel(front_end: FrontEnd, length: int) -> None:
    assert log_mel(np.ones(length), front_end).shape == (front_end.n_mels, front_end.frames(length))
    frames = front_end.frames(length)
    assert front_end.frames(front_end.samples(frames)) == frames


def test_mel_scales_and_filterbank_have_known_values() -> None:
    """Slaney's scale: 15 mels at 1 kHz, 27 more at 6.4 kHz; HTK's: 1000 mels at 1 kHz, about."""
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 200.0, 1000.0, 6400.0]), "slaney"), [0, 3, 15, 42])
    np.testing.assert_allclose(hz_to_mel(np.array([1000.0]), "htk"), [999.9856], rtol=1e-6)
    bands = mel_filterbank(FrontEnd())
    assert bands.shape == (128, 1025)
    assert bands.sum() == pytest.approx(librosa.filters.mel(sr=22_050, n_fft=2048).sum(), rel=1e-6)


@given(st.floats(0, 20_000), st.sampled_from(["slaney", "htk", "kaldi"]))
def test_mel_conversion_round_trips(hz: float, scale: Any) -> None:
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(np.array([hz]), scale), scale), [hz], atol=1e-6)


def test_a_batch_is_normalised_window_by_window() -> None:
    front_end = FrontEnd(n_mels=20)
    batch = np.random.default_rng(0).standard_normal((3, 9_000))
    together = normalise(log_mel(batch, front_end), front_end)
    for window, samples in zip(together, batch, strict=True):
        np.testing.assert_allclose(window, normalise(log_mel(samples, front_end), front_end), atol=1e-9)


def test_normalisation_by_window_by_band_and_none() -> None:
    mel = log_mel(np.random.default_rng(0).standard_normal(20_000), FrontEnd(n_mels=20))
    by_window = normalise(mel, FrontEnd(normalisation="window"))
    assert by_window.mean() == pytest.approx(0, abs=1e-9)
    assert by_window.std() == pytest.approx(1)
    by_band = normalise(mel, FrontEnd(normalisation="band"))
    np.testing.assert_allclose(by_band.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(by_band.std(axis=1), 1)
    np.testing.assert_array_equal(normalise(mel - 7, FrontEnd(normalisation="none")), mel)


def test_log_mel_is_independent_of_gain() -> None:
    samples = np.random.default_rng(0).standard_normal(20_000)
    np.testing.assert_allclose(log_mel(samples, FrontEnd()), log_mel(0.01 * samples, FrontEnd()), atol=1e-9)


def test_silence_gives_finite_zeros() -> None:
    for normalisation in ("window", "band", "none"):
        front_end = FrontEnd(normalisation=normalisation)
        mel = log_mel(np.zeros(20_000, np.float32), front_end)
        assert not normalise(mel, front_end).any()


def test_the_floor_is_below_the_maximum_of_each_window() -> None:
    mel = np.array([[[-10.0, -200.0]], [[-50.0, -60.0]]])
    np.testing.assert_array_equal(apply_floor(mel, 80), [[[0, -80]], [[0, -10]]])


@pytest.mark.parametrize(
    "parameters", [{"fmin": 6_000, "fmax": 5_000}, {"fmax": 12_000}, {"n_mels": 0}, {"hops": 3}, {"window_size": 4096}]
)
def test_invalid_front_ends_are_rejected(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FrontEnd(**parameters)
