"""Preprocessing of recordings before the front end: band filter, noise reduction, and trimming of silence."""

import librosa
import noisereduce
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from genrelens.audio.windows import SILENCE_PEAK
from genrelens.errors import RecipeError
from genrelens.train.recipes.recipe import PreprocessTable

Samples = NDArray[np.float32]

_ORDER = 4  # of the filter; it is applied twice, so the slope is -48 dB per octave
_PADDING = 27  # samples of padding at both ends; scipy's default for this order
_NOISE_SECONDS = 0.5  # s of audio from which the noise is estimated
_MIN_DENOISING_RATE = 5_120  # Hz; below, a frame of noisereduce is longer than the 50 ms that it smooths over


def preprocess(samples: Samples, rate: int, table: PreprocessTable) -> Samples:
    """Filter, denoise and trim mono audio, shape (samples,), in this order; `rate` is its sampling rate in Hz.

    The default table returns the samples unchanged. The result is shorter only if ends were trimmed.

    Raises:
        RecipeError: the rate is too low for the band filter or for denoising.
    """
    if table.low is not None or table.high is not None:
        samples = _filter_band(samples, rate, table.low, table.high)
    if table.denoise:
        samples = _denoise(samples, rate)
    if table.trim is not None:
        samples = np.asarray(librosa.effects.trim(samples, top_db=table.trim)[0], np.float32)
    return samples


def _filter_band(samples: Samples, rate: int, low: float | None, high: float | None) -> Samples:
    """Keep frequencies from `low` to `high` Hz, with a Butterworth filter that runs both ways and so adds no delay."""
    edges = [edge for edge in (low, high) if edge is not None]
    if edges[-1] >= rate / 2:
        raise RecipeError(
            f"the band has an edge at {edges[-1]:g} Hz, but a rate of {rate} Hz contains only frequencies below "
            f"{rate / 2:g} Hz; lower preprocess.{'low' if high is None else 'high'}, or leave it out"
        )
    kind = "highpass" if high is None else "lowpass" if low is None else "bandpass"
    sections = butter(_ORDER, edges if kind == "bandpass" else edges[0], kind, fs=rate, output="sos")
    return np.asarray(sosfiltfilt(sections, samples, padlen=min(_PADDING, len(samples) - 1)), np.float32)


def _denoise(samples: Samples, rate: int) -> Samples:
    """Attenuate each frequency where it does not exceed its level in the quietest half second (Sainburg et al. 2020).

    Half seconds of digital silence are skipped, as they do not contain the noise. Music that is never quiet is
    mistaken for noise, and loses its stationary parts.
    """
    if rate < _MIN_DENOISING_RATE:
        raise RecipeError(
            f"denoising needs a rate of at least {_MIN_DENOISING_RATE} Hz, but it is {rate} Hz; "
            f"leave preprocess.denoise out, or raise the rate"
        )
    size = round(_NOISE_SECONDS * rate)
    excerpts = samples[: len(samples) // size * size].reshape(-1, size)
    excerpts = excerpts[np.abs(excerpts).max(axis=1) > SILENCE_PEAK]
    if not len(excerpts):
        return samples
    quietest = excerpts[np.square(excerpts).mean(axis=1).argmin()]
    # Not smoothed over frequency: the default of 500 Hz, for speech, removes tones along with the noise around them.
    clean = noisereduce.reduce_noise(samples, rate, stationary=True, y_noise=quietest, freq_mask_smooth_hz=None)
    return np.asarray(clean, np.float32)
