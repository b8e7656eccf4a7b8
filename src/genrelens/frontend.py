"""The front end: samples -> log-mel spectrogram, in numpy, the same for training and serving.

The definitions are librosa's (McFee et al., SciPy 2015), to which a test pins them; the mel scales are
Slaney's Auditory Toolbox (1998) and O'Shaughnessy's formula as in HTK.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Floats = NDArray[np.floating[Any]]

_FRAMES_AT_A_TIME = 64  # transformed together
_TINY_POWER = 1e-10  # power below which decibels stop
_TINY_DEVIATION = 1e-5  # dB; a window that varies less is flat

# Slaney's scale: linear up to 1 kHz, 15 mels; then logarithmic, 27 mels for a factor of 6.4.
_SLANEY_HZ_PER_MEL = 200.0 / 3
_SLANEY_KNEE_HZ = 1000.0
_SLANEY_KNEE = _SLANEY_KNEE_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = np.log(6.4) / 27.0


class FrontEnd(BaseModel):
    """How samples become what a net sees. The defaults are those of the reference recipes.

    Attributes:
        rate: of the samples, in Hz.
        n_fft: samples in a frame and its Fourier transform, even.
        hop: samples from one frame to the next.
        window: the taper of a frame, periodic.
        center: whether frame t is centred on sample t * hop (zeros beyond the ends) or begins there.
        n_mels: mel bands, spread from `fmin` to `fmax` Hz (half the rate if none is given).
        mel_scale: Slaney's, with bands of equal area; or HTK's, with bands of equal peak.
        floor_db: values further than this below the maximum are raised to it.
        normalisation: to mean 0 and deviation 1 over the "window", over time for each "band", or "none",
            which leaves decibels below the maximum.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: int = Field(22_050, gt=0)
    n_fft: int = Field(2048, gt=1, multiple_of=2)
    hop: int = Field(512, gt=0)
    window: Literal["hann", "hamming", "blackman", "rectangular"] = "hann"
    center: bool = True
    n_mels: int = Field(128, gt=0)
    fmin: float = Field(0.0, ge=0)
    fmax: float | None = None
    mel_scale: Literal["slaney", "htk"] = "slaney"
    floor_db: float = Field(80.0, gt=0)
    normalisation: Literal["window", "band", "none"] = "window"

    @model_validator(mode="after")
    def _band_is_within_rate(self) -> Self:
        if not self.fmin < self.highest <= self.rate / 2:
            raise ValueError(
                f"the mel bands must rise from fmin to at most half the rate, {self.rate / 2:g} Hz; "
                f"fmin is {self.fmin:g} and fmax {self.highest:g}"
            )
        return self

    @property
    def highest(self) -> float:
        """The upper edge of the highest mel band, in Hz."""
        return self.rate / 2 if self.fmax is None else self.fmax

    @property
    def seconds_per_frame(self) -> float:
        """The time from one frame to the next."""
        return self.hop / self.rate

    def frames(self, samples: int) -> int:
        """How many frames that many samples give; at least one."""
        reach = samples if self.center else samples - self.n_fft
        return 1 + max(0, reach) // self.hop

    def samples(self, frames: int) -> int:
        """The fewest samples that give that many frames."""
        return (frames - 1) * self.hop + (1 if self.center else self.n_fft)


def log_mel(samples: Floats, front_end: FrontEnd) -> Floats:
    """Decibels below the maximum of each window, floored, not normalised.

    Args:
        samples: shape (..., samples); the precision of the result is that of the samples.
        front_end: the parameters.

    Returns:
        Shape (..., n_mels, frames), from -floor_db to 0. Silence is 0 all over: it is its own maximum.
    """
    return refloor(decibels(samples, front_end), front_end.floor_db)


def decibels(samples: Floats, front_end: FrontEnd) -> Floats:
    """The log-mel as it is, neither set below its maximum nor floored, shape (..., n_mels, frames)."""
    return in_decibels(mel_power(samples, front_end))


def mel_power(samples: Floats, front_end: FrontEnd) -> Floats:
    """The power in each mel band and frame, shape (..., n_mels, frames)."""
    bands = mel_bands(front_end).astype(samples.dtype).T
    frames = front_end.frames(samples.shape[-1])
    mels = np.empty((*samples.shape[:-1], frames, front_end.n_mels), samples.dtype)
    for part, power in power_spectra(samples, front_end):
        mels[part] = power @ bands
    return np.swapaxes(mels, -1, -2)


