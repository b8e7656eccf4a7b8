"""The second half of judging tracks: a model's answers to what was heard, or why there is none."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from genrelens.audio.windows import Take
from genrelens.classifier import Classifier, Heard, joined, vote
from genrelens.errors import GenrelensError, WorkerError, shown
from genrelens.library.catalog.tracks import Embedding, Stamp
from genrelens.library.classify.decoding import HeardTrack, heard_track
from genrelens.model.input_spec import Sound
from genrelens.model.session import Judgement
from genrelens.prediction import Failure, Prediction

TOGETHER = 12  # windows in one run of the net: 4 % faster than three, and more are no faster


@dataclass(frozen=True)
class Outcome:
    """What came of a track.

    Attributes:
        path: absolute; or an address.
        stamp: of the file that was judged; None if it could not even be looked at.
        result: the answer, or why there is none.
        embedding: (channels,), the mean over the windows; if there is an answer and the model gives one.
    """

    path: Path | str
    stamp: Stamp | None
    result: Prediction | Failure
    embedding: Embedding | None = None


def heard_or_failed(path: Path, sound: Sound, windows: Take) -> HeardTrack | Outcome:
    """As `heard_track`, but a file that cannot be used is an outcome: it must not end the work on the others."""
    return attempted(path, Stamp.now(path), partial(heard_track, path, sound, windows))


def attempted(path: Path | str, stamp: Stamp | None, hear: Callable[[], HeardTrack]) -> HeardTrack | Outcome:
    """What is heard of a file, or the outcome of it that nothing is."""
    try:
        return hear()
    except GenrelensError as error:
        return failed(path, stamp, error)
    except Exception as error:  # of a decoder, perhaps: a run that it ended would end at this file each time
        fault = f"{shown(path)} could not be judged ({type(error).__name__}: {error}); please report this"
        return failed(path, stamp, WorkerError(fault))


def failed(path: Path | str, stamp: Stamp | None, error: GenrelensError) -> Outcome:
    """The outcome of a file that cannot be used."""
    return Outcome(path, stamp, Failure.of(os.fspath(path), error))


def judge_tracks(classifier: Classifier, heard: Sequence[HeardTrack]) -> list[Outcome]:
    """Ask a model about tracks together; no answer depends on which others are beside it.

    Args:
        classifier: whose model takes what was heard.
        heard: the tracks, each with at least one window.
    """
    if not heard:
        return []
    windows = Heard(
        np.concatenate([track.planes for track in heard]),
        tuple(start for track in heard for start in track.starts),
        tuple(silent for track in heard for silent in track.silent),
    )
    judged = joined(
        [classifier.judge(_part(windows, at, at + TOGETHER)) for at in range(0, len(windows.starts), TOGETHER)]
    )
    ends = np.cumsum([0, *(len(track.starts) for track in heard)])
    return [
        _outcome(classifier, track, _of(judged, begin, end))
        for track, (begin, end) in zip(heard, pairwise(ends), strict=True)
    ]


def _outcome(classifier: Classifier, track: HeardTrack, judged: Judgement) -> Outcome:
    prediction = classifier.conclude(
        os.fspath(track.path), judged, track.starts, track.silent, track.duration, track.warnings
    )
    embedding = None if judged.embeddings is None else vote(judged.embeddings, np.array(track.silent))
    return Outcome(track.path, track.stamp, prediction, embedding)


def _part(windows: Heard, begin: int, end: int) -> Heard:
    return Heard(windows.planes[begin:end], windows.starts[begin:end], windows.silent[begin:end])


def _of(judged: Judgement, begin: int, end: int) -> Judgement:
    return Judgement(
        judged.probabilities[begin:end],
        None if judged.embeddings is None else judged.embeddings[begin:end],
        None if judged.strangeness is None else judged.strangeness[begin:end],
    )
