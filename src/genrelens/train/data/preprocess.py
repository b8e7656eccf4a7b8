"""What may be done to a recording before anything else: a band kept, noise lowered, silent ends cut off."""

import librosa
import noisereduce
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from genrelens.audio.windows import SILENCE_PEAK
from genrelens.errors import RecipeError
from genrelens.train.recipes.recipe import PreprocessTable

Samples = NDArray[np.float32]

_ORDER = 4  # of the filter; it is run twice, so -48 dB an octave beyond each edge
_EDGE = 27  # samples by which the filter draws out the ends, scipy's own choice for this order
_QUIET = 0.5  # s of the stretch that tells what the noise is
_LOWEST_DENOISED_RATE = 5_120  # Hz; below, a frame of noisereduce is longer than the 50 ms it smooths over


def preprocess(samples: Samples, rate: int, table: PreprocessTable) -> Samples:
    """Filter, denoise and trim a recording, in this order, as the table says.

    Args:
        samples: shape (samples,).
        rate: in Hz.
        table: what to do; the samples come back as they are if that is nothing.

    Returns:
        Shape (samples,); fewer only if ends are trimmed.

    Raises:
        RecipeError: the rate is too low for the band or for denoising.
    """
    if table.low is not None or table.high is not None:
        samples = filter_band(samples, rate, table.low, table.high)
    if table.denoise:
        samples = denoise(samples, rate)
    if table.trim is not None:
        samples = trim_silence(samples, table.trim)
    return samples


def filter_band(samples: Samples, rate: int, low: float | None, high: float | None) -> Samples:
    """Keep the frequencies from `low` to `high` Hz: a Butterworth filter, run both ways, so that none is delayed.

    Raises:
        RecipeError: an edge does not lie below half the rate.
    """
    edges = [edge for edge in (low, high) if edge is not None]
    if edges[-1] >= rate / 2:
        raise RecipeError(
            f"the band has an edge at {edges[-1]:g} Hz, but a rate of {rate} Hz only holds frequencies below "
            f"{rate / 2:g} Hz; lower preprocess.{'low' if high is None else 'high'}, or leave it out"
        )
    if len(edges) == 2:
        sections = butter(_ORDER, edges, "bandpass", fs=rate, output="sos")
    else:
        sections = butter(_ORDER, edges[0], "lowpass" if low is None else "highpass", fs=rate, output="sos")
    return np.asarray(sosfiltfilt(sections, samples, padlen=min(_EDGE, len(samples) - 1)), np.float32)


def denoise(samples: Samples, rate: int) -> Samples:
    """Lower what is no louder than the quietest half second, frequency by frequency (Sainburg et al. 2020).

    The half second is sought among those that are not digital silence, which tells nothing of noise. Music
    that is never quiet passes for noise itself, and loses what is steady in it.

    Raises:
        RecipeError: the rate is too low.
    """
    if rate < _LOWEST_DENOISED_RATE:
        raise RecipeError(
            f"denoising needs a rate of at least {_LOWEST_DENOISED_RATE} Hz, and it is {rate} Hz; "
            f"leave preprocess.denoise out, or raise the rate"
        )
    size = round(_QUIET * rate)
    stretches = samples[: len(samples) // size * size].reshape(-1, size)
    stretches = stretches[np.abs(stretches).max(axis=1) > SILENCE_PEAK]
    if not len(stretches):
        return samples
    quietest = stretches[np.square(stretches).mean(axis=1).argmin()]
    clean = noisereduce.reduce_noise(
        samples,
        rate,
        stationary=True,
        y_noise=quietest,
        freq_mask_smooth_hz=None,  # smoothed over 500 Hz as for speech, a tone goes with the noise beside it
    )
    return np.asarray(clean, np.float32)


def trim_silence(samples: Samples, below: float) -> Samples:
    """Cut off both ends as far as they stay `below` decibels under the loudest frame."""
    return np.asarray(librosa.effects.trim(samples, top_db=below)[0], np.float32)
