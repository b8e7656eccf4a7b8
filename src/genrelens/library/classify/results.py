"""Decoding and classification of library tracks: each file ends in a `TrackResult`, whatever is wrong with it."""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from genrelens.audio.containers import open_source
from genrelens.audio.decoder import AudioReader
from genrelens.audio.windows import WindowCount
from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError, WorkerError, display_name
from genrelens.library.catalog.tracks import Embedding, FileStamp
from genrelens.model.input_spec import AudioInput
from genrelens.model.windows import DecodedTrack, decode_track
from genrelens.prediction import Failure, Prediction


@dataclass(frozen=True)
class DecodedFile:
    """The windows of a track as model input, with the path or URL and the stamp of the file; picklable."""

    path: Path | str
    stamp: FileStamp
    track: DecodedTrack


@dataclass(frozen=True)
class TrackResult:
    """The result of processing one file.

    Attributes:
        path: absolute path, or URL.
        stamp: stamp of the file that was processed; None if not even its stamp could be read.
        result: the prediction, or the reason for its absence.
        embedding: mean over the windows that are not silent, shape (channels,), if there is a prediction and the
            model outputs embeddings.
    """

    path: Path | str
    stamp: FileStamp | None
    result: Prediction | Failure
    embedding: Embedding | None = None


DecodedOrFailed = DecodedFile | TrackResult


def decode_file(path: Path, audio_input: AudioInput, windows: WindowCount) -> DecodedFile:
    """Decode the windows of an audio file to the input of a model: a number of them, evenly spaced, or "all".

    Raises:
        AudioError: the file cannot be used; the message says why.
    """
    with contextlib.ExitStack() as stack:
        file = open_source(os.fspath(path), stack)
        return decode_open_file(file, path, FileStamp.from_stat(os.fstat(file.fileno())), audio_input, windows)


def decode_open_file(
    file: BinaryIO, path: Path | str, stamp: FileStamp, audio_input: AudioInput, windows: WindowCount
) -> DecodedFile:
    """Like `decode_file`, for an open file with a `name`, which may be remote."""
    with AudioReader(file, audio_input.front_end.rate) as reader:
        return DecodedFile(path, stamp, decode_track(os.fspath(path), reader, audio_input, windows))


def try_decode_file(path: Path, audio_input: AudioInput, windows: WindowCount) -> DecodedOrFailed:
    """Like `decode_file`, but return a failed result instead of raising, so that other files are still processed."""
    return try_decode(path, FileStamp.try_from_path(path), partial(decode_file, path, audio_input, windows))


def try_decode(path: Path | str, stamp: FileStamp | None, decode: Callable[[], DecodedFile]) -> DecodedOrFailed:
    """Return the result of `decode`, or the failed result for `path` if it raises."""
    try:
        return decode()
    except GenrelensError as error:
        return failed_result(path, stamp, error)
    except Exception as error:  # perhaps a bug of a decoder: if it ended the run, every run would end at this file
        message = f"{display_name(path)} could not be classified ({type(error).__name__}: {error}); please report this"
        return failed_result(path, stamp, WorkerError(message))


def failed_result(path: Path | str, stamp: FileStamp | None, error: GenrelensError) -> TrackResult:
    """Return the result for a file that cannot be used."""
    return TrackResult(path, stamp, Failure.from_error(os.fspath(path), error))


def crash_result(path: Path | str) -> TrackResult:
    """Return the result for a file that crashed its worker process."""
    stamp = FileStamp.try_from_path(path) if isinstance(path, Path) else None
    crash = f"{display_name(path)} crashed its worker process (or memory ran out)"
    return failed_result(path, stamp, WorkerError(f"{crash}; try it alone with `genrelens predict`"))


def classify_tracks(classifier: Classifier, files: Sequence[DecodedFile]) -> list[TrackResult]:
    """Classify decoded files together; no result depends on the other files."""
    results = zip(files, classifier.classify([file.track for file in files]), strict=True)
    return [TrackResult(file.path, file.stamp, prediction, embedding) for file, (prediction, embedding) in results]
