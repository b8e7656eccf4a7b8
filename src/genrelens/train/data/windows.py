"""Windows of log-mels and pictures, as networks take them."""

import numpy as np

from genrelens.features.spectral import to_model_input
from genrelens.model.input_spec import AudioInput, InputSpec, PictureInput
from genrelens.model.session import ModelInput
from genrelens.train.data.log_mels import LogMel


def network_inputs(track_input: LogMel, spec: InputSpec) -> ModelInput:
    """Return all windows of a track as network input, shape (windows, channels, rows, frames).

    Args:
        track_input: log-mel and other features of a track, shape (rows, frames), or the channels of a picture.
        spec: input specification; audio has a window every `hop` seconds, a picture is one window.
    """
    if isinstance(spec, PictureInput):
        return np.asarray(track_input, np.float32)[None]
    windows = np.stack(track_windows(track_input, spec)).astype(np.float32)
    return to_model_input(windows, spec.features, spec.layout, spec.front_end)


def track_windows(log_mel: LogMel, spec: AudioInput) -> list[LogMel]:
    """Cut features of shape (rows, frames) into windows, one every `hop` seconds, as views."""
    return sliding_frames(log_mel, spec.frames, max(1, round(spec.hop / spec.front_end.seconds_per_frame)))


def sliding_frames(log_mel: LogMel, frames: int, hop: int) -> list[LogMel]:
    """Cut features of shape (rows, frames) into windows of `frames` frames, one every `hop` frames.

    The last window ends at the last frame. Windows are views, unless the track is shorter than one window; it is
    then repeated to fill it.
    """
    if log_mel.shape[1] < frames:
        log_mel = log_mel[:, np.arange(frames) % log_mel.shape[1]]
    starts = [*range(0, log_mel.shape[1] - frames, hop), log_mel.shape[1] - frames]
    return [log_mel[:, start : start + frames] for start in starts]
