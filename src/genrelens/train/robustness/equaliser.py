"""Random gentle filters, and a search for those that change the accuracy most (Sturm, IEEE TMM 16(6), 2014).

A listener recognises a genre through any of them. Sturm draws such filters at random for each track until the
prediction is wrong ("deflation") or correct ("inflation"). Here the same filters are applied to all tracks, which
gives both extremes by track, and also the single filters with the lowest and the highest accuracy over all tracks.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.signal import fftconvolve, firwin2

from genrelens.audio.windows import Samples
from genrelens.train.robustness.perturbations import AudioPerturbation

FREQUENCIES_HZ = (31.25, 62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0)
MAX_GAIN_DB = 6.0  # absolute gain at each frequency
RANDOM_FILTERS = 16  # in the first round
NEIGHBOURING_FILTERS = 8  # around each of the two extremes, in the second round

_STEP_DB = 2.0  # standard deviation of a neighbour's gains
_TAPS = 1025


@dataclass(frozen=True)
class Equaliser(AudioPerturbation):
    """A linear-phase filter with compensated delay.

    Attributes:
        strength: largest absolute gain in decibels.
        number: number that identifies the filter.
        gains: gains in decibels at `FREQUENCIES_HZ`, interpolated linearly over the logarithm of frequency.
    """

    family: ClassVar[str] = "equaliser"

    number: int
    gains: tuple[float, ...]

    @classmethod
    def from_gains(cls, number: int, gains: np.ndarray) -> Self:
        """Create a filter from gains in decibels, shape (frequencies,)."""
        rounded = tuple(round(float(gain), 2) for gain in gains)
        return cls(max(map(abs, rounded)), number, rounded)

    @property
    def name(self) -> str:
        """Name with the number of the filter in place of a strength."""
        return f"{self.family}:{self.number}"

    def __str__(self) -> str:
        return f"filter {self.number}"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Return as many samples."""
        frequencies = np.linspace(0, rate / 2, _TAPS // 2 + 1)
        gains = np.interp(np.log2(np.maximum(frequencies, 1)), np.log2(FREQUENCIES_HZ), self.gains)
        taps = firwin2(_TAPS, frequencies, 10 ** (gains / 20), fs=rate)
        return np.asarray(fftconvolve(samples, taps.astype(np.float32), mode="same"), np.float32)


def random_filters(rng: np.random.Generator) -> list[Equaliser]:
    """Draw filters with uniformly distributed gains."""
    return [
        Equaliser.from_gains(number, gains)
        for number, gains in enumerate(
            rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB, (RANDOM_FILTERS, len(FREQUENCIES_HZ))), start=1
        )
    ]


def neighbouring_filters(centre: Equaliser, first: int, rng: np.random.Generator) -> list[Equaliser]:
    """Draw filters near another one, within the same maximum gain and numbered from `first`."""
    steps = rng.normal(0, _STEP_DB, (NEIGHBOURING_FILTERS, len(FREQUENCIES_HZ)))
    gains = np.clip(np.array(centre.gains) + steps, -MAX_GAIN_DB, MAX_GAIN_DB)
    return [Equaliser.from_gains(number, row) for number, row in enumerate(gains, start=first)]
