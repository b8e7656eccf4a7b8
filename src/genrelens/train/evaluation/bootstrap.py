"""Bootstrap resampling over tracks, and estimates with 95 % confidence intervals."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from genrelens.records import FrozenModel

RESAMPLES = 2000

_BLOCK = 100  # resamples drawn at a time, which bounds the memory

ClassIndices = NDArray[np.int64]
Floats = NDArray[np.float64]


class Estimate(FrozenModel):
    """A value and its 95 % interval: percentiles over bootstrap resamples of the tracks (Efron, 1979)."""

    value: float
    low: float
    high: float

    @classmethod
    def from_samples(cls, value: float, samples: Sequence[Floats]) -> Self:
        """Add an interval to a value, from the values in blocks of resamples; NaN marks resamples without a value."""
        low, high = np.nanpercentile(np.concatenate(samples), [2.5, 97.5])
        return cls(value=float(value), low=float(low), high=float(high))


def resample_weights(tracks: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield how often each track is drawn in each bootstrap resample, in blocks of shape (resamples, tracks).

    Tracks are drawn with all of their predictions. Where these are windows, that is the cluster bootstrap
    (Davison & Hinkley, Bootstrap Methods, 1997, 3.8; Field & Welsh, JRSS B 69, 2007): windows of a track are right
    or wrong together, and intervals from windows drawn singly would be far too narrow.
    """
    for _ in range(0, RESAMPLES, _BLOCK):
        drawn = rng.integers(tracks, size=(_BLOCK, tracks)) + tracks * np.arange(_BLOCK)[:, None]
        yield np.bincount(drawn.ravel(), minlength=_BLOCK * tracks).reshape(_BLOCK, tracks).astype(np.float64)
