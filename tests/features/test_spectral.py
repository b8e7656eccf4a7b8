from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrelens.features import spectral
from genrelens.features.frontend import FrontEnd, apply_floor, band_centres, mel_decibels, normalise
from genrelens.features.spectral import (
    FEATURES,
    Feature,
    Layout,
    extract_features,
    input_shape,
    row_count,
    spectrum_features,
    to_model_input,
)

FRONT_ENDS = [
    FrontEnd(),
    FrontEnd(hop=1920),
    FrontEnd(center=False, hop=256, window="blackman"),
    FrontEnd(rate=8_000, n_fft=512, hop=100, mel_scale="htk", n_mels=40),
    FrontEnd(rate=44_100, n_fft=1024, hop=300, n_mels=64, window="hamming", floor_db=60),
]
EACH = pytest.mark.parametrize("front_end", FRONT_ENDS, ids=str)


def music(front_end: FrontEnd, seed: int = 0, seconds: float = 2.0) -> NDArray[np.float64]:
    """Return three tones over noise, with a few onsets per second."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * front_end.rate)) / front_end.rate
    tones = np.sin(2 * np.pi * np.outer(rng.uniform(60, 3_000, 3), time)).sum(axis=0)
    envelope = np.exp(-5 * (time * rng.uniform(1, 5) % 1))
    return np.asarray(envelope * tones + 0.1 * rng.standard_normal(len(time)))


def librosa_magnitudes(samples: Any, front_end: FrontEnd) -> Any:
    """Return the magnitude spectrogram by librosa."""
    return np.abs(
        librosa.stft(
            samples,
            n_fft=front_end.n_fft,
            hop_length=front_end.hop,
            window=front_end.window,
            center=front_end.center,
            pad_mode="constant",
        )
    )


def feature_rows(feature: Feature, samples: Any, front_end: FrontEnd) -> Any:
    """Return the rows of one spectrum feature."""
    return extract_features(samples, (feature,), front_end)[..., front_end.n_mels :, :]


@EACH
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_chroma_and_tonnetz_match_librosa(front_end: FrontEnd, seed: int) -> None:
    samples = music(front_end, seed)
    power = librosa_magnitudes(samples, front_end) ** 2
    chroma = librosa.feature.chroma_stft(S=power, sr=front_end.rate, n_fft=front_end.n_fft, tuning=0, dtype=np.float64)
    np.testing.assert_allclose(feature_rows("chroma", samples, front_end), chroma, atol=1e-9)
    tonnetz = librosa.feature.tonnetz(chroma=chroma)
    np.testing.assert_allclose(feature_rows("tonnetz", samples, front_end), tonnetz, atol=1e-9)


@EACH
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_contrast_matches_librosa(front_end: FrontEnd, seed: int) -> None:
    samples = music(front_end, seed)
    octaves = 5 if front_end.rate == 8_000 else 6  # librosa rejects one that begins above half the rate
    expected = librosa.feature.spectral_contrast(
        S=librosa_magnitudes(samples, front_end), sr=front_end.rate, n_fft=front_end.n_fft, n_bands=octaves
    )
    np.testing.assert_allclose(feature_rows("contrast", samples, front_end), expected, atol=1e-6)


@EACH
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), seconds=st.floats(0.2, 4))
def test_tempogram_matches_librosa(front_end: FrontEnd, seed: int, seconds: float) -> None:
    mel = apply_floor(mel_decibels(music(front_end, seed, seconds), front_end), front_end.floor_db)
    onsets = librosa.onset.onset_strength(
        S=mel, sr=front_end.rate, n_fft=front_end.n_fft, hop_length=front_end.hop, center=front_end.center
    )
    np.testing.assert_allclose(spectral.onset_strength(mel, front_end), onsets, atol=1e-9)
    expected = librosa.feature.tempogram(onset_envelope=onsets, sr=front_end.rate, win_length=128)
    np.testing.assert_allclose(spectral.tempogram(mel, front_end), expected, atol=1e-9)


@EACH
@pytest.mark.parametrize("frames", [1, 5, 9, 60])
def test_mfcc_with_deltas_matches_librosa(front_end: FrontEnd, frames: int) -> None:
    mel = apply_floor(mel_decibels(music(front_end)[: front_end.samples(frames)], front_end), front_end.floor_db)
    coefficients = librosa.feature.mfcc(S=mel, n_mfcc=13)
    deltas = [librosa.feature.delta(coefficients, width=9, order=order, mode="nearest") for order in (1, 2)]
    expected = np.concatenate([coefficients, *deltas])
    np.testing.assert_allclose(spectral.mfcc_with_deltas(mel, front_end), expected, atol=1e-8)


@EACH
def test_the_mel_feature_equals_the_normalised_log_mel(front_end: FrontEnd) -> None:
    samples = np.stack([music(front_end, seed) for seed in (1, 2)]).astype(np.float32)
    rows = extract_features(samples, ("mel",), front_end)
    np.testing.assert_array_equal(rows, mel_decibels(samples, front_end))
    expected = normalise(apply_floor(rows, front_end.floor_db), front_end)[..., None, :, :]
    for layout in ("stack", "concat"):
        np.testing.assert_array_equal(to_model_input(rows, ("mel",), layout, front_end), expected, strict=True)


@EACH
@pytest.mark.parametrize("layout", ["stack", "concat"])
@given(features=st.lists(st.sampled_from(FEATURES), min_size=1, unique=True).map(tuple))
@settings(max_examples=10, deadline=None)
def test_input_shape_predicts_the_model_input(
    front_end: FrontEnd, layout: Layout, features: tuple[Feature, ...]
) -> None:
    samples = np.stack([music(front_end, seed, 1.0) for seed in (1, 2)]).astype(np.float32)
    rows = extract_features(samples, features, front_end)
    inputs = to_model_input(rows, features, layout, front_end)
    assert rows.dtype == inputs.dtype == np.float32
    assert inputs.shape == (2, *input_shape(features, layout, front_end, front_end.frames(samples.shape[1])))
    assert rows.shape[1] == front_end.n_mels + sum(row_count(each, front_end) for each in spectrum_features(features))


def test_spectrum_features_keep_their_order() -> None:
    assert spectrum_features(("mel", "mfcc", "tempogram")) == ()
    assert spectrum_features(("tonnetz", "mel", "chroma", "contrast")) == ("tonnetz", "chroma", "contrast")


def test_features_computed_together_equal_each_alone() -> None:
    """Stacked and concatenated features equal those computed one by one."""
    front_end = FrontEnd(n_mels=40)
    samples = music(front_end)
    for features in (FEATURES, FEATURES[::-1]):
        together = to_model_input(extract_features(samples, features, front_end), features, "stack", front_end)
        concatenated = to_model_input(extract_features(samples, features, front_end), features, "concat", front_end)[0]
        first = 0
        for channel, feature in zip(together, features, strict=True):
            alone = extract_features(samples, (feature,), front_end)
            np.testing.assert_array_equal(channel, to_model_input(alone, (feature,), "stack", front_end)[0])
            own_rows = concatenated[first : first + row_count(feature, front_end)]
            np.testing.assert_array_equal(own_rows, to_model_input(alone, (feature,), "concat", front_end)[0])
            first += len(own_rows)


@pytest.mark.parametrize("layout", ["stack", "concat"])
def test_every_channel_has_mean_0_and_deviation_1(layout: Layout) -> None:
    front_end = FrontEnd(normalisation="none")
    for feature in FEATURES[1:]:
        inputs = to_model_input(
            extract_features(music(front_end), (feature,), front_end), (feature,), layout, front_end
        )
        assert inputs.mean() == pytest.approx(0, abs=1e-5)
        assert inputs.std() == pytest.approx(1, abs=1e-5)


def test_the_frames_of_a_window_equal_those_of_the_whole_track() -> None:
    front_end = FrontEnd(center=False, n_mels=40)
    samples = music(front_end, seconds=4)
    whole = extract_features(samples, FEATURES, front_end)
    window = extract_features(samples[20 * front_end.hop :][: front_end.samples(70)], FEATURES, front_end)
    np.testing.assert_allclose(window, whole[:, 20:90], atol=1e-8)


def test_mel_based_features_follow_changes_of_the_log_mel() -> None:
    """Values below the floor and the overall loudness make no difference; other changes of the log-mel do."""
    front_end = FrontEnd(floor_db=40)
    rows = extract_features(music(front_end), ("mfcc", "tempogram"), front_end)
    before = to_model_input(rows, ("mfcc", "tempogram"), "stack", front_end)
    floored = to_model_input(apply_floor(rows, 40) - 7, ("mfcc", "tempogram"), "stack", front_end)
    np.testing.assert_allclose(floored, before, atol=1e-4)
    backwards = to_model_input(rows[:, ::-1], ("mfcc", "tempogram"), "stack", front_end)
    assert np.abs(backwards - before).max(axis=(1, 2)).min() > 0.1


def test_model_input_is_independent_of_gain() -> None:
    front_end = FrontEnd()
    samples = music(front_end)
    loud, quiet = (
        to_model_input(extract_features(gain * samples, FEATURES, front_end), FEATURES, "stack", front_end)
        for gain in (1, 0.1)
    )
    np.testing.assert_allclose(loud, quiet, atol=1e-3)


def test_bands_above_the_ceiling_make_no_difference() -> None:
    uncapped, capped = FrontEnd(), FrontEnd(ceiling=8000.0)
    above = band_centres(capped) > 8000
    rows = extract_features(music(capped), ("mel", "mfcc"), capped)
    lowered = rows - 30 * above[:, None].astype(np.float32)
    dark, darker = (to_model_input(each, ("mel", "mfcc"), "stack", capped) for each in (rows, lowered))
    np.testing.assert_array_equal(dark, darker)
    assert len(np.unique(dark[0, above])) == 1
    assert not np.array_equal(dark, to_model_input(rows, ("mel", "mfcc"), "stack", uncapped))
    assert not to_model_input(np.full((128, 40), -100.0, np.float32), ("mel",), "stack", capped).any()


@EACH
@pytest.mark.parametrize("amplitude", [0.0, 1e-12])
def test_silence_gives_finite_zeros(front_end: FrontEnd, amplitude: float) -> None:
    silence = np.full(front_end.rate, amplitude, np.float32)
    for layout in ("stack", "concat"):
        inputs = to_model_input(extract_features(silence, FEATURES, front_end), FEATURES, layout, front_end)
        assert np.isfinite(inputs).all()
        assert np.abs(inputs).max() == 0 or amplitude


def test_half_precision_features_are_processed_in_single_precision() -> None:
    front_end = FrontEnd(n_mels=40)
    rows = extract_features(music(front_end), FEATURES, front_end)
    from_half = to_model_input(rows.astype(np.float16), FEATURES, "stack", front_end)
    np.testing.assert_allclose(from_half, to_model_input(rows, FEATURES, "stack", front_end), atol=0.15)
    np.testing.assert_array_equal(
        from_half, to_model_input(rows.astype(np.float16).astype(np.float32), FEATURES, "stack", front_end)
    )


def test_a_tone_has_its_pitch_class() -> None:
    front_end = FrontEnd()
    tone = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)
    assert (feature_rows("chroma", tone, front_end).argmax(axis=0) == 9).all()  # C is 0, and A 9
    resampled = to_model_input(extract_features(tone, ("chroma",), front_end), ("chroma",), "stack", front_end)[0]
    assert (resampled.argmax(axis=0) // (128 / 12) == 9).all()


def test_contrast_needs_sufficient_frequency_resolution() -> None:
    with pytest.raises(ValueError, match=r"frames of at least 221 samples at 44100 Hz, and n_fft is 128"):
        row_count("contrast", FrontEnd(rate=44_100, n_fft=128, n_mels=8))
    assert row_count("contrast", FrontEnd(rate=44_100, n_fft=222, n_mels=8)) == 7
