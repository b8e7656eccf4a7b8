"""Spectral features on the frame grid of the front end, in numpy, the same for training and serving.

The definitions are librosa's (McFee et al., SciPy 2015), to which tests pin them. There are two kinds: MFCC and
tempogram are functions of the log-mel, so they follow its augmentation; chroma, contrast and tonnetz need the
spectrum, and are computed from samples once.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil, factorial, log2
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from genrelens.features import frontend
from genrelens.features.frontend import Floats, FrontEnd

Feature = Literal["mel", "mfcc", "tempogram", "chroma", "contrast", "tonnetz"]
Layout = Literal["stack", "concat"]
Features = tuple[Feature, ...]  # distinct
FEATURES: Features = get_args(Feature)

TEMPOGRAM_LAGS = 128  # frames, 3 s at the default hop: tempos down to 20 beats per minute
_MFCC_COEFFICIENTS = 13  # before their deltas
_DELTA_WIDTH = 9  # frames
_PITCH_CLASSES = 12
_LOWEST_A = 27.5  # Hz
_CONTRAST_FMIN = 200.0  # Hz; one band below, and octaves above
_CONTRAST_OCTAVES = 6
_CONTRAST_QUANTILE = 0.02  # fraction of the bins of a band that are its peak, and its valley


def spectrum_features(features: Features) -> Features:
    """Return the features that need the spectrum instead of the log-mel, in order."""
    return tuple(feature for feature in features if feature in _FROM_SPECTRUM)


def row_count(feature: Feature, front_end: FrontEnd) -> int:
    """Return the number of rows of a feature.

    Raises:
        ValueError: the frequency resolution of the front end is too coarse for the feature.
    """
    if feature == "contrast":
        return len(_contrast_edges(front_end))
    return {
        "mel": front_end.n_mels,
        "mfcc": 3 * min(_MFCC_COEFFICIENTS, front_end.n_mels),
        "tempogram": TEMPOGRAM_LAGS,
        "chroma": _PITCH_CLASSES,
        "tonnetz": len(_TONNETZ),
    }[feature]


def input_shape(features: Features, layout: Layout, front_end: FrontEnd, frames: int) -> tuple[int, int, int]:
    """Return the shape of one window from `to_model_input`: channels, rows, frames."""
    if layout == "stack":
        return len(features), front_end.n_mels, frames
    return 1, sum(row_count(feature, front_end) for feature in features), frames


def extract_features(samples: Floats, features: Features, front_end: FrontEnd) -> Floats:
    """Compute everything that `to_model_input` needs, with one Fourier transform per frame, in bounded memory.

    Args:
        samples: mono audio, shape (..., samples); the result has the same precision.
        features: features to compute.
        front_end: parameters of the frames and the log-mel.

    Returns:
        Shape (..., n_mels + rows of `spectrum_features(features)`, frames): the log-mel as from
        `frontend.mel_decibels`, followed by the rows of those features. Each frame depends only on its own samples.
    """
    spectral = spectrum_features(features)
    row_total = front_end.n_mels + sum(row_count(feature, front_end) for feature in spectral)
    frames = front_end.frames(samples.shape[-1])
    bands = frontend.mel_filterbank(front_end).astype(samples.dtype).T
    rows = np.empty((*samples.shape[:-1], frames, row_total), samples.dtype)
    for part, power in frontend.power_spectra(samples, front_end):
        mel = frontend.power_to_db(power @ bands)
        others = (_FROM_SPECTRUM[feature](power, front_end) for feature in spectral)
        rows[part] = np.concatenate([mel, *others], axis=-1)
    return np.swapaxes(rows, -1, -2)


def to_model_input(rows: Floats, features: Features, layout: Layout, front_end: FrontEnd) -> NDArray[np.float32]:
    """Normalise extracted features and arrange them as model input.

    Args:
        rows: output of `extract_features` for these features, or a range of its frames; shape (..., rows, frames).
        features: features to arrange, in order.
        layout: "stack" makes each feature a channel, its rows resampled to n_mels by linear interpolation; "concat"
            concatenates their rows in one channel.
        front_end: parameters. Its normalisation applies to the log-mel; other features are standardised to mean 0 and
            deviation 1 over the window.

    Returns:
        Shape (..., channels, rows, frames); see `input_shape`.
    """
    rows = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)  # half precision is only for storage
    spectral = spectrum_features(features)
    ends = np.cumsum([front_end.n_mels, *(row_count(feature, front_end) for feature in spectral)])
    mel, *others, _ = np.split(rows, ends, axis=-2)
    by_feature = dict(zip(spectral, others, strict=True))
    mel = frontend.apply_ceiling(mel, front_end)
    if from_mel := [feature for feature in features if feature in _FROM_MEL]:
        floored = frontend.apply_floor(mel, front_end.floor_db)
        by_feature |= {feature: _FROM_MEL[feature](floored, front_end) for feature in from_mel}
    if layout == "stack":
        by_feature = {feature: _resample_rows(rows, front_end.n_mels) for feature, rows in by_feature.items()}
    scaled = [
        frontend.normalise(mel, front_end) if feature == "mel" else frontend.standardise(by_feature[feature])
        for feature in features
    ]
    arranged = np.stack(scaled, axis=-3) if layout == "stack" else np.concatenate(scaled, axis=-2)[..., None, :, :]
    return arranged.astype(np.float32, copy=False)


def mfcc_with_deltas(mel: Floats, front_end: FrontEnd) -> Floats:
    """Return the MFCC and their first and second derivatives over time, shape (..., 39, frames)."""
    coefficients = frontend.mfcc(mel, min(_MFCC_COEFFICIENTS, front_end.n_mels))
    return np.concatenate([coefficients, delta(coefficients, 1), delta(coefficients, 2)], axis=-2)


def delta(rows: Floats, order: Literal[1, 2]) -> Floats:
    """Return the derivative over frames of the line or parabola fitted to 9 frames (Savitzky & Golay 1964).

    The first and last frame are repeated beyond the ends, so that any number of frames has a derivative.
    """
    reach = _DELTA_WIDTH // 2
    powers = np.vander(np.arange(-reach, reach + 1), order + 1, increasing=True)
    weights = factorial(order) * np.linalg.pinv(powers)[order].astype(rows.dtype)
    padded = _pad_frames(rows, reach, reach, "edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, _DELTA_WIDTH, axis=-1) @ weights)


def tempogram(mel: Floats, front_end: FrontEnd) -> Floats:
    """Return the tempogram: the local autocorrelation of onset strength (Grosche, Mueller & Kurth, ICASSP 2010).

    For a log-mel (..., n_mels, frames), the shape is (..., 128, frames): row k is the autocorrelation at a lag of k
    frames, in a Hann window of 128 frames, divided by the maximum of its frame.
    """
    frames = mel.shape[-1]
    reach = TEMPOGRAM_LAGS // 2
    padded = _pad_frames(onset_strength(mel, front_end), reach, reach, "linear_ramp")
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(TEMPOGRAM_LAGS) / TEMPOGRAM_LAGS)).astype(mel.dtype)
    segments = np.lib.stride_tricks.sliding_window_view(padded, TEMPOGRAM_LAGS, axis=-1)[..., :frames, :]
    spectrum = np.fft.rfft(segments * taper, 2 * TEMPOGRAM_LAGS)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[..., :TEMPOGRAM_LAGS]
    return np.swapaxes(_divide_by_largest(correlation), -1, -2)


def onset_strength(mel: Floats, front_end: FrontEnd) -> Floats:
    """Return the mean rise of the bands since the preceding frame, shape (..., frames).

    The result is delayed, so that an onset appears in the frame that begins with it, not in earlier centred frames.
    """
    rise = np.maximum(0, np.diff(mel)).mean(axis=-2)
    delay = 1 + (front_end.n_fft // (2 * front_end.hop) if front_end.center else 0)
    return _pad_frames(rise, delay, 0, "constant")[..., : mel.shape[-1]]


def chroma(power: Floats, front_end: FrontEnd) -> Floats:
    """Return the power in each of the 12 pitch classes from C on, divided by the maximum of its frame.

    For power spectra (frames, n_fft // 2 + 1), the shape is (frames, 12). A is tuned to 440 Hz.
    """
    return _divide_by_largest(power @ chroma_bands(front_end).astype(power.dtype).T)


@lru_cache(maxsize=8)
def chroma_bands(front_end: FrontEnd) -> NDArray[np.float64]:
    """Return the weight of each frequency bin for each pitch class, shape (12, n_fft // 2 + 1) (Ellis 2007).

    Bells as wide as the resolution of the transform, with the largest weight five octaves above the lowest A.
    """
    bins = front_end.n_fft // 2 + 1
    pitches = _PITCH_CLASSES * np.log2(np.arange(1, bins + 1) * front_end.rate / front_end.n_fft / _LOWEST_A)
    pitches = np.concatenate([[pitches[0] - 1.5 * _PITCH_CLASSES], pitches])  # 0 Hz has no pitch: put it far below
    widths = np.maximum(np.diff(pitches), 1)
    distances = pitches[:-1] - np.arange(_PITCH_CLASSES)[:, None]
    distances = np.remainder(distances + _PITCH_CLASSES / 2, _PITCH_CLASSES) - _PITCH_CLASSES / 2
    bells = np.exp(-2 * (distances / widths) ** 2)
    bells /= np.linalg.norm(bells, axis=0)
    bells *= np.exp(-0.5 * ((pitches[:-1] / _PITCH_CLASSES - 5) / 2) ** 2)
    return np.roll(bells, -3, axis=0)  # from A to C


def contrast(power: Floats, front_end: FrontEnd) -> Floats:
    """Return the spectral contrast: peaks over valleys of each octave, in decibels (Jiang et al., ICME 2002).

    As in librosa, but without its floor 80 dB below the maximum, which depends on other parts of the track. For power
    spectra (frames, n_fft // 2 + 1), the shape is (frames, 7): below 200 Hz, five octaves from there, and everything
    above. Octaves that begin above half the rate are left out.
    """
    edges = _contrast_edges(front_end)
    magnitude = np.sqrt(power)
    rows = np.empty((len(power), len(edges)), power.dtype)
    for row, (first, last) in enumerate(edges):
        ordered = np.sort(magnitude[:, first:last])
        count = max(1, round(_CONTRAST_QUANTILE * (last - first + (row < len(edges) - 1))))
        peak, valley = ordered[:, -count:].mean(axis=1), ordered[:, :count].mean(axis=1)
        rows[:, row] = frontend.power_to_db(peak) - frontend.power_to_db(valley)
    return rows


@lru_cache(maxsize=8)
def _contrast_edges(front_end: FrontEnd) -> tuple[tuple[int, int], ...]:
    """Return the first and end bin of each band; each band also includes the last bin of the band below."""
    step = front_end.rate / front_end.n_fft
    if step > _CONTRAST_FMIN:
        raise ValueError(
            f"contrast needs frames of at least {ceil(front_end.rate / _CONTRAST_FMIN)} samples at "
            f"{front_end.rate} Hz, and n_fft is {front_end.n_fft}"
        )
    bins = np.arange(front_end.n_fft // 2 + 1) * step
    octaves = min(_CONTRAST_OCTAVES, ceil(log2(front_end.rate / 2 / _CONTRAST_FMIN)))
    limits = [0.0, *(_CONTRAST_FMIN * 2.0 ** np.arange(octaves + 1))]
    firsts = [max(0, int(np.searchsorted(bins, low)) - 1) for low in limits[:-1]]
    ends = [int(np.searchsorted(bins, high, "right")) - 1 for high in limits[1:]]
    return tuple(zip(firsts, [*ends[:-1], len(bins)], strict=True))


def tonnetz(power: Floats, front_end: FrontEnd) -> Floats:
    """Return the tonal centroid on the circles of fifths, minor and major thirds (Harte et al., AMCMM 2006).

    For power spectra (frames, n_fft // 2 + 1), the shape is (frames, 6), with values between -1 and 1.
    """
    pitches = chroma(power, front_end)
    total = pitches.sum(axis=-1, keepdims=True)
    return np.asarray(pitches / np.where(total > 0, total, 1) @ _TONNETZ.astype(power.dtype).T)


# Sine and cosine of each pitch class on the circles of fifths, minor and major thirds, shape (6, 12).
_ANGLES = np.pi * np.outer([7 / 6, 3 / 2, 2 / 3], np.arange(_PITCH_CLASSES))
_RADII = np.array([[1.0], [1.0], [0.5]])
_TONNETZ = np.stack([_RADII * np.sin(_ANGLES), _RADII * np.cos(_ANGLES)], axis=1).reshape(6, _PITCH_CLASSES)

_Extractor = Callable[[Floats, FrontEnd], Floats]
_FROM_MEL: dict[Feature, _Extractor] = {"mfcc": mfcc_with_deltas, "tempogram": tempogram}
_FROM_SPECTRUM: dict[Feature, _Extractor] = {"chroma": chroma, "contrast": contrast, "tonnetz": tonnetz}


def _resample_rows(rows: Floats, count: int) -> Floats:
    """Resample rows to a number of rows by linear interpolation; a row is an area, not a point."""
    size = rows.shape[-2]
    if size == count:
        return rows
    positions = ((np.arange(count) + 0.5) * size / count - 0.5).clip(0, size - 1)
    weights = np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(size)))
    return np.asarray(weights.astype(rows.dtype) @ rows)


def _divide_by_largest(rows: Floats) -> Floats:
    """Divide by the largest magnitude along the last axis, unless everything is 0."""
    largest = np.abs(rows).max(axis=-1, keepdims=True)
    return np.asarray(rows / np.where(largest < np.finfo(rows.dtype).tiny, 1, largest))


def _pad_frames(rows: Floats, before: int, after: int, mode: Literal["constant", "edge", "linear_ramp"]) -> Floats:
    return np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(before, after)], mode=mode)
