"""Random changes to a recording's samples that leave its genre as it is, by audiomentations.

They cost more than those of `train.augment`, which work on log-mels: copies are made once, and kept.
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

_NOISE_RANGE = 30.0  # dB from the most noise to the least
_EQUALISER_REACH = 4404.0  # Hz, the highest centre of its bands that has to lie below half the rate


def vary(samples: Samples, rate: int, table: WaveformTable, rng: np.random.Generator) -> Samples:
    """Change tempo, pitch, colour, noise and loudness, in this order, as the table says.

    The draws follow from `rng` alone. The libraries draw from the generators of `random` and `numpy.random`,
    so these are seeded for as long as this takes, and then set back; threads that draw from them meanwhile
    would be in its way.

    Args:
        samples: shape (samples,).
        rate: in Hz.
        table: how much of what.
        rng: where the draws come from.

    Returns:
        The varied samples. A change of tempo changes how many there are, as it does with music: nothing is
        cut off, and no silence added. Peaks may rise above 1.

    Raises:
        RecipeError: the rate is too low for the equaliser.
    """
    if table.equaliser and rate <= 2 * _EQUALISER_REACH:
        raise RecipeError(
            f"the equaliser needs a rate above {2 * _EQUALISER_REACH:.0f} Hz, and it is {rate} Hz; "
            f"leave augment.waveform.equaliser out, or raise the rate"
        )
    change = audiomentations.Compose(_changes(table))
    with _global_draws_from(rng):
        return np.asarray(change(samples, sample_rate=rate), np.float32)


def _changes(table: WaveformTable) -> list[audiomentations.core.transforms_interface.BaseWaveformTransform]:
    changes = []
    if table.stretch:
        # Less than twice as slow, as the table sees to: slower, the stretch draws noise from the system.
        fastest = 1 + table.stretch
        changes.append(audiomentations.TimeStretch(1 / fastest, fastest, leave_length_unchanged=False, p=1))
    if table.shift:
        changes.append(audiomentations.PitchShift(-table.shift, table.shift, p=1))
    if table.equaliser:
        changes.append(audiomentations.SevenBandParametricEQ(-table.equaliser, table.equaliser, p=1))
    if table.noise is not None:
        changes.append(audiomentations.AddGaussianSNR(table.noise, table.noise + _NOISE_RANGE, p=1))
    if table.gain:
        changes.append(audiomentations.Gain(-table.gain, table.gain, p=1))
    return changes


@contextmanager
def _global_draws_from(rng: np.random.Generator) -> Iterator[None]:
    """Let the global generators follow from `rng`, and leave them as they were."""
    before, numpy_before = random.getstate(), np.random.get_state()
    seed = int(rng.integers(2**32))
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)
