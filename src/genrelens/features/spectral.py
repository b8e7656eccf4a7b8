"""Features on the front end's frame grid, in numpy, the same for training and serving.

The definitions are librosa's (McFee et al., SciPy 2015), to which tests pin them. Two kinds: MFCC and
tempogram are functions of the log-mel, and follow what augmentation does to it; chroma, contrast and tonnetz
need the spectrum, and are analysed from samples once.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil, factorial, log2
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from genrelens.features.frontend import (
    Floats,
    FrontEnd,
    apply_ceiling,
    apply_floor,
    mel_filterbank,
    mfcc,
    normalise,
    power_spectra,
    power_to_db,
    standardise,
)

Feature = Literal["mel", "mfcc", "tempogram", "chroma", "contrast", "tonnetz"]
Layout = Literal["stack", "concat"]
FEATURES: tuple[Feature, ...] = get_args(Feature)

TEMPOGRAM_LAGS = 128  # frames, 3 s at the default hop: beats down to 20 a minute
_COEFFICIENTS = 13  # of the MFCC, before their deltas
_DELTA_WIDTH = 9  # frames that a delta looks at
_PITCHES = 12
_LOWEST_A = 27.5  # Hz
_CONTRAST_FROM = 200.0  # Hz; one band below, and octaves above
_CONTRAST_OCTAVES = 6
_CONTRAST_SHARE = 0.02  # of a band's frequencies make its peak, and as many its valley


def spectrum_features(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Those features that the log-mel alone does not give, in their order."""
    return tuple(feature for feature in features if feature in _FROM_SPECTRUM)


def row_count(feature: Feature, front_end: FrontEnd) -> int:
    """How many rows a feature has.

    Raises:
        ValueError: the front end resolves frequencies too coarsely for it.
    """
    if feature == "contrast":
        return len(_contrast_edges(front_end))
    return {
        "mel": front_end.n_mels,
        "mfcc": 3 * min(_COEFFICIENTS, front_end.n_mels),
        "tempogram": TEMPOGRAM_LAGS,
        "chroma": _PITCHES,
        "tonnetz": len(_TONNETZ),
    }[feature]


def input_shape(features: tuple[Feature, ...], layout: Layout, front_end: FrontEnd, frames: int) -> tuple[int, int, int]:
    """Planes, rows and frames of what `to_model_input` gives."""
    if layout == "stack":
        return len(features), front_end.n_mels, frames
    return 1, sum(row_count(feature, front_end) for feature in features), frames


def extract_features(samples: Floats, features: tuple[Feature, ...], front_end: FrontEnd) -> Floats:
    """All that `to_model_input` needs of a recording, by one Fourier transform, in bounded memory.

    Args:
        samples: shape (..., samples); the precision of the result is that of the samples.
        features: each once.
        front_end: the parameters.

    Returns:
        Shape (..., n_mels + rows of `needs_spectrum(features)`, frames): the log-mel as `frontend.decibels`
        gives it, and under it the rows of those features. A frame's rows depend on that frame alone.
    """
    spectral = spectrum_features(features)
    rows = front_end.n_mels + sum(row_count(feature, front_end) for feature in spectral)
    frames = front_end.frames(samples.shape[-1])
    bands = mel_filterbank(front_end).astype(samples.dtype).T
    level = np.empty((*samples.shape[:-1], frames, rows), samples.dtype)
    for part, power in power_spectra(samples, front_end):
        found = [power_to_db(power @ bands), *(_FROM_SPECTRUM[feature](power, front_end) for feature in spectral)]
        level[part] = np.concatenate(found, axis=-1)
    return np.swapaxes(level, -1, -2)


def to_model_input(level: Floats, features: tuple[Feature, ...], layout: Layout, front_end: FrontEnd) -> NDArray[np.float32]:
    """What a net takes of windows.

    Args:
        level: as `extract_features` gave it for these features, or a stretch of it over frames; shape (..., rows, frames).
        features: each once.
        layout: "stack" gives each feature a plane, its rows drawn out to n_mels by linear interpolation;
            "concat" sets them one under another in one plane.
        front_end: the parameters. Its normalisation holds for the mel; other features have mean 0 and
            deviation 1 over their window.

    Returns:
        Shape (..., planes, rows, frames), as `input_shape` tells.
    """
    level = level.astype(np.promote_types(level.dtype, np.float32), copy=False)  # half precision is for keeping
    mel = apply_ceiling(level[..., : front_end.n_mels, :], front_end)
    found = _spectral_rows(level, features, front_end)
    if derived := [feature for feature in features if feature in _FROM_MEL]:
        floored = apply_floor(mel, front_end.floor_db)
        found |= {feature: _FROM_MEL[feature](floored, front_end) for feature in derived}
    if layout == "stack":
        found = {feature: _resized(rows, front_end.n_mels) for feature, rows in found.items()}
    scaled = [normalise(mel, front_end) if feature == "mel" else standardise(found[feature]) for feature in features]
    stacked = np.stack(scaled, axis=-3) if layout == "stack" else np.concatenate(scaled, axis=-2)[..., None, :, :]
    return stacked.astype(np.float32, copy=False)


