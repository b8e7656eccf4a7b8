"""Windows of log-mels and pictures, as a network takes them."""

import numpy as np

from genrelens.features.spectral import planes
from genrelens.model.input_spec import AudioInput, InputSpec, PictureInput
from genrelens.model.session import ModelInput
from genrelens.train.data.log_mels import LogMel


def network_inputs(level: LogMel, own: InputSpec) -> ModelInput:
    """Return all windows of a track as network input, shape (windows, channels, rows, frames).

    Args:
        level: log-mel and other features of a track, shape (rows, frames), or the channels of a picture.
        own: the input specification; audio has a window every `hop` seconds, a picture is its only window.
    """
    if isinstance(own, PictureInput):
        return np.asarray(level, np.float32)[None]
    return planes(np.stack(track_windows(level, own)).astype(np.float32), own.features, own.layout, own.front_end)


def track_windows(level: LogMel, sound: AudioInput) -> list[LogMel]:
    """Cut features of shape (rows, frames) into windows, one every `hop` seconds, as views."""
    return sliding_frames(level, sound.frames, max(1, round(sound.hop / sound.front_end.seconds_per_frame)))


def sliding_frames(level: LogMel, frames: int, hop: int) -> list[LogMel]:
    """Cut features of shape (rows, frames) into windows of `frames` frames, one every `hop` frames.

    The last window ends at the last frame. Windows are views, unless the track is shorter than one window; it is
    then repeated to fill it.
    """
    if level.shape[1] < frames:
        level = level[:, np.arange(frames) % level.shape[1]]
    starts = [*range(0, level.shape[1] - frames, hop), level.shape[1] - frames]
    return [level[:, start : start + frames] for start in starts]
