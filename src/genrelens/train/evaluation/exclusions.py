"""Evaluation without tracks whose labels or audio are unreliable."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrelens.errors import DataError, display_name
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.evaluation.metrics import Metrics, classification_metrics


@dataclass(frozen=True)
class TrackList:
    """Names of tracks, and the file that lists them."""

    file: Path
    names: frozenset[str]


def read_track_list(file: Path, known: Collection[str]) -> TrackList:
    """Read track names, one per line; text after a tab and lines that start with # are comments.

    Args:
        file: text file in UTF-8.
        known: names of all tracks in the dataset.

    Raises:
        DataError: the file cannot be read, or none of its names is known.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{display_name(file)} cannot be read as a list of tracks ({error}); check the path") from error
    names = frozenset(line.split("\t")[0].strip() for line in lines if not line.startswith("#")) - {""}
    if names.isdisjoint(known):
        raise DataError(
            f"{display_name(file)} does not name any track of the dataset; list file names without folder and extension"
        )
    return TrackList(file, names)


def metrics_without(result: Evaluation, tracks: Iterable[LabelledTrack], excluded: Collection[str]) -> Metrics:
    """Compute the metrics by track again, without the excluded tracks.

    Args:
        result: evaluation of all tracks.
        tracks: labelled tracks, which map paths to names.
        excluded: names of the tracks to exclude.

    Raises:
        DataError: no track is left.
    """
    excluded_paths = {track.path for track in tracks if track.name in excluded}
    answers = [answer for answer in result.answers if answer.path not in excluded_paths]
    if not answers:
        raise DataError("the list excludes every track; shorten it")
    truth = np.array([result.labels.index(answer.truth) for answer in answers])
    return classification_metrics(result.labels, truth, np.array([answer.probabilities for answer in answers]))