def mfcc_with_deltas(mel: Floats, front_end: FrontEnd) -> Floats:
    """The MFCC, and their first and second derivatives over time, shape (..., 39, frames)."""
    coefficients = mfcc(mel, min(_COEFFICIENTS, front_end.n_mels))
    return np.concatenate([coefficients, delta(coefficients, 1), delta(coefficients, 2)], axis=-2)


def delta(rows: Floats, order: Literal[1, 2]) -> Floats:
    """The derivative over frames of the parabola or line that fits 9 frames best (Savitzky & Golay 1964).

    The first and last frame count on beyond the ends, so that any number of frames has a derivative.
    """
    reach = _DELTA_WIDTH // 2
    powers = np.vander(np.arange(-reach, reach + 1), order + 1, increasing=True)
    weights = factorial(order) * np.linalg.pinv(powers)[order].astype(rows.dtype)
    padded = np.pad(rows, _over_frames(rows, reach, reach), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, _DELTA_WIDTH, axis=-1) @ weights)


def tempogram(mel: Floats, front_end: FrontEnd) -> Floats:
    """How much the onsets around each frame resemble themselves later (Grosche, Mueller & Kurth, ICASSP 2010).

    Args:
        mel: a log-mel, shape (..., n_mels, frames).
        front_end: the parameters.

    Returns:
        Shape (..., 128, frames): row k is the autocorrelation at a lag of k frames, in a Hann window of 128
        frames, over the greatest of its frame.
    """
    frames = mel.shape[-1]
    reach = TEMPOGRAM_LAGS // 2
    onsets = onset_strength(mel, front_end)
    padded = np.pad(onsets, _over_frames(onsets, reach, reach), mode="linear_ramp")
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(TEMPOGRAM_LAGS) / TEMPOGRAM_LAGS)).astype(mel.dtype)
    stretches = np.lib.stride_tricks.sliding_window_view(padded, TEMPOGRAM_LAGS, axis=-1)[..., :frames, :]
    spectrum = np.fft.rfft(stretches * taper, 2 * TEMPOGRAM_LAGS)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[..., :TEMPOGRAM_LAGS]
    return np.swapaxes(_over_largest(correlation), -1, -2)


