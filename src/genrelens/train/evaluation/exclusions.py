"""What a model is worth without tracks that are not to be trusted."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrelens.errors import DataError, display_name
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import Evaluation
from genrelens.train.evaluation.metrics import Metrics, classification_metrics


@dataclass(frozen=True)
class TrackNames:
    """Names of tracks, and the file that they stand in."""

    file: Path
    names: frozenset[str]


def read_track_names(file: Path, known: Collection[str]) -> TrackNames:
    """Read names of tracks, one a line; what follows a tab is a remark, and so are lines that begin with #.

    Args:
        file: the list.
        known: the names of all tracks of the data set.

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
            f"{display_name(file)} names no track of the data set; give file names without folder and ending"
        )
    return TrackNames(file, names)


def evaluate_without(result: Evaluation, items: Iterable[LabelledTrack], unwanted: Collection[str]) -> Metrics:
    """Measure the answers again, by track, without those to some tracks.

    Args:
        result: the answers.
        items: the tracks, whose names are sought by path.
        unwanted: names of tracks to leave out.

    Raises:
        DataError: no track is left.
    """
    left_out = {item.path for item in items if item.name in unwanted}
    answers = [answer for answer in result.answers if answer.path not in left_out]
    if not answers:
        raise DataError("no track is left without these; shorten the list")
    truth = np.array([result.labels.index(answer.truth) for answer in answers])
    return classification_metrics(result.labels, truth, np.array([answer.probabilities for answer in answers]))
