"""Approximate conversion of log-mels between front ends, without the audio.

It lets a teacher with another front end embed augmented log-mels. Phases are not needed, as both front ends discard
them. The fluctuation of the power within a long frame is lost; random values replace it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelens.features.frontend import FrontEnd, band_centres, hz_to_band, noise_power, power_to_db

# Measured on the training list of GTZAN: the level of the loudest band and frame of 10 s with frames of 2048 samples,
# and the distribution of the power in 25 ms relative to its mean over 90 ms.
_PEAK_DB = 27.0
_FLUCTUATION_DB = (-1.5, 4.4)  # mean and standard deviation


class LogMelConverter:
    """Conversion of log-mels in decibels from one front end to another.

    Power is assumed to be spread evenly within each source band, and to be zero above the highest one.

    Args:
        source: front end of the given log-mels.
        target: front end to convert to.
        frames: number of target frames per window.
    """

    def __init__(self, source: FrontEnd, target: FrontEnd, frames: int) -> None:
        centres = band_centres(target)
        positions = torch.from_numpy(hz_to_band(centres, source)).float().clamp(0, source.n_mels - 1)
        self._lower_band = positions.long().clamp(max=source.n_mels - 2)
        self._upper_weight = (positions - self._lower_band)[:, None]
        self._source_db = torch.from_numpy(power_to_db(noise_power(source))).float()[:, None]
        covered_power = noise_power(target) * (centres < source.highest)
        self._target_db = torch.from_numpy(power_to_db(covered_power)).float()[:, None]
        self._frames = torch.from_numpy(_nearest_frames(source, target, frames))
        self._floor_db = source.floor_db

    def __call__(self, log_mels: Tensor, rng: torch.Generator) -> Tensor:
        """Return log-mels (windows, target bands, target frames) of log-mels (windows, source bands, source frames).

        The result does not depend on the level of a window: all are scaled to that of mastered music.
        """
        log_mels = log_mels - log_mels.amax(dim=(1, 2), keepdim=True)
        density = log_mels.clamp(min=-self._floor_db) + _PEAK_DB - self._source_db
        density = torch.lerp(density[:, self._lower_band], density[:, self._lower_band + 1], self._upper_weight)
        steady = (density + self._target_db)[:, :, self._frames.clamp(max=log_mels.shape[2] - 1)]
        mean, deviation = _FLUCTUATION_DB
        return steady + mean + deviation * torch.randn(steady.shape, generator=rng)


def _nearest_frames(source: FrontEnd, target: FrontEnd, frames: int) -> NDArray[np.int64]:
    """Return the index of the source frame whose centre is nearest to that of each target frame, shape (frames,)."""
    centres = _first_centre(target) + np.arange(frames) * target.seconds_per_frame
    nearest = np.rint((centres - _first_centre(source)) / source.seconds_per_frame)
    return np.asarray(np.maximum(0, nearest), np.int64)


def _first_centre(front_end: FrontEnd) -> float:
    """Return the time of the centre of the first frame, in seconds."""
    return 0.0 if front_end.center else front_end.n_fft / 2 / front_end.rate
