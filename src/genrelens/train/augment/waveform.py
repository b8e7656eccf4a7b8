"""Data augmentation of waveforms, with audiomentations.

It is slower than augmentation of log-mels, so augmented copies are computed once and cached.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import audiomentations
import numpy as np
from numpy.typing import NDArray

from genrelens.errors import RecipeError
from genrelens.train.recipes.recipe import WaveformTable

Samples = NDArray[np.float32]

_SNR_RANGE = 30.0  # dB between the lowest signal-to-noise ratio and the highest
_MAX_BAND_CENTRE = 4404.0  # Hz; the highest band centre of the equaliser, which must be below half the rate


def augment_waveform(samples: Samples, rate: int, table: WaveformTable, rng: np.random.Generator) -> Samples:
    """Apply random time stretch, pitch shift, equaliser, noise and gain to mono audio, shape (samples,), in this order.

    The result is determined by `rng`. The libraries draw from the global generators of `random` and `numpy.random`,
    so these are seeded during the call and restored afterwards; other threads must not draw from them meanwhile.
    A time stretch changes the number of samples, without trimming or padding. Peaks may exceed 1.

    Raises:
        RecipeError: the rate is too low for the equaliser.
    """
    if table.equaliser and rate <= 2 * _MAX_BAND_CENTRE:
        raise RecipeError(
            f"the equaliser needs a rate above {2 * _MAX_BAND_CENTRE:.0f} Hz, but it is {rate} Hz; "
            f"leave augment.waveform.equaliser out, or raise the rate"
        )
    augment = audiomentations.Compose(_transforms(table))
    with _global_generators_seeded(rng):
        return np.asarray(augment(samples, sample_rate=rate), np.float32)


def _transforms(table: WaveformTable) -> list[audiomentations.core.transforms_interface.BaseWaveformTransform]:
    transforms = []
    if table.stretch:
        # The recipe keeps the speed above one half; below, the library draws noise from the system's generator.
        fastest = 1 + table.stretch
        transforms.append(audiomentations.TimeStretch(1 / fastest, fastest, leave_length_unchanged=False, p=1))
    if table.shift:
        transforms.append(audiomentations.PitchShift(-table.shift, table.shift, p=1))
    if table.equaliser:
        transforms.append(audiomentations.SevenBandParametricEQ(-table.equaliser, table.equaliser, p=1))
    if table.noise is not None:
        transforms.append(audiomentations.AddGaussianSNR(table.noise, table.noise + _SNR_RANGE, p=1))
    if table.gain:
        transforms.append(audiomentations.Gain(-table.gain, table.gain, p=1))
    return transforms


@contextmanager
def _global_generators_seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seed the global generators from `rng`, and restore their state afterwards."""
    state, numpy_state = random.getstate(), np.random.get_state()
    seed = int(rng.integers(2**32))
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)
