"""Random gentle filters, and a search for those that change a score most (Sturm, IEEE TMM 16(6), 2014).

A listener tells a genre through any of them. Sturm draws such filters at random for each track until the
answer is wrong ("deflation") or right ("inflation"). Here the same filters are tried on all tracks, which
gives both extremes by track, and beside these the one filter that spoils, or flatters, the score of all.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.signal import fftconvolve, firwin2

from genrelens.audio.windows import Samples
from genrelens.train.robustness.perturbations import AudioPerturbation

POINTS_HZ = (31.25, 62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0)
MAX_GAIN_DB = 6.0  # gain or loss at each point
RANDOM_FILTERS = 16  # filters, before any is known
NEIGHBOURING_FILTERS = 8  # filters near each of the two extremes of those, in a second round

_STEP_DB = 2.0  # deviation of a neighbour's gains
_TAPS = 1025


@dataclass(frozen=True)
class Equaliser(AudioPerturbation):
    """A filter whose gains in decibels at `POINTS_HZ` are joined by lines over the logarithm of frequency.

    Of linear phase, its delay taken back. `number` tells it from others; `strength` is its largest gain or loss.
    """

    family: ClassVar[str] = "equaliser"

    number: int
    gains: tuple[float, ...]

    @classmethod
    def of(cls, number: int, gains: np.ndarray) -> "Equaliser":
        """A filter of these gains, shape (points,)."""
        rounded = tuple(round(float(gain), 2) for gain in gains)
        return cls(max(map(abs, rounded)), number, rounded)

    @property
    def name(self) -> str:
        """Its number stands for its gains."""
        return f"{self.family}:{self.number}"

    def __str__(self) -> str:
        return f"filter {self.number}"

    def apply(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:  # noqa: ARG002
        """Give as many samples."""
        grid = np.linspace(0, rate / 2, _TAPS // 2 + 1)
        level = np.interp(np.log2(np.maximum(grid, 1)), np.log2(POINTS_HZ), self.gains)
        taps = firwin2(_TAPS, grid, 10 ** (level / 20), fs=rate)
        return np.asarray(fftconvolve(samples, taps.astype(np.float32), mode="same"), np.float32)


def random_filters(rng: np.random.Generator) -> list[Equaliser]:
    """Filters with gains drawn evenly."""
    return [
        Equaliser.of(number, gains)
        for number, gains in enumerate(
            rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB, (RANDOM_FILTERS, len(POINTS_HZ))), start=1
        )
    ]


def neighbouring_filters(of: Equaliser, first: int, rng: np.random.Generator) -> list[Equaliser]:
    """Filters near another, numbered from `first` on, as gentle as any."""
    steps = rng.normal(0, _STEP_DB, (NEIGHBOURING_FILTERS, len(POINTS_HZ)))
    gains = np.clip(np.array(of.gains) + steps, -MAX_GAIN_DB, MAX_GAIN_DB)
    return [Equaliser.of(first + place, row) for place, row in enumerate(gains)]
