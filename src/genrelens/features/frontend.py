"""Front end: log-mel spectrograms of samples in numpy, the same for training and serving.

The definitions are librosa's (McFee et al., SciPy 2015), to which a test pins them; the mel scales are
Slaney's Auditory Toolbox (1998) and O'Shaughnessy's formula as in HTK and Kaldi. Log-mels stay in decibels until
they are normalised for the model, so that augmentation and the cache share one unit.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from genrelens.records import FrozenModel

Floats = NDArray[np.floating[Any]]

_FRAMES_PER_BLOCK = 64  # transformed together
_MIN_POWER = 1e-10  # floor of the power before it is converted to decibels
_MIN_DEVIATION = 1e-5  # dB; windows that vary less count as constant

# Slaney's scale: linear up to 1 kHz, 15 mels; then logarithmic, 27 mels for a factor of 6.4.
_SLANEY_HZ_PER_MEL = 200.0 / 3
_SLANEY_KNEE_HZ = 1000.0
_SLANEY_KNEE = _SLANEY_KNEE_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = np.log(6.4) / 27.0

# Input of EfficientAT models: (ln(power + 1e-5) + 4.5) / 5.
_AUDIOSET_POWER = 1e-5
_AUDIOSET_MEAN = -4.5
_AUDIOSET_DEVIATION = 5.0

MelScale = Literal["slaney", "htk", "kaldi"]


class FrontEnd(FrozenModel):
    """Parameters of the log-mel spectrogram. The defaults are taken from the reference recipes.

    Attributes:
        rate: sampling rate in Hz.
        n_fft: samples per frame, and length of its Fourier transform; even.
        hop: samples from one frame to the next.
        pre_emphasis: fraction of the preceding sample to subtract from each sample, which lifts high frequencies.
        window: taper of a frame, periodic unless it is called symmetric.
        window_size: length of the taper in samples, in the middle of a frame; `n_fft` by default.
        center: whether frame t is centred on sample t * hop (zeros beyond the ends), or starts there.
        n_mels: number of mel bands from `fmin` to `fmax`.
        fmin: lower edge of the lowest band, in Hz.
        fmax: upper edge of the highest band, in Hz; half the rate by default.
        mel_scale: Slaney's, with bands of equal area; HTK's, with bands of equal peak; or Kaldi's, which is HTK's
            with triangles drawn over mels instead of Hz.
        ceiling: bands centred above this frequency, in Hz, count as silent whatever they contain: there, codecs and
            resamplers differ. All bands count by default.
        floor_db: values more than this below the maximum are raised to it.
        normalisation: to mean 0 and deviation 1 over the "window", or over time for each "band"; "none" leaves
            decibels below the maximum; "audioset" is the input of EfficientAT models (Schmid et al., ICASSP 2023),
            a logarithm of the absolute power, scaled by two constants.
    """

    rate: int = Field(22_050, gt=0)
    n_fft: int = Field(2048, gt=1, multiple_of=2)
    hop: int = Field(512, gt=0)
    pre_emphasis: float = Field(0.0, ge=0, lt=1)
    window: Literal["hann", "symmetric-hann", "hamming", "blackman", "rectangular"] = "hann"
    window_size: int | None = Field(None, gt=1)
    center: bool = True
    n_mels: int = Field(128, gt=0)
    fmin: float = Field(0.0, ge=0)
    fmax: float | None = None
    mel_scale: MelScale = "slaney"
    ceiling: float | None = Field(None, gt=0)
    floor_db: float = Field(80.0, gt=0)
    normalisation: Literal["window", "band", "none", "audioset"] = "window"

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if not self.fmin < self.highest <= self.rate / 2:
            raise ValueError(
                f"the mel bands must rise from fmin to at most half the rate, {self.rate / 2:g} Hz; "
                f"fmin is {self.fmin:g} and fmax {self.highest:g}"
            )
        if self.ceiling is not None and self.ceiling < band_centres(self)[0]:
            raise ValueError(f"ceiling is {self.ceiling:g} Hz, below the lowest mel band")
        if self.window_size is not None and self.window_size > self.n_fft:
            raise ValueError(f"window_size is {self.window_size}, but a frame has {self.n_fft} samples")
        return self

    @property
    def highest(self) -> float:
        """Upper edge of the highest mel band, in Hz."""
        return self.rate / 2 if self.fmax is None else self.fmax

    @property
    def seconds_per_frame(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.rate

    def frames(self, samples: int) -> int:
        """Return the number of frames for a number of samples, at least 1."""
        span = samples if self.center else samples - self.n_fft
        return 1 + max(0, span) // self.hop

    def samples(self, frames: int) -> int:
        """Return the smallest number of samples that gives a number of frames."""
        return (frames - 1) * self.hop + (1 if self.center else self.n_fft)


def log_mel(samples: Floats, front_end: FrontEnd) -> Floats:
    """Return the log-mel spectrogram in decibels below the maximum of each window, floored, not normalised.

    Args:
        samples: mono audio, shape (..., samples); the result has the same precision.
        front_end: parameters of the spectrogram.

    Returns:
        Shape (..., n_mels, frames), from -floor_db to 0. Silence is 0 everywhere, since it is its own maximum.
    """
    return apply_floor(mel_decibels(samples, front_end), front_end.floor_db)


def mel_decibels(samples: Floats, front_end: FrontEnd) -> Floats:
    """Return the absolute log-mel in decibels, shape (..., n_mels, frames), not relative to its maximum nor floored."""
    bands = mel_filterbank(front_end).astype(samples.dtype).T
    frames = front_end.frames(samples.shape[-1])
    mels = np.empty((*samples.shape[:-1], frames, front_end.n_mels), samples.dtype)
    for part, power in power_spectra(samples, front_end):
        mels[part] = power @ bands
    return power_to_db(np.swapaxes(mels, -1, -2))


def power_spectra(samples: Floats, front_end: FrontEnd) -> Iterator[tuple[tuple[int | slice, ...], Floats]]:
    """Yield the power spectra of mono audio (..., samples), a few frames at a time.

    These fit the CPU cache, and bound the memory for long audio.

    Yields:
        An index of frames into an array of shape (..., frames, *), and their power, shape (frames, n_fft // 2 + 1),
        in the precision of the samples.
    """
    if front_end.pre_emphasis:  # the first sample precedes itself
        previous = np.concatenate([samples[..., :1], samples[..., :-1]], axis=-1)
        samples = samples - samples.dtype.type(front_end.pre_emphasis) * previous
    frames = _split_into_frames(samples, front_end)
    taper = _taper(front_end, samples.dtype)
    for window in np.ndindex(frames.shape[:-2]):
        for start in range(0, frames.shape[-2], _FRAMES_PER_BLOCK):
            part = (*window, slice(start, start + _FRAMES_PER_BLOCK))
            spectrum = np.fft.rfft(frames[part] * taper)
            yield part, spectrum.real**2 + spectrum.imag**2


def power_to_db(power: Floats) -> Floats:
    """Convert power to decibels, at least -100."""
    return np.asarray(10 * np.log10(np.maximum(power, _MIN_POWER)))


def apply_ceiling(mel: Floats, front_end: FrontEnd) -> Floats:
    """Set bands above the ceiling, if there is one, to the minimum of each window (..., n_mels, frames)."""
    if front_end.ceiling is None:
        return mel
    above = band_centres(front_end) > front_end.ceiling
    minimum = mel[..., ~above, :].min(axis=(-2, -1), keepdims=True)
    return np.where(above[:, None], minimum, mel)


def apply_floor(mel: Floats, floor_db: float) -> Floats:
    """Make each window (the last two axes) relative to its maximum, and at least -`floor_db`."""
    return np.asarray(np.maximum(mel - mel.max(axis=(-2, -1), keepdims=True), -floor_db))


def normalise(mel: Floats, front_end: FrontEnd) -> Floats:
    """Normalise a log-mel for the model, by the method of the front end.

    Args:
        mel: windows of a log-mel in decibels, such as `mel_decibels` returns, shape (..., n_mels, frames).
        front_end: parameters of the normalisation.

    Returns:
        An array of the same shape. Constant windows become 0, except with "audioset".
    """
    if front_end.normalisation == "audioset":
        return np.asarray((np.log(10 ** (mel / 10) + _AUDIOSET_POWER) - _AUDIOSET_MEAN) / _AUDIOSET_DEVIATION)
    mel = apply_floor(mel, front_end.floor_db)
    if front_end.normalisation == "none":
        return mel
    return standardise(mel, (-1,) if front_end.normalisation == "band" else (-2, -1))


normalised = normalise  # the former name, still public


def standardise(values: Floats, axes: tuple[int, ...] = (-2, -1)) -> Floats:
    """Scale to mean 0 and deviation 1 over axes; constant values become 0."""
    centred = values - values.mean(axis=axes, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=axes, keepdims=True), _MIN_DEVIATION))


def mfcc(mel: Floats, count: int) -> Floats:
    """Return the first `count` mel-frequency cepstral coefficients: an orthonormal DCT-II over the mel bands.

    Args:
        mel: log-mel spectrogram, shape (..., n_mels, frames).
        count: number of coefficients, from the zeroth on.

    Returns:
        Shape (..., count, frames).
    """
    bands = mel.shape[-2]
    angles = np.pi / bands * np.outer(np.arange(count), np.arange(bands) + 0.5)
    basis = np.sqrt(2 / bands) * np.cos(angles)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis.astype(mel.dtype) @ mel)


@lru_cache(maxsize=8)
def mel_filterbank(front_end: FrontEnd) -> NDArray[np.float64]:
    """Return the triangular filters, shape (n_mels, n_fft // 2 + 1)."""
    bins: Floats = np.linspace(0, front_end.rate / 2, front_end.n_fft // 2 + 1)
    ends = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    edges = mel_to_hz(np.linspace(ends[0], ends[1], front_end.n_mels + 2), front_end.mel_scale)
    if front_end.mel_scale == "kaldi":
        bins, edges = hz_to_mel(bins, "kaldi"), hz_to_mel(edges, "kaldi")
    widths = np.diff(edges)
    distances = edges[:, None] - bins
    rising = -distances[:-2] / widths[:-1, None]
    falling = distances[2:] / widths[1:, None]
    bands: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    if front_end.mel_scale == "slaney":
        bands *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return bands


def band_centres(front_end: FrontEnd) -> NDArray[np.float64]:
    """Return the centre of each band in Hz, shape (n_mels,)."""
    low, step = _mel_grid(front_end)
    return np.asarray(mel_to_hz(low + step * np.arange(1, front_end.n_mels + 1), front_end.mel_scale))


def hz_to_band(hz: Floats, front_end: FrontEnd) -> Floats:
    """Convert frequencies in Hz, of any shape, to fractional band indices: the centre of band k to k."""
    low, step = _mel_grid(front_end)
    return (hz_to_mel(hz, front_end.mel_scale) - low) / step - 1


def noise_power(front_end: FrontEnd) -> NDArray[np.float64]:
    """Return the mean power of white noise in each band, shape (n_mels,), for a noise power of 1 per Hz of the rate."""
    taper = _taper(front_end, np.dtype(np.float64))
    phases = 2 * np.pi * np.arange(front_end.n_fft // 2 + 1) / front_end.n_fft
    emphasis = np.abs(1 - front_end.pre_emphasis * np.exp(-1j * phases)) ** 2
    return np.asarray(front_end.rate * np.square(taper).sum() * (mel_filterbank(front_end) @ emphasis))


def _mel_grid(front_end: FrontEnd) -> tuple[float, float]:
    """Return the lowest band edge and the distance between band centres, in mels."""
    ends = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    return float(ends[0]), float(ends[1] - ends[0]) / (front_end.n_mels + 1)


def hz_to_mel(hz: Floats, scale: MelScale) -> Floats:
    """Convert frequencies in Hz to mels."""
    if scale != "slaney":
        return 2595 * np.log10(1 + hz / 700)
    above = _SLANEY_KNEE + np.log(np.maximum(hz, _SLANEY_KNEE_HZ) / _SLANEY_KNEE_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_KNEE_HZ, hz / _SLANEY_HZ_PER_MEL, above)


def mel_to_hz(mels: Floats, scale: MelScale) -> Floats:
    """Convert mels to frequencies in Hz."""
    if scale != "slaney":
        return 700 * (10 ** (mels / 2595) - 1)
    above = _SLANEY_KNEE_HZ * np.exp(_SLANEY_LOG_STEP * (np.maximum(mels, _SLANEY_KNEE) - _SLANEY_KNEE))
    return np.where(mels < _SLANEY_KNEE, mels * _SLANEY_HZ_PER_MEL, above)


@lru_cache(maxsize=8)
def _taper(front_end: FrontEnd, dtype: np.dtype[Any]) -> Floats:
    """Return the taper in the middle of a frame, padded with zeros."""
    name, size = front_end.window.removeprefix("symmetric-"), front_end.window_size or front_end.n_fft
    phase = 2 * np.pi * np.arange(size) / (size if name == front_end.window else size - 1)
    tapers = {
        "hann": 0.5 - 0.5 * np.cos(phase),
        "hamming": 0.54 - 0.46 * np.cos(phase),
        "blackman": 0.42 - 0.5 * np.cos(phase) + 0.08 * np.cos(2 * phase),
        "rectangular": np.ones(size),
    }
    before = (front_end.n_fft - size) // 2
    return np.pad(tapers[name], (before, front_end.n_fft - size - before)).astype(dtype)


def _split_into_frames(samples: Floats, front_end: FrontEnd) -> Floats:
    """Return overlapping frames as a view of shape (..., frames, n_fft)."""
    edge = front_end.n_fft // 2 if front_end.center else 0
    missing = max(0, front_end.n_fft - samples.shape[-1] - 2 * edge)
    if edge or missing:
        samples = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(edge, edge + missing)])
    return np.lib.stride_tricks.sliding_window_view(samples, front_end.n_fft, axis=-1)[..., :: front_end.hop, :]