def power_spectra(samples: Floats, front_end: FrontEnd) -> Iterator[tuple[tuple[int | slice, ...], Floats]]:
    """The power at each frequency, some frames at a time: they fit the cache, and an hour is never held as frames.

    Args:
        samples: shape (..., samples).
        front_end: the parameters.

    Yields:
        Which frames, an index into an array (..., frames, anything); and their power, shape
        (frames, n_fft // 2 + 1), in the precision of the samples.
    """
    frames = _framed(samples, front_end)
    taper = _taper(front_end.window, front_end.n_fft, samples.dtype)
    for window in np.ndindex(frames.shape[:-2]):
        for start in range(0, frames.shape[-2], _FRAMES_AT_A_TIME):
            part = (*window, slice(start, start + _FRAMES_AT_A_TIME))
            spectrum = np.fft.rfft(frames[part] * taper)
            yield part, spectrum.real**2 + spectrum.imag**2


def in_decibels(power: Floats) -> Floats:
    """Convert power to decibels, of which there is an end at -100."""
    return np.asarray(10 * np.log10(np.maximum(power, _TINY_POWER)))


def refloor(level: Floats, floor_db: float) -> Floats:
    """Set the maximum of each window (the last two axes) to 0 dB, and raise all to `floor_db` below it."""
    below = level - level.max(axis=(-2, -1), keepdims=True)
    return np.asarray(np.maximum(below, -floor_db))


def normalised(level: Floats, front_end: FrontEnd) -> Floats:
    """Scale each window (the last two axes) as the front end says; what does not vary becomes 0."""
    if front_end.normalisation == "none":
        return level
    return standardised(level, (-1,) if front_end.normalisation == "band" else (-2, -1))


def standardised(values: Floats, axes: tuple[int, ...] = (-2, -1)) -> Floats:
    """Scale to mean 0 and deviation 1 over those axes; what does not vary becomes 0."""
    centred = values - values.mean(axis=axes, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=axes, keepdims=True), _TINY_DEVIATION))


def mfcc(level: Floats, count: int) -> Floats:
    """The first `count` mel-frequency cepstral coefficients: an orthonormal DCT-II over the mel bands.

    Args:
        level: a log-mel spectrogram, shape (..., n_mels, frames).
        count: how many coefficients to keep, from the zeroth on.

    Returns:
        Shape (..., count, frames).
    """
    bands = level.shape[-2]
    angles = np.pi / bands * np.outer(np.arange(count), np.arange(bands) + 0.5)
    basis = np.sqrt(2 / bands) * np.cos(angles)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis.astype(level.dtype) @ level)


@lru_cache(maxsize=8)
def mel_bands(front_end: FrontEnd) -> NDArray[np.float64]:
    """The triangular bands, shape (n_mels, n_fft // 2 + 1)."""
    bins = np.linspace(0, front_end.rate / 2, front_end.n_fft // 2 + 1)
    ends = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    edges = mel_to_hz(np.linspace(ends[0], ends[1], front_end.n_mels + 2), front_end.mel_scale)
    widths = np.diff(edges)
    distances = edges[:, None] - bins
    rising = -distances[:-2] / widths[:-1, None]
    falling = distances[2:] / widths[1:, None]
    bands = np.maximum(0, np.minimum(rising, falling))
    if front_end.mel_scale == "slaney":
        bands *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return bands


def hz_to_mel(hz: Floats, scale: Literal["slaney", "htk"]) -> Floats:
    """Convert frequencies to mels."""
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    above = _SLANEY_KNEE + np.log(np.maximum(hz, _SLANEY_KNEE_HZ) / _SLANEY_KNEE_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_KNEE_HZ, hz / _SLANEY_HZ_PER_MEL, above)


def mel_to_hz(mels: Floats, scale: Literal["slaney", "htk"]) -> Floats:
    """Convert mels to frequencies."""
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    above = _SLANEY_KNEE_HZ * np.exp(_SLANEY_LOG_STEP * (np.maximum(mels, _SLANEY_KNEE) - _SLANEY_KNEE))
    return np.where(mels < _SLANEY_KNEE, mels * _SLANEY_HZ_PER_MEL, above)


@lru_cache(maxsize=8)
def _taper(name: str, size: int, dtype: np.dtype[Any]) -> Floats:
    phase = 2 * np.pi * np.arange(size) / size
    tapers = {
        "hann": 0.5 - 0.5 * np.cos(phase),
        "hamming": 0.54 - 0.46 * np.cos(phase),
        "blackman": 0.42 - 0.5 * np.cos(phase) + 0.08 * np.cos(2 * phase),
        "rectangular": np.ones(size),
    }
    return tapers[name].astype(dtype)


def _framed(samples: Floats, front_end: FrontEnd) -> Floats:
    """Overlapping frames, a view of shape (..., frames, n_fft)."""
    edge = front_end.n_fft // 2 if front_end.center else 0
    missing = max(0, front_end.n_fft - samples.shape[-1] - 2 * edge)
    if edge or missing:
        padding = [(0, 0)] * (samples.ndim - 1) + [(edge, edge + missing)]
        samples = np.pad(samples, padding)
    return np.lib.stride_tricks.sliding_window_view(samples, front_end.n_fft, axis=-1)[..., :: front_end.hop, :]
