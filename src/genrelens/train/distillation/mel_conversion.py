"""What another front end would have made of a sound, guessed from its log-mel: so that another net can hear it.

Phases are not needed, as the other front end drops them as well. What is missing is how the power moves within a
long frame; a random draw takes its place.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band, noise_power, power_to_db

# Measured on recordings of GTZAN's train list: how loud the loudest band and frame of 10 s is in a front end of
# 2048 samples, and how power in 25 ms lies about its mean over 90 ms.
_LOUDEST_DB = 27.0
_FLUCTUATION_DB = (-1.5, 4.4)  # mean and deviation


class LogMelConverter:
    """From levels of one front end to those of another, both in decibels.

    Within each of the own bands, power is taken to be spread evenly; above the highest there is none.

    Args:
        own: the front end of the levels that are given.
        other: that of the levels that are wanted.
        frames: of each window that is wanted.
    """

    def __init__(self, own: FrontEnd, other: FrontEnd, frames: int) -> None:
        centres = band_centres(other)
        places = torch.from_numpy(hz_to_band(centres, own)).float().clamp(0, own.n_mels - 1)
        self._below = places.long().clamp(max=own.n_mels - 2)
        self._share = (places - self._below)[:, None]
        self._own = torch.from_numpy(power_to_db(noise_power(own))).float()[:, None]
        heard = noise_power(other) * (centres < own.highest)
        self._other = torch.from_numpy(power_to_db(heard)).float()[:, None]
        self._frames = torch.from_numpy(_nearest_frames(own, other, frames))
        self._floor_db = own.floor_db

    def __call__(self, level: Tensor, rng: torch.Generator) -> Tensor:
        """Levels (windows, bands of the other, its frames) of windows (windows, own bands, own frames).

        How loud a window is does not matter: all are taken to be of mastered music.
        """
        level = level - level.amax(dim=(1, 2), keepdim=True)
        density = level.clamp(min=-self._floor_db) + _LOUDEST_DB - self._own
        density = torch.lerp(density[:, self._below], density[:, self._below + 1], self._share)
        steady = (density + self._other)[:, :, self._frames.clamp(max=level.shape[2] - 1)]
        mean, deviation = _FLUCTUATION_DB
        return steady + mean + deviation * torch.randn(steady.shape, generator=rng)


def _nearest_frames(own: FrontEnd, other: FrontEnd, frames: int) -> NDArray[np.int64]:
    """Which of the own frames has its middle nearest to that of each of the other's, (frames,)."""
    middles = _first_middle(other) + np.arange(frames) * other.seconds_per_frame
    nearest = np.rint((middles - _first_middle(own)) / own.seconds_per_frame)
    return np.asarray(np.maximum(0, nearest), np.int64)


def _first_middle(front_end: FrontEnd) -> float:
    return 0.0 if front_end.center else front_end.n_fft / 2 / front_end.rate