def onset_strength(mel: Floats, front_end: FrontEnd) -> Floats:
    """How much louder the bands have become since the frame before, on average, shape (..., frames).

    It tells of an onset when the frame that begins with it comes, which a centred frame is ahead of.
    """
    rise = np.maximum(0, np.diff(mel)).mean(axis=-2)
    delay = 1 + (front_end.n_fft // (2 * front_end.hop) if front_end.center else 0)
    return np.pad(rise, _over_frames(rise, delay, 0))[..., : mel.shape[-1]]


def chroma(power: Floats, front_end: FrontEnd) -> Floats:
    """The power in each of the 12 pitch classes from C on, over the greatest of its frame.

    Args:
        power: of some frames, shape (frames, n_fft // 2 + 1).
        front_end: the parameters. A is tuned to 440 Hz.

    Returns:
        Shape (frames, 12).
    """
    return _over_largest(power @ chroma_bands(front_end).astype(power.dtype).T)


@lru_cache(maxsize=8)
def chroma_bands(front_end: FrontEnd) -> NDArray[np.float64]:
    """How much each frequency counts for each pitch class, shape (12, n_fft // 2 + 1) (Ellis 2007).

    Bells as wide as the transform resolves, and heaviest five octaves above the lowest A.
    """
    bins = front_end.n_fft // 2 + 1
    pitches = _PITCHES * np.log2(np.arange(1, bins + 1) * front_end.rate / front_end.n_fft / _LOWEST_A)
    pitches = np.concatenate([[pitches[0] - 1.5 * _PITCHES], pitches])  # 0 Hz has none: far below the next
    widths = np.maximum(np.diff(pitches), 1)
    distances = pitches[:-1] - np.arange(_PITCHES)[:, None]
    distances = np.remainder(distances + _PITCHES / 2, _PITCHES) - _PITCHES / 2
    bells = np.exp(-2 * (distances / widths) ** 2)
    bells /= np.linalg.norm(bells, axis=0)
    bells *= np.exp(-0.5 * ((pitches[:-1] / _PITCHES - 5) / 2) ** 2)
    return np.roll(bells, -3, axis=0)  # from A to C


def contrast(power: Floats, front_end: FrontEnd) -> Floats:
    """How far the peaks of each octave stand above its valleys, in decibels (Jiang et al., ICME 2002).

    As in librosa, but without its floor 80 dB below the loudest, which lies elsewhere in the track.

    Args:
        power: of some frames, shape (frames, n_fft // 2 + 1).
        front_end: the parameters; octaves that begin above half the rate are left out.

    Returns:
        Shape (frames, 7): below 200 Hz, five octaves from there on, and all above.
    """
    edges = _contrast_edges(front_end)
    magnitude = np.sqrt(power)
    rows = np.empty((len(power), len(edges)), power.dtype)
    for row, (first, last) in enumerate(edges):
        ordered = np.sort(magnitude[:, first:last])
        count = max(1, round(_CONTRAST_SHARE * (last - first + (row < len(edges) - 1))))
        peak, valley = ordered[:, -count:].mean(axis=1), ordered[:, :count].mean(axis=1)
        rows[:, row] = power_to_db(peak) - power_to_db(valley)
    return rows


@lru_cache(maxsize=8)
def _contrast_edges(front_end: FrontEnd) -> tuple[tuple[int, int], ...]:
    """The first frequency of each band, and the one after its last; each band also has the last of the one below."""
    step = front_end.rate / front_end.n_fft
    if step > _CONTRAST_FROM:
        raise ValueError(
            f"contrast needs frames of at least {ceil(front_end.rate / _CONTRAST_FROM)} samples at "
            f"{front_end.rate} Hz, and n_fft is {front_end.n_fft}"
        )
    bins = np.arange(front_end.n_fft // 2 + 1) * step
    octaves = min(_CONTRAST_OCTAVES, ceil(log2(front_end.rate / 2 / _CONTRAST_FROM)))
    limits = [0.0, *(_CONTRAST_FROM * 2.0 ** np.arange(octaves + 1))]
    firsts = [max(0, int(np.searchsorted(bins, low)) - 1) for low in limits[:-1]]
    ends = [int(np.searchsorted(bins, high, "right")) - 1 for high in limits[1:]]
    return tuple(zip(firsts, [*ends[:-1], len(bins)], strict=True))


def tonnetz(power: Floats, front_end: FrontEnd) -> Floats:
    """Where the chroma's centre lies in the planes of fifths, minor and major thirds (Harte et al., AMCMM 2006).

    Args:
        power: of some frames, shape (frames, n_fft // 2 + 1).
        front_end: the parameters.

    Returns:
        Shape (frames, 6), within -1 and 1.
    """
    pitches = chroma(power, front_end)
    total = pitches.sum(axis=-1, keepdims=True)
    return np.asarray(pitches / np.where(total > 0, total, 1) @ _TONNETZ.astype(power.dtype).T)


def _tonnetz_planes() -> NDArray[np.float64]:
    """Sine and cosine of each pitch class on the circles of fifths, minor and major thirds, shape (6, 12)."""
    angles = np.pi * np.outer([7 / 6, 3 / 2, 2 / 3], np.arange(_PITCHES))
    radii = np.array([[1.0], [1.0], [0.5]])
    return np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1).reshape(6, _PITCHES)


_TONNETZ = _tonnetz_planes()
_FROM_MEL: dict[Feature, Callable[[Floats, FrontEnd], Floats]] = {"mfcc": mfcc_with_deltas, "tempogram": tempogram}
_FROM_SPECTRUM: dict[Feature, Callable[[Floats, FrontEnd], Floats]] = {
    "chroma": chroma,
    "contrast": contrast,
    "tonnetz": tonnetz,
}


def _spectral_rows(level: Floats, features: tuple[Feature, ...], front_end: FrontEnd) -> dict[Feature, Floats]:
    """The rows that `extract_features` wrote under the mel, by feature."""
    found: dict[Feature, Floats] = {}
    first = front_end.n_mels
    for feature in spectrum_features(features):
        found[feature] = level[..., first : first + row_count(feature, front_end), :]
        first += row_count(feature, front_end)
    return found


def _resized(rows: Floats, count: int) -> Floats:
    """Draw rows out, or together, to that many by linear interpolation; pixels are areas, not points."""
    size = rows.shape[-2]
    if size == count:
        return rows
    positions = ((np.arange(count) + 0.5) * size / count - 0.5).clip(0, size - 1)
    weights = np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(size)))
    return np.asarray(weights.astype(rows.dtype) @ rows)


def _over_largest(rows: Floats) -> Floats:
    """Divide by the largest magnitude along the last axis, unless all is 0."""
    largest = np.abs(rows).max(axis=-1, keepdims=True)
    return np.asarray(rows / np.where(largest < np.finfo(rows.dtype).tiny, 1, largest))


def _over_frames(rows: Floats, before: int, after: int) -> list[tuple[int, int]]:
    """What `np.pad` must be told to pad the last axis."""
    return [(0, 0)] * (rows.ndim - 1) + [(before, after)]
