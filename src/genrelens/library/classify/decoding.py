"""The first half of judging a track, which needs no model: decoding, and what the net takes."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from genrelens.audio.containers import open_source
from genrelens.audio.decoder import AudioReader
from genrelens.audio.windows import WindowCount
from genrelens.classifier import window_batches
from genrelens.library.catalog.tracks import FileStamp
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import ModelInput


@dataclass(frozen=True)
class DecodedTrack:
    """The windows of a track as a net takes them; it can be pickled.

    Attributes:
        path: absolute; or an address.
        stamp: of the very file that was read.
        planes: of the windows, (windows, planes, rows, frames).
        starts: of each window, in seconds.
        silent: whether there is nothing to hear in a window.
        duration: of the track, in seconds.
        warnings: what was wrong with the file but could be borne.
    """

    path: Path | str
    stamp: FileStamp
    planes: ModelInput
    starts: tuple[float, ...]
    silent: tuple[bool, ...]
    duration: float
    warnings: tuple[str, ...] = ()


def heard_track(path: Path, sound: AudioInput, windows: WindowCount) -> DecodedTrack:
    """Decode a track and turn its windows into what a net takes.

    Args:
        path: of audio in any format that `genrelens.audio.decoder` reads.
        sound: what the net takes; see `Card.sound`.
        windows: how many, spread over the track; or "all".

    Raises:
        AudioError: the file cannot be used; the message says why.
    """
    with contextlib.ExitStack() as stack:
        file = open_source(os.fspath(path), stack)
        return heard_file(file, path, FileStamp.from_stat(os.fstat(file.fileno())), sound, windows)


def heard_file(file: BinaryIO, path: Path | str, stamp: FileStamp, sound: AudioInput, windows: WindowCount) -> DecodedTrack:
    """As `heard_track`, of an opened file with a `name`, wherever it lies."""
    with AudioReader(file, sound.front_end.rate) as track:
        heard = list(window_batches(track, sound, windows))
        return DecodedTrack(
            path,
            stamp,
            planes=np.concatenate([some.planes for some in heard]),
            starts=tuple(start for some in heard for start in some.starts),
            silent=tuple(silent for some in heard for silent in some.silent),
            duration=track.duration or 0.0,
            warnings=tuple(track.warnings),
        )
