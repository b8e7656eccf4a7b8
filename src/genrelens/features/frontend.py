"""The front end: samples -> log-mel spectrogram, in numpy, the same for training and serving.

The definitions are librosa's (McFee et al., SciPy 2015), to which a test pins them; the mel scales are
Slaney's Auditory Toolbox (1998) and O'Shaughnessy's formula as in HTK and Kaldi. Whatever a net takes,
levels are kept in decibels until then, so that augmentation and the cache know one unit.
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

# What the nets of EfficientAT take: (ln(power + 1e-5) + 4.5) / 5.
_AUDIOSET_POWER = 1e-5
_AUDIOSET_MEAN = -4.5
_AUDIOSET_DEVIATION = 5.0

MelScale = Literal["slaney", "htk", "kaldi"]


class FrontEnd(BaseModel):
    """How samples become what a net sees. The defaults are those of the reference recipes.

    Attributes:
        rate: of the samples, in Hz.
        n_fft: samples in a frame and its Fourier transform, even.
        hop: samples from one frame to the next.
        pre_emphasis: share of the sample before that is taken from each, which lifts high frequencies.
        window: the taper of a frame, periodic unless it is called symmetric.
        window_size: samples that the taper lets through, in the middle of a frame; all if none is given.
        center: whether frame t is centred on sample t * hop (zeros beyond the ends) or begins there.
        n_mels: mel bands, spread from `fmin` to `fmax` Hz (half the rate if none is given).
        mel_scale: Slaney's, with bands of equal area; HTK's, with bands of equal peak; or Kaldi's, the same
            with triangles drawn over mels, not over Hz.
        ceiling: bands centred above this many Hz count as silent, whatever is in them: that is where codecs and
            resamplers differ. All count if none is given.
        floor_db: values further than this below the maximum are raised to it.
        normalisation: to mean 0 and deviation 1 over the "window", over time for each "band", or "none",
            which leaves decibels below the maximum. Or "audioset", what nets of EfficientAT take
            (Schmid et al., ICASSP 2023): a logarithm of the power as it is, scaled by two constants.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    def _band_is_within_rate(self) -> Self:
        if not self.fmin < self.highest <= self.rate / 2:
            raise ValueError(
                f"the mel bands must rise from fmin to at most half the rate, {self.rate / 2:g} Hz; "
                f"fmin is {self.fmin:g} and fmax {self.highest:g}"
            )
        return self

    @model_validator(mode="after")
    def _ceiling_leaves_a_band(self) -> Self:
        if self.ceiling is not None and self.ceiling < band_centres(self)[0]:
            raise ValueError(f"ceiling is {self.ceiling:g} Hz, below the lowest mel band")
        return self

    @model_validator(mode="after")
    def _window_is_within_frame(self) -> Self:
        if self.window_size is not None and self.window_size > self.n_fft:
            raise ValueError(f"window_size is {self.window_size}, but a frame has {self.n_fft} samples")
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
    return apply_floor(mel_decibels(samples, front_end), front_end.floor_db)


def mel_decibels(samples: Floats, front_end: FrontEnd) -> Floats:
    """The log-mel as it is, neither set below its maximum nor floored, shape (..., n_mels, frames)."""
    return power_to_db(mel_power(samples, front_end))


def mel_power(samples: Floats, front_end: FrontEnd) -> Floats:
    """The power in each mel band and frame, shape (..., n_mels, frames)."""
    bands = mel_filterbank(front_end).astype(samples.dtype).T
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
    frames = _framed(_emphasised(samples, front_end.pre_emphasis), front_end)
    taper = _taper(front_end.window, front_end.window_size or front_end.n_fft, front_end.n_fft, samples.dtype)
    for window in np.ndindex(frames.shape[:-2]):
        for start in range(0, frames.shape[-2], _FRAMES_AT_A_TIME):
            part = (*window, slice(start, start + _FRAMES_AT_A_TIME))
            spectrum = np.fft.rfft(frames[part] * taper)
            yield part, spectrum.real**2 + spectrum.imag**2


def power_to_db(power: Floats) -> Floats:
    """Convert power to decibels, of which there is an end at -100."""
    return np.asarray(10 * np.log10(np.maximum(power, _TINY_POWER)))


def apply_ceiling(level: Floats, front_end: FrontEnd) -> Floats:
    """Lower all above the ceiling, if there is one, to the least that is in a window (..., n_mels, frames)."""
    if front_end.ceiling is None:
        return level
    above = band_centres(front_end) > front_end.ceiling
    least = level[..., ~above, :].min(axis=(-2, -1), keepdims=True)
    return np.where(above[:, None], least, level)


def apply_floor(level: Floats, floor_db: float) -> Floats:
    """Set the maximum of each window (the last two axes) to 0 dB, and raise all to `floor_db` below it."""
    below = level - level.max(axis=(-2, -1), keepdims=True)
    return np.asarray(np.maximum(below, -floor_db))


