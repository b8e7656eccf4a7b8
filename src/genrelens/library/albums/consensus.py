"""The genre that the tracks of an album agree on, and the tracks that deviate from it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genrelens.model.labels import LEVEL_SEPARATOR, lineage
from genrelens.prediction import UNKNOWN, Prediction, Score

MIN_AGREEMENT = 0.5  # fraction of an album's tracks that must be predicted as its genre
OUTLIER_MARGIN = 0.3  # least probability by which an outlier's own genre exceeds the album's


@dataclass(frozen=True)
class Consensus:
    """The prediction for an album.

    Attributes:
        genres: predicted genres, most probable first; at most as many as its tracks have.
        confidence: mean probability of the first genre, 0 to 1.
        scores: mean probability of each label, highest first.
        agreement: fraction of the tracks, excluding unknown ones, that are predicted as the first genre.
    """

    genres: tuple[str, ...]
    confidence: float
    scores: tuple[Score, ...]
    agreement: float


def consensus(predictions: Sequence[Prediction]) -> Consensus | None:
    """Return the genre with the highest mean probability, if at least half of the tracks are predicted as that genre.

    The mean over tracks is more often right than a single track, and the vote avoids a genre that none of the tracks
    of a mixed album has (`benchmarks/albums.py`). Tracks count equally whatever their duration, as the same number of
    windows is analysed of each. Unknown tracks are excluded; if they are the majority, the album is unknown too. In a
    genre tree, a track also counts as all ancestors of its genre.
    """
    known = _most_frequent_model([prediction for prediction in predictions if prediction.genre != UNKNOWN])
    if not known or 2 * len(known) < len(predictions):
        return None
    scores = _mean_scores(known)
    votes = Counter(genre for prediction in known for genre in with_ancestors(prediction.genres))
    agreed = [score.label for score in scores if votes[score.label] >= MIN_AGREEMENT * len(known)]
    first = scores[0].label
    if first not in agreed:
        return None
    limit = max(len(prediction.genres) for prediction in known)
    genres = tuple(agreed[:limit]) if limit > 1 else (_deepest(first, agreed),)
    confidence = next(score.score for score in scores if score.label == genres[0])
    return Consensus(genres, confidence, scores, votes[genres[0]] / len(known))


def is_outlier(prediction: Prediction, album: Consensus) -> bool:
    """Return whether a track's genre differs from its album's by a clear margin."""
    if prediction.genre == UNKNOWN or with_ancestors(prediction.genres) & with_ancestors(album.genres):
        return False
    scores = {score.label: score.score for score in prediction.scores}
    return scores.get(prediction.genre, 0.0) - scores.get(album.genres[0], 0.0) >= OUTLIER_MARGIN


def with_ancestors(genres: Iterable[str]) -> set[str]:
    """Return genres together with all their ancestors in a genre tree."""
    return {ancestor for genre in genres for ancestor in lineage(genre)}


def _most_frequent_model(predictions: list[Prediction]) -> list[Prediction]:
    """Return the predictions of the most frequent model: labels and scores of different models cannot be averaged."""
    models = Counter((prediction.model, prediction.version) for prediction in predictions)
    most_frequent = max(models, key=models.__getitem__, default=None)
    return [prediction for prediction in predictions if (prediction.model, prediction.version) == most_frequent]


def _mean_scores(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    totals: dict[str, float] = {}
    for prediction in predictions:
        for score in prediction.scores:
            totals[score.label] = totals.get(score.label, 0.0) + score.score
    means = (Score(label=label, score=total / len(predictions)) for label, total in totals.items())
    return tuple(sorted(means, key=lambda score: -score.score))


def _deepest(genre: str, agreed: list[str]) -> str:
    """Return the deepest agreed descendant of a genre; the genre itself if the labels are not a tree."""
    return max((label for label in agreed if genre in lineage(label)), key=lambda label: label.count(LEVEL_SEPARATOR))
