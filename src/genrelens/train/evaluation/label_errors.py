"""Labels that are probably wrong, as a model sees them that did not learn from those tracks."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genrelens.errors import DataError, display_name
from genrelens.prediction import PathText
from genrelens.train.evaluation.evaluate import Evaluation


class SuspectLabel(BaseModel):
    """A track whose label a model doubts.

    Attributes:
        path: of the track.
        given, told: what the track is called, and what the model would call it.
        probability, confidence: that the model gives to the one and to the other.
    """

    model_config = ConfigDict(frozen=True)

    path: PathText
    given: str
    told: str
    probability: float
    confidence: float

    @property
    def margin(self) -> float:
        """By how much the model prefers its own answer."""
        return self.confidence - self.probability

    def __str__(self) -> str:
        answers = f"{self.given} {self.probability:.2f}, told {self.told} {self.confidence:.2f}"
        return f"{self.margin:5.2f}  {answers}  {display_name(self.path)}"


def find_label_errors(evaluations: Sequence[Evaluation], least: float) -> tuple[SuspectLabel, ...]:
    """Find labels that are probably wrong by confident learning (Northcutt, Jiang & Chuang, JAIR 70, 2021).

    A track counts as another genre than it is called if its probability of that genre reaches the mean that the
    tracks called so have, as the most probable one of such genres. The model must not have learnt from the tracks.
    Suspects are what a model doubts, no more: it also doubts what it has not understood.

    Args:
        evaluations: answers to tracks, such as one for each of several folds, with the same labels.
        least: the margin by which the model must prefer its own answer.

    Returns:
        The suspects, the widest margin first.

    Raises:
        DataError: the evaluations have different labels.
    """
    labels = evaluations[0].labels
    if any(other.labels != labels for other in evaluations):
        raise DataError("the answers are to different labels, and cannot be taken together; give those of one data set")
    answers = [answer for evaluation in evaluations for answer in evaluation.answers]
    probabilities = np.array([answer.probabilities for answer in answers])
    given = np.array([labels.index(answer.truth) for answer in answers])
    thresholds = [
        probabilities[given == genre, genre].mean() if (given == genre).any() else np.inf
        for genre in range(len(labels))
    ]
    reached = np.where(probabilities >= thresholds, probabilities, -1)
    told = reached.argmax(axis=1)
    rows = np.arange(len(answers))
    doubted = np.flatnonzero((reached[rows, told] >= 0) & (told != given))
    suspects = [
        SuspectLabel(
            path=answers[row].path,
            given=labels[given[row]],
            told=labels[told[row]],
            probability=float(probabilities[row, given[row]]),
            confidence=float(probabilities[row, told[row]]),
        )
        for row in doubted
    ]
    return tuple(sorted((one for one in suspects if one.margin >= least), key=lambda one: -one.margin))