def normalise(level: Floats, front_end: FrontEnd) -> Floats:
    """Turn decibels into what a net takes, as the front end says.

    Args:
        level: windows of a log-mel as `mel_decibels` gives it, shape (..., n_mels, frames).
        front_end: the parameters.

    Returns:
        The same shape. Where a window is scaled by itself, what does not vary becomes 0.
    """
    if front_end.normalisation == "audioset":
        return np.asarray((np.log(10 ** (level / 10) + _AUDIOSET_POWER) - _AUDIOSET_MEAN) / _AUDIOSET_DEVIATION)
    level = apply_floor(level, front_end.floor_db)
    if front_end.normalisation == "none":
        return level
    return standardise(level, (-1,) if front_end.normalisation == "band" else (-2, -1))


normalised = normalise  # the former name, still public


def standardise(values: Floats, axes: tuple[int, ...] = (-2, -1)) -> Floats:
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
def mel_filterbank(front_end: FrontEnd) -> NDArray[np.float64]:
    """The triangular bands, shape (n_mels, n_fft // 2 + 1)."""
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
    """The middle of each band, in Hz, (n_mels,)."""
    low, step = _spacing(front_end)
    return np.asarray(mel_to_hz(low + step * np.arange(1, front_end.n_mels + 1), front_end.mel_scale))


def hz_to_band(hz: Floats, front_end: FrontEnd) -> Floats:
    """Where among the bands frequencies lie, as real indices: a band's centre at its own; any shape."""
    low, step = _spacing(front_end)
    return (hz_to_mel(hz, front_end.mel_scale) - low) / step - 1


def noise_power(front_end: FrontEnd) -> NDArray[np.float64]:
    """What each band, (n_mels,), has on average of white noise with a power of 1 in each Hz of the rate."""
    taper = _taper(front_end.window, front_end.window_size or front_end.n_fft, front_end.n_fft, np.dtype(np.float64))
    phases = 2 * np.pi * np.arange(front_end.n_fft // 2 + 1) / front_end.n_fft
    emphasis = np.abs(1 - front_end.pre_emphasis * np.exp(-1j * phases)) ** 2
    return np.asarray(front_end.rate * np.square(taper).sum() * (mel_filterbank(front_end) @ emphasis))


def _spacing(front_end: FrontEnd) -> tuple[float, float]:
    """The lowest edge of the bands and the distance of their centres, in mels."""
    ends = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    return float(ends[0]), float(ends[1] - ends[0]) / (front_end.n_mels + 1)


def hz_to_mel(hz: Floats, scale: MelScale) -> Floats:
    """Convert frequencies to mels."""
    if scale != "slaney":
        return 2595 * np.log10(1 + hz / 700)
    above = _SLANEY_KNEE + np.log(np.maximum(hz, _SLANEY_KNEE_HZ) / _SLANEY_KNEE_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_KNEE_HZ, hz / _SLANEY_HZ_PER_MEL, above)


def mel_to_hz(mels: Floats, scale: MelScale) -> Floats:
    """Convert mels to frequencies."""
    if scale != "slaney":
        return 700 * (10 ** (mels / 2595) - 1)
    above = _SLANEY_KNEE_HZ * np.exp(_SLANEY_LOG_STEP * (np.maximum(mels, _SLANEY_KNEE) - _SLANEY_KNEE))
    return np.where(mels < _SLANEY_KNEE, mels * _SLANEY_HZ_PER_MEL, above)


@lru_cache(maxsize=8)
def _taper(name: str, size: int, frame: int, dtype: np.dtype[Any]) -> Floats:
    """A taper of `size` samples in the middle of a frame, with zeros round it."""
    phase = 2 * np.pi * np.arange(size) / (size - 1 if name == "symmetric-hann" else size)
    tapers = {
        "hann": 0.5 - 0.5 * np.cos(phase),
        "symmetric-hann": 0.5 - 0.5 * np.cos(phase),
        "hamming": 0.54 - 0.46 * np.cos(phase),
        "blackman": 0.42 - 0.5 * np.cos(phase) + 0.08 * np.cos(2 * phase),
        "rectangular": np.ones(size),
    }
    before = (frame - size) // 2
    return np.pad(tapers[name], (before, frame - size - before)).astype(dtype)


def _emphasised(samples: Floats, share: float) -> Floats:
    """Take from each sample that share of the one before; the first is its own."""
    if not share:
        return samples
    before = np.concatenate([samples[..., :1], samples[..., :-1]], axis=-1)
    return samples - samples.dtype.type(share) * before


def _framed(samples: Floats, front_end: FrontEnd) -> Floats:
    """Overlapping frames, a view of shape (..., frames, n_fft)."""
    edge = front_end.n_fft // 2 if front_end.center else 0
    missing = max(0, front_end.n_fft - samples.shape[-1] - 2 * edge)
    if edge or missing:
        padding = [(0, 0)] * (samples.ndim - 1) + [(edge, edge + missing)]
        samples = np.pad(samples, padding)
    return np.lib.stride_tricks.sliding_window_view(samples, front_end.n_fft, axis=-1)[..., :: front_end.hop, :]
