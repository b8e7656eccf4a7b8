"""Search for probable label errors, from the predictions of a model that was not trained on the tracks."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from genrelens.errors import DataError, display_name
from genrelens.prediction import PathText
from genrelens.records import FrozenModel
from genrelens.train.evaluation.evaluate import Evaluation


class SuspectLabel(FrozenModel, serialize_by_alias=True, validate_by_name=True):
    """A track with a label that is probably wrong.

    Attributes:
        path: path of the track.
        given: label of the track in the data.
        predicted: label that the model predicts.
        probability: predicted probability of the given label.
        confidence: predicted probability of the predicted label.
    """

    path: PathText
    given: str
    predicted: str = Field(alias="told")
    probability: float
    confidence: float

    @property
    def margin(self) -> float:
        """Probability of the predicted label minus the probability of the given label."""
        return self.confidence - self.probability

    def __str__(self) -> str:
        labels = f"{self.given} {self.probability:.2f}, predicted {self.predicted} {self.confidence:.2f}"
        return f"{self.margin:5.2f}  {labels}  {display_name(self.path)}"


def find_label_errors(evaluations: Sequence[Evaluation], min_margin: float) -> tuple[SuspectLabel, ...]:
    """Find labels that are probably wrong by confident learning (Northcutt, Jiang & Chuang, JAIR 70, 2021).

    A track counts as a genre if its probability of that genre reaches the mean of the tracks labelled with it; of
    several such genres, the most probable one counts. The model must not have been trained on the tracks. Candidates
    still need a human check: a model also doubts labels of music that it does not understand.

    Args:
        evaluations: predictions for the tracks, such as one evaluation per fold, with the same labels.
        min_margin: how much more probable than the given label the predicted one must be.

    Returns:
        The suspect labels, the widest margin first.

    Raises:
        DataError: the evaluations have different labels.
    """
    labels = evaluations[0].labels
    if any(other.labels != labels for other in evaluations):
        raise DataError("the evaluations have different labels; give evaluations of one dataset")
    answers = [answer for evaluation in evaluations for answer in evaluation.answers]
    probabilities = np.array([answer.probabilities for answer in answers])
    given = np.array([labels.index(answer.truth) for answer in answers])
    thresholds = [
        probabilities[given == genre, genre].mean() if (given == genre).any() else np.inf
        for genre in range(len(labels))
    ]
    above_threshold = np.where(probabilities >= thresholds, probabilities, -1)
    predicted = above_threshold.argmax(axis=1)
    rows = np.arange(len(answers))
    doubted = np.flatnonzero((above_threshold[rows, predicted] >= 0) & (predicted != given))
    suspects = (
        SuspectLabel(
            path=answers[row].path,
            given=labels[given[row]],
            predicted=labels[predicted[row]],
            probability=float(probabilities[row, given[row]]),
            confidence=float(probabilities[row, predicted[row]]),
        )
        for row in doubted
    )
    return tuple(
        sorted((suspect for suspect in suspects if suspect.margin >= min_margin), key=lambda suspect: -suspect.margin)
    )
