"""The second half of judging tracks: a model's answers to what was heard, or why there is none."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from genrelens.audio.windows import WindowCount
from genrelens.classifier import Classifier, WindowBatch, concatenate_outputs, mean_over_windows
from genrelens.errors import GenrelensError, WorkerError, display_name
from genrelens.library.catalog.tracks import Embedding, FileStamp
from genrelens.library.classify.decoding import DecodedTrack, heard_track
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import ModelOutput
from genrelens.prediction import Failure, Prediction

BATCH_WINDOWS = 12  # windows in one run of the net: 4 % faster than three, and more are no faster


@dataclass(frozen=True)
class TrackResult:
    """What came of a track.

    Attributes:
        path: absolute; or an address.
        stamp: of the file that was judged; None if it could not even be looked at.
        result: the answer, or why there is none.
        embedding: (channels,), the mean over the windows; if there is an answer and the model gives one.
    """

    path: Path | str
    stamp: FileStamp | None
    result: Prediction | Failure
    embedding: Embedding | None = None


def heard_or_failed(path: Path, sound: AudioInput, windows: WindowCount) -> DecodedTrack | TrackResult:
    """As `heard_track`, but a file that cannot be used is an outcome: it must not end the work on the others."""
    return attempted(path, FileStamp.try_from_path(path), partial(heard_track, path, sound, windows))


def attempted(path: Path | str, stamp: FileStamp | None, hear: Callable[[], DecodedTrack]) -> DecodedTrack | TrackResult:
    """What is heard of a file, or the outcome of it that nothing is."""
    try:
        return hear()
    except GenrelensError as error:
        return failed(path, stamp, error)
    except Exception as error:  # of a decoder, perhaps: a run that it ended would end at this file each time
        fault = f"{display_name(path)} could not be judged ({type(error).__name__}: {error}); please report this"
        return failed(path, stamp, WorkerError(fault))


def failed(path: Path | str, stamp: FileStamp | None, error: GenrelensError) -> TrackResult:
    """The outcome of a file that cannot be used."""
    return TrackResult(path, stamp, Failure.from_error(os.fspath(path), error))


def judge_tracks(classifier: Classifier, heard: Sequence[DecodedTrack]) -> list[TrackResult]:
    """Ask a model about tracks together; no answer depends on which others are beside it.

    Args:
        classifier: whose model takes what was heard.
        heard: the tracks, each with at least one window.
    """
    if not heard:
        return []
    windows = WindowBatch(
        np.concatenate([track.planes for track in heard]),
        tuple(start for track in heard for start in track.starts),
        tuple(silent for track in heard for silent in track.silent),
    )
    judged = concatenate_outputs(
        [classifier.judge(_part(windows, at, at + BATCH_WINDOWS)) for at in range(0, len(windows.starts), BATCH_WINDOWS)]
    )
    ends = np.cumsum([0, *(len(track.starts) for track in heard)])
    return [
        _outcome(classifier, track, _of(judged, begin, end))
        for track, (begin, end) in zip(heard, pairwise(ends), strict=True)
    ]


def _outcome(classifier: Classifier, track: DecodedTrack, judged: ModelOutput) -> TrackResult:
    prediction = classifier.conclude(
        os.fspath(track.path), judged, track.starts, track.silent, track.duration, track.warnings
    )
    embedding = None if judged.embeddings is None else mean_over_windows(judged.embeddings, np.array(track.silent))
    return TrackResult(track.path, track.stamp, prediction, embedding)


def _part(windows: WindowBatch, begin: int, end: int) -> WindowBatch:
    return WindowBatch(windows.planes[begin:end], windows.starts[begin:end], windows.silent[begin:end])


def _of(judged: ModelOutput, begin: int, end: int) -> ModelOutput:
    return ModelOutput(
        judged.probabilities[begin:end],
        None if judged.embeddings is None else judged.embeddings[begin:end],
        None if judged.ood_scores is None else judged.ood_scores[begin:end],
    )
