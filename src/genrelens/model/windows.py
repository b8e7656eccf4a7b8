"""Windows of a track as model input: a few at a time, or all of them, so that another process can classify them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from genrelens.audio.windows import SampleReader, WindowCount, is_silent, iter_windows
from genrelens.features.spectral import extract_features, to_model_input
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import ModelInput

_STREAM_WINDOWS = 4  # windows of one track per batch: more need memory without being faster


@dataclass(frozen=True)
class WindowBatch:
    """Windows of audio as model input. Slices and concatenates along the windows.

    Attributes:
        inputs: model input, shape (windows, channels, rows, frames).
        starts: start of each window, in seconds from the beginning of its track.
        silent: whether each window is digital silence.
    """

    inputs: ModelInput
    starts: tuple[float, ...]
    silent: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, windows: slice) -> "WindowBatch":
        return WindowBatch(self.inputs[windows], self.starts[windows], self.silent[windows])

    @classmethod
    def concatenate(cls, batches: Sequence["WindowBatch"]) -> "WindowBatch":
        """Join one or more batches."""
        return cls(
            np.concatenate([batch.inputs for batch in batches]),
            tuple(start for batch in batches for start in batch.starts),
            tuple(silent for batch in batches for silent in batch.silent),
        )


@dataclass(frozen=True)
class DecodedTrack:
    """The windows of a track, ready to be classified; picklable.

    Attributes:
        path: path or name of the track.
        windows: at least one window.
        duration: duration of the track in seconds.
        warnings: non-fatal problems with the file that did not prevent decoding.
    """

    path: str
    windows: WindowBatch
    duration: float
    warnings: tuple[str, ...] = ()


def window_batches(reader: SampleReader, spec: AudioInput, windows: WindowCount) -> Iterator[WindowBatch]:
    """Cut audio, at the rate of the front end, into windows and convert these to model input, a few at a time."""
    remaining = iter_windows(reader, spec.window, spec.hop, windows)
    while batch := list(islice(remaining, _STREAM_WINDOWS)):
        features = extract_features(np.stack([window.samples for window in batch]), spec.features, spec.front_end)
        inputs = to_model_input(features, spec.features, spec.layout, spec.front_end)
        starts = tuple(window.start for window in batch)
        yield WindowBatch(inputs, starts, tuple(is_silent(window.samples) for window in batch))


def decode_track(path: str, reader: SampleReader, spec: AudioInput, windows: WindowCount) -> DecodedTrack:
    """Decode a track for `Classifier.classify`, with the `Card.audio_input` of its model; the model is not needed.

    Raises:
        AudioError: the audio cannot be used; the message says why.
    """
    batches = list(window_batches(reader, spec, windows))
    return DecodedTrack(path, WindowBatch.concatenate(batches), reader.duration or 0.0, tuple(reader.warnings))
